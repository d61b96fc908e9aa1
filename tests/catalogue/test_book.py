"""Published prices, held against the package that publishes them, model by model."""

import warnings
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import ROUND_CEILING, Decimal

import pytest
from genai_prices.data import providers
from genai_prices.types import ConditionalPrice, ModelPrice, Provider, TieredPrices
from genai_prices.types import Usage as Published
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace as usage_with

from podium.catalogue.book import converted, published
from podium.catalogue.profile import Price, Tier
from podium.config.hosts import HOSTS
from podium.ledger.tariff import cost, read, told
from podium.vocabulary.usage import Usage

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TOKENS = st.integers(0, 3_000_000)

Named = tuple[str, ModelPrice]


def everything() -> Iterator[Named]:
    """Every published price, and what it is for."""
    for provider in providers:
        for model in provider.models:
            each = model.prices
            for one in [ConditionalPrice(prices=each)] if isinstance(each, ModelPrice) else each:
                yield f"{provider.id}/{model.id}", one.prices


def dollars(price: ModelPrice) -> Iterator[tuple[str, Decimal]]:
    """Every number in a price, and its unit."""
    for unit, value in vars(price).items():
        if isinstance(value, TieredPrices):
            yield from ((unit, each) for each in (value.base, *(tier.price for tier in value.tiers)))
        elif value is not None:
            yield unit, value


def is_exact(price: ModelPrice) -> bool:
    return all((each * 10**6) % 1 == 0 for unit, each in dollars(price) if unit.endswith("_mtok"))


ALL = list(everything())
IN_TOKENS = [(name, price, mine) for name, price in ALL if (mine := converted(price)) is not None]
SEEN_BY_US = {
    *("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok", "output_reasoning_mtok"),
    *("input_audio_mtok", "output_audio_mtok", "requests_kcount"),
    *("cache_write_1h_mtok", "web_searches_kcount"),
}
UNSEEN = {
    *("output_citation_mtok", "cache_audio_read_mtok", "cache_image_read_mtok"),
    *("storage_searches_kcount", "audio_hours", "input_audio_hours"),
}
"""Units of which hosts tell us no usage."""
DEARER = {"input_image_mtok", "input_video_mtok", "output_image_mtok", "output_video_mtok"}
"""Units that our buckets cannot tell from text."""


def test_every_published_price_of_tokens_is_converted_and_what_is_not_is_told() -> None:
    inexact = [name for name, price, _ in IN_TOKENS if not is_exact(price)]
    elsewise = [name for name, price in ALL if converted(price) is None]
    print(
        f"{len(ALL)} published prices: {len(IN_TOKENS)} of tokens, {len(inexact)} of them rounded; not of tokens:"
    )
    print("rounded to a pico-dollar a token:", ", ".join(sorted(set(inexact))))
    print("without a price of input or of output tokens:", ", ".join(sorted(set(elsewise))))
    assert len(IN_TOKENS) > 2_000
    assert len(inexact) < 50
    for name, price in ALL:
        units = {unit for unit, _ in dollars(price)}
        assert (converted(price) is None) == (not {"input_mtok", "output_mtok"} <= units), name


def test_every_published_price_that_fits_converts_exactly() -> None:
    buckets = {
        "input_mtok": "input",
        "output_mtok": "output",
        "cache_read_mtok": "cached_input",
        "cache_write_mtok": "cache_write",
        "cache_write_1h_mtok": "cache_write_hour",
        "output_reasoning_mtok": "reasoning",
        "input_audio_mtok": "audio_input",
        "output_audio_mtok": "audio_output",
    }
    compared = 0
    for name, price, mine in IN_TOKENS:
        units = {unit for unit, _ in dollars(price)}
        for unit, bucket in buckets.items():
            value = getattr(price, unit)
            if value is None or not is_exact(price) or (units & DEARER and bucket in {"input", "output"}):
                continue
            first = value.base if isinstance(value, TieredPrices) else value
            assert getattr(mine, bucket) == first * 10**6, (name, unit)
            compared += 1
            for tier in value.tiers if isinstance(value, TieredPrices) else ():
                assert getattr(mine.at(tier.start + 1), bucket) == tier.price * 10**6, (name, unit)
                compared += 1
        assert read(told(mine)) == mine
    assert compared > 5_000


