"""What stands on a receipt."""

import dataclasses

from msgspec.structs import astuple

from podium.catalogue.profile import Price, Variant
from podium.kit import money
from podium.ledger.receipt import breakdown, digest, explained
from podium.ledger.tariff import cost
from podium.vocabulary.cost import CostBreakdown
from podium.vocabulary.usage import Usage

PRICE = Price(
    input=1_000_000,
    output=2_000_000,
    cached_input=3_000_000,
    cache_write=4_000_000,
    reasoning=5_000_000,
    audio_input=6_000_000,
    request=8,
)


def test_a_tariff_is_named_by_what_it_says() -> None:
    name, told = digest(Price(input=150_000, output=600_000))
    assert (name, told) == ("tar_4dcf6b3fd49e8d5068fbc4e3", '{"input":"0.15","output":"0.6"}')


def test_each_part_of_a_cost_is_told_in_dollars() -> None:
    usage = Usage(input=1, cached_input=2, cache_write=3, output=4, reasoning=5, audio_input=6)
    assert breakdown(usage, PRICE) == CostBreakdown(
        input_cost="0.000001",
        cached_cost="0.000006",
        cache_write_cost="0.000012",
        output_cost="0.000008",
        thinking_cost="0.000025",
        audio_cost="0.000036",
        request_cost="0.000000008",
    )


FAST = Price(input=3_000_000, output=9_000_000)
FLEX = Price(input=500_000, output=1_000_000)
SERVED = Price(
    input=1_000_000, output=2_000_000, variants=(Variant("fast", FAST), Variant("flex", FLEX)), request=8
)
USAGE = Usage(input=100, output=10)


def test_an_amount_is_explained_by_the_tier_of_service_that_it_was_reckoned_by() -> None:
    for price in (SERVED, FAST, FLEX):
        assert explained(USAGE, SERVED, cost(USAGE, price)) == breakdown(USAGE, price)


def test_of_two_tiers_that_cost_the_same_it_is_the_first() -> None:
    usual = dataclasses.replace(
        SERVED, variants=(Variant("scale", dataclasses.replace(FAST, search=1)), *SERVED.variants)
    )
    for price in (usual, FAST):
        assert explained(USAGE, usual, cost(USAGE, price)) == breakdown(USAGE, price)


def test_what_a_price_does_not_explain_is_counted_with_what_the_call_itself_costs() -> None:
    amount = cost(USAGE, FAST) + 5
    parts = explained(USAGE, SERVED, amount)
    assert parts.request_cost == money.dollars(5)
    assert sum(map(money.nano, astuple(parts))) == amount
