"""What usage costs, and how a price is kept."""

import dataclasses
import json
from decimal import ROUND_CEILING, Decimal

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import astuple

from podium.catalogue.profile import Price, Tier, Variant
from podium.ledger.tariff import Breakdown, breakdown, cost, dearest, read, told
from podium.vocabulary.usage import Usage

TOKENS = st.integers(0, 10_000_000)
USAGES = st.builds(Usage, **dict.fromkeys(Usage.__struct_fields__, TOKENS))
PICO = st.integers(0, 10**12)
FEES = st.integers(0, 10**15)
_SPECIAL = ("cached_input", "cache_write", "cache_write_hour", "reasoning", "audio_input", "audio_output")


def prices(**more: st.SearchStrategy[object]) -> st.SearchStrategy[Price]:
    special = dict.fromkeys(_SPECIAL, st.none() | PICO)
    return st.builds(Price, input=PICO, output=PICO, request=FEES, search=FEES, **special, **more)


STARTS = st.lists(st.integers(0, 2_000_000), unique=True, max_size=3).map(sorted)
TIERED = prices(
    tiers=STARTS.flatmap(
        lambda starts: st.tuples(*(st.builds(Tier, st.just(at), prices()) for at in starts))
    ),
    source=st.text(max_size=40),
)


def dollars(usage: Usage, price: Price) -> Decimal:
    """The cost by another way: dollars per million tokens, in decimals, bucket by bucket."""
    for tier in price.tiers:
        if usage.input_total > tier.above:
            price = tier.price
    kinds = {
        "input": ("input", "input"),
        "tool_use": ("input", "input"),
        "cached_input": ("cached_input", "input"),
        "cache_write": ("cache_write", "input"),
        "cache_write_hour": (
            "cache_write"
            if price.cache_write_hour is None and price.cache_write is not None
            else "cache_write_hour",
            "input",
        ),
        "audio_input": ("audio_input", "input"),
        "output": ("output", "output"),
        "reasoning": ("reasoning", "output"),
        "audio_output": ("audio_output", "output"),
    }
    total = Decimal(price.request + usage.searches * price.search) / 10**9
    for bucket, (special, usual) in kinds.items():
        pico = getattr(price, special)
        per_million = Decimal(getattr(price, usual) if pico is None else pico) / 10**6
        total += Decimal(getattr(usage, bucket)) * per_million / 10**6
    return total


@given(USAGES, TIERED)
def test_a_cost_is_the_ceiling_of_the_exact_sum(usage: Usage, price: Price) -> None:
    exact = dollars(usage, price) * 10**9
    assert cost(usage, price) == int(exact.to_integral_value(ROUND_CEILING))


@given(USAGES, TIERED)
def test_the_parts_of_a_cost_sum_up_to_it_and_none_is_negative(usage: Usage, price: Price) -> None:
    parts = astuple(breakdown(usage, price))
    assert sum(parts) == cost(usage, price)
    assert min(parts) >= 0


def test_each_part_is_what_it_says() -> None:
    price = Price(
        input=1_000,
        output=2_000,
        cached_input=3_000,
        cache_write=4_000,
        reasoning=5_000,
        audio_input=6_000,
        audio_output=7_000,
        request=8,
    )
    usage = Usage(1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 20)
    assert breakdown(usage, price) == Breakdown(
        input=21,
        cached=30,
        cache_write=400,
        output=2_000,
        thinking=50_000,
        audio=7_600_000,
        request=8,
    )


def test_a_bucket_without_a_price_costs_what_its_kind_does() -> None:
    price = Price(input=1_000, output=7_000)
    entering = Usage(input=1, cached_input=1, cache_write=1, audio_input=1, tool_use=1)
    leaving = Usage(output=1, reasoning=1, audio_output=1)
    assert (cost(entering, price), cost(leaving, price)) == (5, 21)


def test_the_least_use_costs_a_nano_dollar_and_none_nothing() -> None:
    price = Price(input=1, output=1)
    assert (cost(Usage(input=1), price), cost(Usage(input=1_001), price), cost(Usage(), price)) == (1, 2, 0)


def test_a_tier_counts_for_the_whole_call_by_all_that_went_in_and_only_above_its_start() -> None:
    dear = Tier(200, Price(input=2_000, output=30_000))
    price = Price(input=1_000, output=10_000, tiers=(Tier(100, Price(input=1_500, output=20_000)), dear))
    assert cost(Usage(input=100, output=1), price) == 100 + 10
    assert cost(Usage(input=50, cached_input=51, output=1), price) == 151.5 + 20 + 0.5
    assert cost(Usage(input=1, cache_write=200, output=1), price) == 402 + 30


@given(TIERED)
def test_a_price_is_read_back_as_it_was_told(price: Price) -> None:
    assert read(told(price)) == price


def test_a_price_is_read_of_which_no_more_is_told_than_must_be() -> None:
    assert read('{"input":"1","output":"2"}') == Price(1_000_000, 2_000_000)


def test_a_price_is_told_in_dollars_per_million_tokens() -> None:
    longer = Tier(200_000, Price(input=2_500_000, output=15_000_000))
    price = Price(input=1_250_000, output=10_000_000, request=12_000_000, tiers=(longer,), source="list 1")
    assert told(price) == (
        '{"input":"1.25","output":"10","request":"0.012",'
        '"tiers":[{"above":200000,"input":"2.5","output":"15"}],"source":"list 1"}'
    )


NAMES = st.sampled_from(["priority", "flex", "fast"])
SERVED = prices(
    variants=st.lists(st.builds(Variant, NAMES, TIERED), max_size=3, unique_by=lambda each: each.tier).map(
        tuple
    ),
    asked=st.just("") | NAMES,
)


@given(SERVED)
def test_a_price_with_tiers_of_service_is_kept_to_the_last_digit(price: Price) -> None:
    assert read(told(price)) == price


@given(TIERED)
def test_a_price_without_tiers_of_service_is_kept_as_it_always_was(price: Price) -> None:
    price = dataclasses.replace(price, cache_write_hour=None, search=0, tiers=())
    assert not {"variants", "asked", "cache_write_hour", "search"} & json.loads(told(price)).keys()


@given(SERVED, st.none() | NAMES | st.just("default"))
def test_a_call_costs_what_the_tier_costs_that_its_host_names_else_the_one_asked_for(
    price: Price, named: str | None
) -> None:
    by_name = {each.tier: each.price for each in price.variants}
    assert price.served(named) == by_name.get(price.asked if named is None else named, price)


@given(USAGES, SERVED)
def test_the_dearest_is_the_dearer_of_what_is_usual_and_what_was_asked_for(
    usage: Usage, price: Price
) -> None:
    asked = next((each.price for each in price.variants if each.tier == price.asked), price)
    assert cost(usage, dearest(usage, price)) == max(cost(usage, price), cost(usage, asked))
