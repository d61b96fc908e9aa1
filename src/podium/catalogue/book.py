"""What the models of well-known hosts cost: the published prices that genai-prices carries.

They come with that package and change with its version; nothing is ever fetched. Its units and the way it matches the
names of models are described at https://github.com/pydantic/genai-prices.

Where it names a price for pictures or films that our buckets cannot tell from text, the dearer of the two counts. Of
the fees of a host's own tools only that of a search is known; of the others nothing is told that could be counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from podium.catalogue.profile import Price, Tier, Variant

if TYPE_CHECKING:
    from genai_prices.types import ConditionalPrice, ModelPrice, PriceVariant, Provider, TieredPrices

_LONGEST_NAME = 200
_PICO = 1_000_000  # pico-dollars a token, of a dollar per million tokens
_NANO = 1_000_000  # nano-dollars each, of a dollar per thousand

_BUCKETS = {
    "input": ("input_mtok", "input_image_mtok", "input_video_mtok"),
    "output": ("output_mtok", "output_image_mtok", "output_video_mtok"),
    "cached_input": ("cache_read_mtok",),
    "cache_write": ("cache_write_mtok",),
    "cache_write_hour": ("cache_write_1h_mtok",),
    "reasoning": ("output_reasoning_mtok",),
    "audio_input": ("input_audio_mtok",),
    "audio_output": ("output_audio_mtok",),
}
"""The published units that each bucket stands for."""

_FEES = {"request": "requests_kcount", "search": "web_searches_kcount"}
"""The published units of fees."""

_FREE = (("openrouter", "*:free"), ("google", "gemma-*"))
"""The models that a list's host gives away: https://openrouter.ai/docs/faq, https://ai.google.dev/gemini-api/docs/pricing.

They have no price in the list, and neither have those of which it just does not know one.
"""


_TIERS = {"service_tier", "speed"}
"""What a call can ask for of which its host says whether it was given: not batches, or other places."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A model in a list: its prices, and those of its tiers of service, each with when it counts."""

    source: str
    dated: tuple[ConditionalPrice, ...]
    variants: tuple[PriceVariant, ...]


def published(price_list: str, model: str, at: datetime) -> Price | None:
    """The published price of a model at a moment; None where there is none in dollars a token.

    In a list's name `*` stands for what follows the last colon of the model's.
    """
    if len(model) > _LONGEST_NAME:
        return None
    if "*" in price_list:
        model, _, place = model.rpartition(":")
        price_list = price_list.replace("*", place)
    found = _look_up(price_list, model)
    if found is None:
        return None
    # As the package has it: the last that counts now, else the first.
    now = [place for place, each in enumerate(found.dated) if _counts(each, at)]
    variants = tuple(place for place, each in enumerate(found.variants) if _counts(each, at))
    return _priced(price_list, model, now[-1] if now else 0, variants)


def converted(published: ModelPrice, source: str = "") -> Price | None:
    """The integer tariff of a published price; None if it lacks a price of input or output tokens.

    What is finer than a pico-dollar a token (sums of floats, by the look of them) is rounded to the nearest.
    """
    from genai_prices.types import TieredPrices  # optional: see `open_book`

    told = _said(published)
    if "input_mtok" not in told or "output_mtok" not in told:
        return None
    starts = {
        tier.start for price in told.values() if isinstance(price, TieredPrices) for tier in price.tiers
    }
    base = replace(_at(told, 0), source=source)
    return replace(base, tiers=tuple(Tier(start, _at(told, start + 1)) for start in sorted(starts)))


def open_book() -> None:
    """Load the prices now and not when the first is asked for: that takes 0.2 seconds, and 20 MB for good."""
    _providers()


def _at(told: Mapping[str, Decimal | TieredPrices], tokens: int) -> Price:
    """The price, without tiers, of a call with so many tokens of input."""
    dollars = {name: _untiered(price, tokens) for name, price in told.items()}
    buckets: dict[str, Any] = {
        bucket: max(_pico(dollars[unit]) for unit in units if unit in dollars)
        for bucket, units in _BUCKETS.items()
        if any(unit in dollars for unit in units)
    }
    fees: dict[str, Any] = {fee: _nano(dollars[unit]) for fee, unit in _FEES.items() if unit in dollars}
    return Price(**buckets, **fees)


def _untiered(price: object, tokens: int) -> Decimal:
    from genai_prices.types import TieredPrices  # optional: see `open_book`

    if isinstance(price, TieredPrices):
        return next((each.price for each in reversed(price.tiers) if tokens > each.start), price.base)
    if not isinstance(price, Decimal):
        raise TypeError(f"a published price is a Decimal, not {price!r}")
    return price


def _nano(dollars: Decimal) -> int:
    return int((dollars * _NANO).to_integral_value(ROUND_HALF_EVEN))


def _pico(dollars: Decimal) -> int:
    return int((dollars * _PICO).to_integral_value(ROUND_HALF_EVEN))


def _counts(published: ConditionalPrice | PriceVariant, at: datetime) -> bool:
    return published.constraint is None or published.constraint.active(at)


@lru_cache(maxsize=2048)  # callers may name any model
def _look_up(price_list: str, model: str) -> _Found | None:
    """A model as the package has it; None where its list does not."""
    from genai_prices import __version__  # optional: see `open_book`
    from genai_prices.types import ConditionalPrice, ModelPrice  # optional: see `open_book`

    providers = _providers()
    provider = providers.get(price_list)
    if provider is None:
        return None
    found = provider.find_model(model, all_providers=list(providers.values()))
    if found is None:
        return None
    each = found.prices
    return _Found(
        source=f"genai-prices {__version__}: {price_list}/{found.id}",
        dated=(ConditionalPrice(prices=each),) if isinstance(each, ModelPrice) else tuple(each),
        variants=tuple(
            each for each in found.price_variants or () if len(each.when) == 1 and each.when.keys() <= _TIERS
        ),
    )


@lru_cache(maxsize=2048)
def _priced(price_list: str, model: str, which: int, variants: tuple[int, ...]) -> Price | None:
    """The price of a model that is listed: one of its prices, with those of its variants that count with it."""
    found = _look_up(price_list, model)
    if found is None or not found.dated:
        return None
    usual = found.dated[which].prices
    price = converted(usual, found.source)
    if price is None:
        is_free = any(price_list == of and fnmatchcase(model.lower(), names) for of, names in _FREE)
        return Price(input=0, output=0, source=found.source) if is_free and not _said(usual) else None
    return replace(price, variants=tuple(_varied(usual, [found.variants[each] for each in variants])))


def _varied(usual: ModelPrice, variants: Sequence[PriceVariant]) -> Iterator[Variant]:
    """What each tier of service costs where that is not the usual price; of two for the same unit the first counts."""
    from genai_prices.types import ModelPrice  # optional: see `open_book`

    said: dict[str, dict[str, Decimal | TieredPrices]] = {}
    for each in variants:
        [tier] = each.when.values()
        said[tier] = {**_said(each.prices), **said.get(tier, {})}
    plain = converted(usual)
    for tier, prices in said.items():
        price = converted(ModelPrice(**{**_said(usual), **prices}))
        if price is not None and price != plain:
            yield Variant(tier, price)


def _said(published: ModelPrice) -> dict[str, Decimal | TieredPrices]:
    return {unit: price for unit, price in vars(published).items() if price is not None}


@lru_cache(maxsize=1)
def _providers() -> dict[str, Provider]:
    from genai_prices.data import providers  # optional: slow to load, and only known hosts have prices in it

    return {each.id: each for each in providers}
