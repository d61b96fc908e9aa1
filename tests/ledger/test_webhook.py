"""How messages to the operator's receiver are signed, and which keys are taken."""

import base64

import pytest

from podium.ledger.webhook import Webhook, read_secret, signed
from tests.ledger.receiver import SECRET


def secret(size: int) -> str:
    return f"whsec_{base64.b64encode(bytes(size)).decode()}"


def test_signatures_are_those_of_the_reference_implementation() -> None:
    body = b'{"test": 2432232314}'
    assert signed(read_secret(SECRET), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        "whsec_c2hvcnQ=",
        SECRET.removeprefix("whsec_"),
        "whsec_§§",
        f"{SECRET}whsec_",
        secret(23),
        secret(65),
        f"{secret(32)[:20]}!{secret(32)[20:]}",
    ],
)
def test_a_secret_that_is_none_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="whsec_") as refused:
        read_secret(text)
    assert str(refused.value) == 'should be "whsec_" and 24 to 64 random bytes in base64'


@pytest.mark.parametrize("size", [24, 64])
def test_a_secret_of_24_to_64_bytes_is_its_bytes(size: int) -> None:
    assert read_secret(secret(size)) == bytes(size)


def test_neither_address_nor_key_is_in_any_representation() -> None:
    assert "hush" not in repr(Webhook("https://example.org/hush", "hush"))
