"""What an attempt may cost at most: never less than any answer that it could have, never more than the dearest."""

import dataclasses
import json
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from msgspec.structs import replace

from podium.catalogue.profile import Price, Profile, Variant
from podium.ledger.tariff import cost
from podium.ledger.worth import Worth, capped, worth
from podium.ledger.worth import asked as asked_price
from podium.vocabulary.request import Request, Source
from podium.vocabulary.usage import Usage
from podium.wires.anthropic import Anthropic
from tests.ledger.desk import PRICE, asked

PICO = st.integers(0, 5_000)
SPECIAL = st.none() | PICO
PRICES = st.builds(
    Price,
    input=PICO,
    output=PICO,
    cached_input=SPECIAL,
    cache_write=SPECIAL,
    reasoning=SPECIAL,
    audio_input=SPECIAL,
    audio_output=SPECIAL,
    request=st.integers(0, 3),
)
WORTHS = st.builds(Worth, PRICES, st.integers(0, 50), st.integers(0, 60), st.integers(1, 3))


@given(WORTHS, st.integers(0, 60))
def test_it_is_the_dearest_that_tokens_may_turn_out_to_be(tag: Worth, output: int) -> None:
    entering = [
        Usage(**{name: tag.tokens}) for name in ("input", "cached_input", "cache_write", "audio_input")
    ]
    count = output * tag.choices
    leaving = [Usage(**{name: count}) for name in ("output", "reasoning", "audio_output")]
    assert tag.at(output) == max(cost(there + back, tag.price) for there, back in product(entering, leaving))
    assert (tag.floor, tag.most) == (tag.at(0), tag.at(tag.cap))


@given(WORTHS, st.integers(0, 300))
def test_what_is_covered_is_the_longest_answer_that_is(tag: Worth, amount: int) -> None:
    fitting = [output for output in range(tag.cap + 1) if tag.at(output) <= amount]
    assert tag.covered(amount) == max(fitting, default=0)
    assert tag.covered(tag.most) == tag.cap


def test_the_least_is_an_answer_of_256_tokens_or_as_long_as_it_may_be() -> None:
    assert Worth(PRICE, 10, 1000, 1).least == 10_000 + 256 * 3_000
    assert Worth(PRICE, 10, 7, 1).least == 10_000 + 7 * 3_000


@pytest.mark.parametrize("bucket", ["cached_input", "cache_write", "audio_input"])
def test_any_price_of_what_goes_in_may_be_the_dearest(bucket: str) -> None:
    price = dataclasses.replace(PRICE, **{bucket: 5_000_000})  # type: ignore[arg-type]  # they are integers
    assert Worth(price, 1, 0, 1).floor == 5_000


@pytest.mark.parametrize("bucket", ["reasoning", "audio_output"])
def test_any_price_of_what_comes_out_may_be_the_dearest(bucket: str) -> None:
    price = dataclasses.replace(PRICE, **{bucket: 7_000_000})  # type: ignore[arg-type]  # they are integers
    assert Worth(price, 0, 2, 1).most == 14_000


@pytest.mark.parametrize(
    ("asked_for", "limit", "cap"),
    [
        (None, None, 16_384),
        (500, None, 500),
        (None, 900, 900),
        (500, 900, 500),
        (1_000, 900, 900),
        (0, 900, 0),
        (-5, None, 0),
        (10**18, None, 2**31),
    ],
)
def test_the_cap_is_the_callers_or_the_models(asked_for: int | None, limit: int | None, cap: int) -> None:
    profile = Profile("lab", "small", output_limit=limit)
    assert worth(asked(max_output=asked_for), profile, PRICE, 3) == Worth(PRICE, 3, cap, 1)


@pytest.mark.parametrize(("wished", "choices"), [(None, 1), (0, 1), (1, 1), (4, 4), (-2, 1), (10**12, 1024)])
def test_each_choice_counts(wished: int | None, choices: int) -> None:
    assert worth(asked(choices=wished), Profile("lab", "small"), PRICE, 3) == Worth(PRICE, 3, 16_384, choices)


def test_a_lower_cap_changes_nothing_else() -> None:
    request = asked("Hello", max_output=1000, temperature=0.5, choices=2)
    lower = capped(request, 17)
    assert lower == replace(request, sampling=replace(request.sampling, max_output=17))


def sent(wire: str, **members: object) -> Request:
    """A request with these members beside what is asked."""
    request = asked()
    raw = {name: Raw(json.dumps(value).encode()) for name, value in members.items()}
    return replace(request, source=Source(wire, raw, request))


