"""What hosts say of what was used, and how it was served, in each wire's words."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from msgspec.structs import asdict, astuple

from podium.ledger.streamed import is_credible
from podium.ledger.till import _buckets
from podium.vocabulary.event import Delta, UsageSeen
from podium.vocabulary.usage import Usage
from podium.wires.anthropic.usage import read_usage as read_messages
from podium.wires.gemini.usage import read_usage as read_gemini
from podium.wires.openai_chat.usage import read_usage as read_chat
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


def test_what_is_cached_for_an_hour_is_told_apart_from_what_is_cached_for_minutes() -> None:
    written = {"cache_creation_input_tokens": 30, "cache_creation": {"ephemeral_1h_input_tokens": 20}}
    assert messages({**anthropic.USAGE, **written}) == Usage(9, output=1, cache_write=10, cache_write_hour=20)
    more = {"cache_creation_input_tokens": 30, "cache_creation": {"ephemeral_1h_input_tokens": 40}}
    assert messages({**anthropic.USAGE, **more}) == Usage(9, output=1, cache_write_hour=30)
    for nothing in (None, 7, {}, {"ephemeral_1h_input_tokens": None}):
        usage = {**anthropic.USAGE, "cache_creation_input_tokens": 30, "cache_creation": nothing}
        assert messages(usage) == Usage(9, output=1, cache_write=30)


def test_searches_of_the_web_are_counted_beside_the_tokens() -> None:
    found = messages(
        {**anthropic.USAGE, "server_tool_use": {"web_search_requests": 3, "web_fetch_requests": 2}}
    )
    assert found == Usage(9, output=1, searches=3)
    assert (found.input_total, found.output_total) == (9, 1)
    for nothing in (None, 7, {}, {"web_search_requests": -1}):
        assert messages({**anthropic.USAGE, "server_tool_use": nothing}) == Usage(9, output=1)


def messages(usage: object) -> Usage:
    found = read_messages(Raw(json.dumps(usage).encode()))
    assert found is not None
    return found


NAMES = st.sampled_from(
    [
        *("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"),
        *("prompt_tokens", "completion_tokens", "total_tokens", "reasoning_tokens", "audio_tokens"),
        *("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "toolUsePromptTokenCount"),
        *("totalTokenCount", "cachedContentTokenCount", "ephemeral_1h_input_tokens", "web_search_requests"),
        *("cached_tokens", "thinking_tokens", "cache_write_tokens"),
    ]
)
COUNTS = st.dictionaries(NAMES, st.integers(-10, 2**70) | st.sampled_from([9 * 10**8, 10**9]) | st.floats())
SOUND = st.builds(lambda count: {"modality": "AUDIO", "tokenCount": count}, st.integers(0, 2**40))
WILD = st.builds(
    lambda top, inner, rounds, sound: {
        **top,
        **dict.fromkeys(("cache_creation", "server_tool_use", "output_tokens_details"), inner),
        **dict.fromkeys(("prompt_tokens_details", "completion_tokens_details"), inner),
        **dict.fromkeys(("promptTokensDetails", "candidatesTokensDetails", "cacheTokensDetails"), sound),
        "iterations": rounds,
    },
    COUNTS,
    COUNTS,
    st.lists(COUNTS, max_size=5),
    st.lists(SOUND, max_size=4),
)


@given(WILD)
def test_no_count_is_more_than_the_ledger_holds_whatever_a_host_says(usage: dict[str, object]) -> None:
    text = Raw(json.dumps(usage).replace("Infinity", "1e999").replace("NaN", "null").encode())
    for read in (read_chat, read_messages, read_gemini):
        found = read(text)
        if found is not None:
            assert all(0 <= each <= 1_000_000_000 for each in astuple(found)), asdict(found)


@given(st.builds(Usage, *[st.integers(0, 2**40)] * 10).map(lambda usage: usage.capped(10_000_000)))
def test_an_entry_has_room_for_every_usage_that_is_believed(usage: Usage) -> None:
    assert is_credible(usage) == (usage != Usage())
    assert sum(_buckets(usage)) == sum(astuple(usage)) - usage.searches
    assert max(_buckets(usage)) < 2**31


@given(st.integers(0, 9), st.integers(10_000_001, 2**70))
def test_a_usage_with_one_count_beyond_every_window_is_not_believed(kind: int, tokens: int) -> None:
    assert not is_credible(Usage(*[tokens if each == kind else 1 for each in range(10)]))


def test_three_iterations_of_a_mistake_are_no_more_than_one() -> None:
    rounds = [{"type": "compaction", "input_tokens": 9 * 10**8, "output_tokens": 9 * 10**8}] * 3
    assert messages({**anthropic.USAGE, "iterations": rounds}) == Usage(10**9, output=10**9)