def test_no_published_unit_is_overlooked() -> None:
    units = {unit for _, price, _ in IN_TOKENS for unit, _ in dollars(price)}
    assert units <= SEEN_BY_US | UNSEEN | DEARER


def theirs(price: ModelPrice, usage: Usage) -> Decimal:
    """What the package says a call costs, in nano-dollars."""
    reported = Published(
        input_tokens=usage.input_total,
        cache_read_tokens=usage.cached_input,
        cache_write_tokens=usage.written,
        output_tokens=usage.output_total,
        output_reasoning_tokens=usage.reasoning,
        input_audio_tokens=usage.audio_input,
        output_audio_tokens=usage.audio_output,
        cache_audio_read_tokens=0,
        cache_write_1h_tokens=usage.cache_write_hour,
        web_searches=usage.searches,
        output_citation_tokens=0,
    )
    return price.calc_price(reported)["total_price"] * 10**9


COMPARABLE = [
    (name, price, mine)
    for name, price, mine in IN_TOKENS
    if is_exact(price) and not DEARER & {unit for unit, _ in dollars(price)}
]


def hold(one: tuple[str, ModelPrice, Price], usage: Usage) -> None:
    name, price, mine = one
    assert cost(usage, mine) == int(theirs(price, usage).to_integral_value(ROUND_CEILING)), name


@given(st.sampled_from(COMPARABLE), st.lists(TOKENS, min_size=9, max_size=9))
def test_a_call_costs_what_the_package_says(one: tuple[str, ModelPrice, Price], tokens: list[int]) -> None:
    *most, hourly, searches = tokens
    hold(one, usage_with(Usage(*most), cache_write_hour=hourly, searches=searches))


def test_every_model_costs_what_the_package_says_for_short_and_for_long_inputs() -> None:
    assert len(COMPARABLE) > 2_000
    for one in COMPARABLE:
        hold(one, Usage(1_001, 503, 211, 307, 101, 53, 29, cache_write_hour=17, searches=3))
        hold(one, Usage(1_000_001, 503, 211, 307, 101, 53, 29, cache_write_hour=17, searches=3))


@pytest.mark.parametrize("host", [each for each in HOSTS if each.price_list], ids=lambda host: host.name)
def test_the_list_of_every_host_is_there(host: object) -> None:
    name = getattr(host, "price_list", "").replace("*", "together")
    assert name in {each.id for each in providers}


def test_a_price_of_longer_inputs_is_a_tier() -> None:
    price = published("google", "gemini-2.5-pro", NOW)
    assert price is not None
    assert (price.input, price.output, price.cached_input) == (1_250_000, 10_000_000, 125_000)
    longer = Price(input=2_500_000, output=15_000_000, cached_input=250_000, search=35_000_000)
    assert price.tiers == (Tier(200_000, longer),)
    assert price.source.endswith(": google/gemini-2.5-pro")


def test_a_fee_for_each_call_is_in_the_price() -> None:
    price = published("perplexity", "sonar", NOW)
    assert price is not None
    assert price.request == 12_000_000  # 12 dollars for a thousand calls


def test_what_is_cached_for_an_hour_and_a_search_have_prices_of_their_own() -> None:
    price = published("anthropic", "claude-fable-5-2", NOW)
    assert price is not None
    assert (price.cache_write, price.cache_write_hour, price.search) == (10_000_000, 16_000_000, 10_000_000)
    assert price.served("fast").cache_write_hour == 32_000_000
    assert price.served("fast").search == price.search


def test_a_price_that_changes_with_the_hour_is_that_of_the_hour() -> None:
    by_hour = {
        hour: price.input
        for hour in range(24)
        if (price := published("deepseek", "deepseek-v4-pro", NOW.replace(hour=hour)))
    }
    assert len(by_hour) == 24
    assert len(set(by_hour.values())) == 2


def test_a_price_that_changes_on_a_day_changes_on_that_day() -> None:
    before = published("google", "gemini-3.8-flash", datetime(2026, 12, 31, 23, 59, tzinfo=UTC))
    after = published("google", "gemini-3.8-flash", datetime(2027, 1, 1, tzinfo=UTC))
    assert before is not None
    assert after is not None
    assert before.input < after.input


def test_the_host_behind_a_router_is_named_at_the_end_of_the_model() -> None:
    model = "meta-llama/Llama-3.3-70B-Instruct"
    behind = published("huggingface_*", f"{model}:together", NOW)
    assert behind is not None
    assert "huggingface_together" in behind.source
    assert published("huggingface_*", model, NOW) is None
    assert published("huggingface_*", f"{model}:nobody", NOW) is None


