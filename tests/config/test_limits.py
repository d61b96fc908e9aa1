"""[limits] in podium.toml and in the environment."""

from pathlib import Path

import pytest

from podium.config.load import load
from podium.config.mistake import Misconfigured
from podium.config.settings import Settings
from podium.identity.quota import Limit, Limits

FILE = """
[limits]
replicas = 2

[limits.free]
requests_per_minute = 7
tokens_per_minute = 900
concurrent_turns = 0

[limits.tenant]
tokens_per_minute = 50000
"""


def loaded(place: Path, text: str = "", **environment: str) -> Settings:
    (place / "podium.toml").write_text(text)
    return load({"data_dir": place / "data"}, {"PODIUM_LOCAL": "0", **environment}, place)


def source(settings: Settings, name: str) -> str:
    [found] = [each.source for each in settings.origins if each.name == name]
    return found


def test_without_a_word_each_tier_has_its_own(tmp_path: Path) -> None:
    limits = loaded(tmp_path).limits
    assert limits == Limits()
    requests = {tier: limit.requests for tier, limit in limits.tiers.items()}
    assert requests == {
        "free": 5,
        "basic": 10,
        "professional": 100,
        "enterprise": 500,
        "unlimited": None,
    }


def test_the_file_goes_over_defaults_and_the_environment_over_the_file(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        FILE,
        PODIUM_LIMITS_FREE_REQUESTS_PER_MINUTE="9",
        PODIUM_LIMITS_KEY_CONCURRENT_TURNS="3",
        PODIUM_LIMITS_TURNS_PER_PROCESS="50",
        PODIUM_LIMITS_QUEUED_PER_CONVERSATION="20",
    )
    limits = settings.limits
    assert limits.tiers["free"] == Limit(requests=9, tokens=900, turns=None)
    assert limits.tiers["basic"] == Limit(requests=10, turns=10)
    assert limits.tenant == Limit(tokens=50_000)
    assert limits.key == Limit(turns=3)
    assert (limits.replicas, limits.most_turns, limits.most_queued) == (2, 50, 20)
    assert source(settings, "limits.free.requests_per_minute") == "PODIUM_LIMITS_FREE_REQUESTS_PER_MINUTE"
    assert source(settings, "limits.free.tokens_per_minute") == "podium.toml:7"
    assert source(settings, "limits.replicas") == "podium.toml:3"
    assert source(settings, "limits.basic.requests_per_minute") == "default"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[limits]\nreplica = 2\n", 'podium.toml:2: unknown key "replica" in [limits]'),
        ("[limits.fre]\nrequests_per_minute = 7\n", 'podium.toml:1: unknown key "fre" in [limits]'),
        ("[limits.free]\nrequests_per_minut = 7\n", 'did you mean "requests_per_minute"?'),
        ("[limits.free]\nrequests_per_minute = -7\n", "should be greater than or equal to 0, not -7"),
        ("[limits]\nfree = 5\n", "[limits.free] should be a table, not 5"),
    ],
)
def test_a_mistake_in_the_file_is_told_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        loaded(tmp_path, text)
    assert told in str(caught.value)


def test_a_mistake_in_the_environment_is_told_by_its_variable(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as caught:
        loaded(tmp_path, PODIUM_LIMITS_BASIC_TOKENS_PER_MINUTE="many", PODIUM_LIMITS_REPLICAS="0")
    assert set(caught.value.mistakes) == {
        'PODIUM_LIMITS_BASIC_TOKENS_PER_MINUTE should be a whole number, not "many"',
        'PODIUM_LIMITS_REPLICAS should be greater than or equal to 1, not "0"',
    }
