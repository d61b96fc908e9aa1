"""What stands on a receipt."""

from podium.catalogue.profile import Price
from podium.ledger.receipt import breakdown, digest
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