@pytest.mark.parametrize(
    "model", ["no-such-model-at-all", "", "gpt-5" * 100, "whisper-1", "\0", "gpt-5\n" * 3]
)
def test_a_model_that_nobody_published_or_that_is_not_paid_by_tokens_has_no_price(model: str) -> None:
    assert published("openai", model, NOW) is None


@pytest.mark.parametrize(
    ("price_list", "model"),
    [
        ("cerebras", "qwen-3-coder-480b"),
        ("huggingface_*", "ServiceNow-AI/Apriel-1.6-15b-Thinker:together"),
        ("openrouter", "google/lyria-3-pro-preview"),
        ("openrouter", "stealth/crouton-alpha"),
        ("azure", "mai-ds-r1:free"),
        ("openai", "omni-moderation-latest"),
    ],
)
def test_a_model_that_is_listed_without_any_price_is_not_free(price_list: str, model: str) -> None:
    assert published(price_list, model, NOW) is None


@pytest.mark.parametrize(
    ("price_list", "model"), [("openrouter", "qwen/qwen3-coder:free"), ("google", "gemma-3-27b-it")]
)
def test_what_a_host_gives_away_is_free(price_list: str, model: str) -> None:
    price = published(price_list, model, NOW)
    assert price is not None
    assert replace(price, source="") == Price(input=0, output=0)
    assert price.source.endswith(f"{price_list}/{model if ':' in model else 'gemma-3'}")


def test_nothing_that_is_listed_without_a_price_is_free_but_what_its_host_gives_away() -> None:
    for provider in providers:
        for model in provider.models:
            for each in [model.prices] if isinstance(model.prices, ModelPrice) else []:
                if any(True for _ in dollars(each)):
                    continue
                given_away = provider.id == "openrouter" and model.id.endswith(":free")
                given_away |= provider.id == "google" and model.id.startswith("gemma")
                price = published(provider.id, model.id, NOW)
                assert (price is None) or given_away or price.input, (provider.id, model.id)


@given(st.text(max_size=300), st.sampled_from([each.id for each in providers]))
def test_any_name_may_be_asked_for(model: str, provider: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        price = published(provider, model, NOW)
    assert price is None or price.input >= 0


def test_every_tier_of_service_costs_what_the_package_says() -> None:
    compared = 0
    usage = Usage(300_001, 503, 211, 307, 101)
    for provider in providers:
        for model in provider.models:
            for variant in model.price_variants or ():
                [(key, tier)] = variant.when.items()
                usual = published(provider.id, model.id, NOW)
                if key not in {"service_tier", "speed"} or usual is None:
                    continue
                price = model.get_prices(NOW, {key: tier})
                if not is_exact(price) or DEARER & {unit for unit, _ in dollars(price)}:
                    continue
                hold((f"{provider.id}/{model.id} {tier}", price, usual.served(tier)), usage)
                compared += 1
    assert compared > 80


def test_a_tier_of_service_that_costs_what_is_usual_is_not_told_apart() -> None:
    price = published("openai", "gpt-5", NOW)
    assert price is not None
    assert {each.tier: (each.price.input, each.price.output) for each in price.variants} == {
        "priority": (2_500_000, 20_000_000),
        "fast": (2_500_000, 20_000_000),
        "flex": (625_000, 5_000_000),
    }
    assert price.served("default") is price
    fast = published("anthropic", "claude-fable-5-2", NOW)
    assert fast is not None
    assert [each.tier for each in fast.variants] == ["fast"]
    assert fast.served("fast").output == 80_000_000


def test_a_price_of_a_tier_counts_from_its_day_on() -> None:
    before, after = (
        published("openai", "gpt-5", datetime(2026, 10, day, 12, tzinfo=UTC)) for day in (11, 12)
    )
    assert before is not None
    assert after is not None
    assert (before.variants, len(after.variants)) == ((), 3)


def test_a_price_is_the_same_object_each_time_it_is_looked_up() -> None:
    assert published("openai", "gpt-5", NOW) is published("openai", "gpt-5", NOW)


def test_the_package_is_never_asked_to_fetch() -> None:
    from genai_prices import data_snapshot

    assert data_snapshot._custom_snapshot is None
    assert all(isinstance(each, Provider) for each in providers)
