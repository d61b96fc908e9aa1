"""What hosts say of what was used, and how it was served, in each wire's words."""

import pytest

from podium.vocabulary.event import Delta, UsageSeen
from tests.wires import streams as openai
from tests.wires.anthropic import streams as anthropic
from tests.wires.gemini import streams as gemini

CHAT = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}


def tiers(deltas: list[Delta]) -> set[str | None]:
    return {delta.tier for delta in deltas if isinstance(delta, UsageSeen)}


@pytest.mark.parametrize(
    ("said", "tier"), [("priority", "priority"), ("default", "default"), (None, None), (7, None), ({}, None)]
)
def test_chat_completions_say_the_tier_of_service_beside_the_usage(said: object, tier: str | None) -> None:
    whole = openai.document({"content": "Hi"}, usage=CHAT, service_tier=said)
    assert tiers(openai.read(whole)) == {tier}
    body = openai.chunk({"content": "Hi"}, service_tier="flex") + openai.chunk({}, "stop")
    last = openai.event({"choices": [], "usage": CHAT, "service_tier": said})
    assert tiers(openai.read(body + last + openai.DONE)) == {tier}
    assert tiers(openai.read(body + openai.event({"choices": [], "usage": CHAT}) + openai.DONE)) == {"flex"}


@pytest.mark.parametrize(
    ("said", "tier"),
    [
        ({"speed": "fast"}, "fast"),
        ({"speed": "standard", "service_tier": "priority"}, "standard"),
        ({"service_tier": "priority"}, None),
        ({"speed": 7}, None),
        ({}, None),
    ],
)
def test_messages_say_the_speed_in_the_usage(said: dict[str, object], tier: str | None) -> None:
    usage = {**anthropic.USAGE, **said}
    whole = anthropic.document({"type": "text", "text": "Hi"}, usage=usage)
    assert tiers(anthropic.read(whole)) == {tier}
    begun = anthropic.start(usage) + anthropic.text("Hi") + anthropic.ending()
    assert tiers(anthropic.read(begun)) == {tier}


@pytest.mark.parametrize(
    ("said", "tier"),
    [
        ({"serviceTier": "standard"}, "standard"),
        ({"serviceTier": "PRIORITY"}, "priority"),
        ({"trafficType": "ON_DEMAND"}, "standard"),
        ({"trafficType": "ON_DEMAND_FLEX"}, "flex"),
        ({"trafficType": "PROVISIONED_THROUGHPUT"}, "provisioned_throughput"),
        ({"trafficType": 1}, None),
        ({}, None),
    ],
)
def test_gemini_says_the_tier_of_service_in_the_usage(said: dict[str, object], tier: str | None) -> None:
    body = gemini.chunk({"text": "a"}, finish="STOP", usage={**gemini.USAGE, **said})
    assert tiers(gemini.read(body)) == {tier}