@given(PRICES, PRICES, st.integers(0, 50), st.integers(0, 60))
def test_of_a_tier_of_service_that_is_asked_for_the_dearer_is_held(
    usual: Price, other: Price, tokens: int, output: int
) -> None:
    price = dataclasses.replace(usual, variants=(Variant("priority", other),))
    plain, tiered = (
        Worth(each, tokens, 60, 1) for each in (price, dataclasses.replace(price, asked="priority"))
    )
    assert plain.at(output) == Worth(usual, tokens, 60, 1).at(output)
    assert tiered.at(output) == max(Worth(each, tokens, 60, 1).at(output) for each in (usual, other))


TIERED = dataclasses.replace(
    PRICE, variants=tuple(Variant(each, Price(9, 9)) for each in ("fast", "priority", "flex"))
)


@pytest.mark.parametrize(
    ("wire", "members", "tier"),
    [
        ("openai_chat", {"service_tier": "priority"}, "priority"),
        ("openai_chat", {"service_tier": "fast"}, "fast"),
        ("openai_chat", {"service_tier": "FLEX"}, "flex"),
        ("openai_chat", {"service_tier": "auto"}, ""),
        ("openai_chat", {"service_tier": "default"}, ""),
        ("openai_chat", {"service_tier": 7}, ""),
        ("openai_chat", {"service_tier": None}, ""),
        ("openai_chat", {"speed": "fast"}, ""),
        ("openai_chat", {}, ""),
        ("anthropic", {"speed": "fast"}, "fast"),
        ("anthropic", {"speed": "standard"}, ""),
        ("anthropic", {"service_tier": "priority"}, ""),
        ("gemini", {"serviceTier": "priority"}, "priority"),
        ("unheard", {"service_tier": "priority"}, ""),
    ],
)
def test_a_request_asks_for_a_tier_of_service_in_its_wires_own_word(
    wire: str, members: dict[str, object], tier: str
) -> None:
    assert asked_price(TIERED, sent(wire, **members)).asked == tier
    assert asked_price(PRICE, sent(wire, **members)) is PRICE


HOURLY = dataclasses.replace(PRICE, cache_write=1_250_000, cache_write_hour=2_000_000, search=10_000_000)
BREAKPOINT = {"type": "text", "text": "A", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
SEARCHING = {"type": "web_search_20250305", "name": "web_search", "max_uses": 3}


def read_in(**members: object) -> Request:
    """A request as Anthropic's door reads it."""
    said = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}], **members}
    return Anthropic().read_request({}, json.dumps(said).encode())


@pytest.mark.parametrize(
    ("members", "dearest"),
    [
        ({}, 1_250),
        ({"messages": [{"role": "user", "content": 'Say "1h"'}]}, 1_250),
        ({"messages": [{"role": "user", "content": [BREAKPOINT]}]}, 2_000),
        ({"system": [BREAKPOINT]}, 2_000),
        ({"tools": [{"name": "f", "input_schema": {}, "cache_control": BREAKPOINT["cache_control"]}]}, 2_000),
        ({"cache_control": BREAKPOINT["cache_control"]}, 2_000),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [{"type": "tool_result", "tool_use_id": "t", "content": [BREAKPOINT]}],
                    }
                ]
            },
            2_000,
        ),
    ],
)
def test_what_may_be_cached_for_an_hour_is_held_by_its_price(
    members: dict[str, object], dearest: int
) -> None:
    tag = worth(read_in(**members), Profile("lab", "small"), HOURLY, 10)
    assert tag.floor == 10 * dearest


@pytest.mark.parametrize(
    ("tools", "times"),
    [
        ([], 0),
        ([SEARCHING], 3),
        ([SEARCHING, {**SEARCHING, "name": "again"}], 6),
        ([{**SEARCHING, "max_uses": None}], 0),
        ([{**SEARCHING, "max_uses": -1}], 0),
        ([{**SEARCHING, "max_uses": 10**9}], 1_000),
        ([{**SEARCHING, "type": "web_fetch_20250910"}], 0),
        ([{"name": "web_search", "input_schema": {}, "max_uses": 4}], 0),
    ],
)
def test_as_many_searches_are_held_for_as_the_tools_allow(tools: list[object], times: int) -> None:
    tag = worth(read_in(tools=tools), Profile("lab", "small"), HOURLY, 0)
    assert tag.floor == times * 10_000_000
    assert worth(read_in(tools=tools), Profile("lab", "small"), PRICE, 0).floor == 0


def test_a_request_that_came_through_no_door_asks_for_no_tier() -> None:
    assert asked_price(TIERED, asked()) is TIERED
