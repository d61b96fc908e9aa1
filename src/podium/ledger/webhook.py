"""Webhooks as Standard Webhooks 1.0.0 has them: whom to call, and how a message is signed.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import contextlib
import hashlib
import hmac
from dataclasses import dataclass, field

_PREFIX = "whsec_"
_LEAST_BYTES, _MOST_BYTES = 24, 64


@dataclass(frozen=True, slots=True)
class Webhook:
    """The operator's receiver: its address, which may hold a secret of its own, and the secret to sign with."""

    url: str = field(repr=False)
    secret: str = field(repr=False)

    @property
    def key(self) -> bytes:
        """What messages are signed with."""
        return read_secret(self.secret)


def read_secret(text: str) -> bytes:
    """The key that `whsec_…` holds.

    Raises:
        ValueError: it is none; the text is not repeated.
    """
    with contextlib.suppress(ValueError):  # binascii.Error is one
        key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
        if text.startswith(_PREFIX) and _LEAST_BYTES <= len(key) <= _MOST_BYTES:
            return key
    raise ValueError(f'should be "{_PREFIX}" and {_LEAST_BYTES} to {_MOST_BYTES} random bytes in base64')


def signed(key: bytes, message: str, at: int, body: bytes) -> dict[str, str]:
    """The headers of a message by its id, the same at each try, and the time of this one, in seconds since 1970."""
    digest = hmac.new(key, b"%s.%d.%s" % (message.encode(), at, body), hashlib.sha256).digest()
    return {
        "webhook-id": message,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
