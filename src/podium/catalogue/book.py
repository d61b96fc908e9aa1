"""What the models of well-known hosts cost: the published prices that genai-prices carries.

They come with that package and change with its version; nothing is ever fetched. Its units and the way it matches the
names of models are described at https://github.com/pydantic/genai-prices.

Where it names a price for pictures or films that our buckets cannot tell from text, the dearer of the two counts. Fees
of a host's own tools (searches, code) are not known here, as hosts do not tell them with their usage.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from podium.catalogue.profile import Price, Tier

if TYPE_CHECKING:
    from genai_prices.types import ConditionalPrice, ModelPrice, Provider

_LONGEST_NAME = 200
_PICO = 1_000_000  # pico-dollars a token, of a dollar per million tokens
_NANO = 1_000_000  # nano-dollars a call, of a dollar per thousand calls

_BUCKETS = {
    "input": ("input_mtok", "input_image_mtok", "input_video_mtok"),
    "output": ("output_mtok", "output_image_mtok", "output_video_mtok"),
    "cached_input": ("cache_read_mtok",),
    "cache_write": ("cache_write_mtok",),
    "reasoning": ("output_reasoning_mtok",),
    "audio_input": ("input_audio_mtok",),
    "audio_output": ("output_audio_mtok",),
}
"""The published units that each bucket stands for."""

_FREE = (("openrouter", "*:free"), ("google", "gemma-*"))
"""The models that a list's host gives away: https://openrouter.ai/docs/faq, https://ai.google.dev/gemini-api/docs/pricing.

They have no price in the list, and neither have those of which it just does not know one.
"""


@dataclass(frozen=True, slots=True)
class _Dated:
    """A price, or that there is none, and when it counts: always, from a day on, or at some hours."""

    published: ConditionalPrice
    price: Price | None


def published(price_list: str, model: str, at: datetime) -> Price | None:
    """The published price of a model at a moment; None where there is none in dollars a token.

    In a list's name `*` stands for what follows the last colon of the model's.
    """
    if len(model) > _LONGEST_NAME:
        return None
    if "*" in price_list:
        model, _, place = model.rpartition(":")
        price_list = price_list.replace("*", place)
    dated = _look_up(price_list, model)
    # As the package has it: the last that counts now, else the first.
    for each in reversed(dated):
        if each.published.constraint is None or each.published.constraint.active(at):
            return each.price
    return dated[0].price if dated else None


def converted(published: ModelPrice, source: str = "") -> Price | None:
    """The integer tariff of a published price; None if it lacks a price of input or output tokens.

    What is finer than a pico-dollar a token (sums of floats, by the look of them) is rounded to the nearest.
    """
    from genai_prices.types import TieredPrices  # optional: see `open_book`

    told = {name: price for name, price in vars(published).items() if price is not None}
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


def _at(told: dict[str, object], tokens: int) -> Price:
    """The price, without tiers, of a call with so many tokens of input."""
    dollars = {name: _untiered(price, tokens) for name, price in told.items()}
    buckets: dict[str, Any] = {
        bucket: max(_pico(dollars[unit]) for unit in units if unit in dollars)
        for bucket, units in _BUCKETS.items()
        if any(unit in dollars for unit in units)
    }
    request = dollars.get("requests_kcount", Decimal(0)) * _NANO
    return Price(**buckets, request=int(request.to_integral_value(ROUND_HALF_EVEN)))


def _untiered(price: object, tokens: int) -> Decimal:
    from genai_prices.types import TieredPrices  # optional: see `open_book`

    if isinstance(price, TieredPrices):
        return next((each.price for each in reversed(price.tiers) if tokens > each.start), price.base)
    if not isinstance(price, Decimal):
        raise TypeError(f"a published price is a Decimal, not {price!r}")
    return price


def _pico(dollars: Decimal) -> int:
    return int((dollars * _PICO).to_integral_value(ROUND_HALF_EVEN))


@lru_cache(maxsize=2048)  # callers may name any model
def _look_up(price_list: str, model: str) -> tuple[_Dated, ...]:
    """The prices of a model, as the package orders them; empty where its list does not have it."""
    from genai_prices import __version__  # optional: see `open_book`
    from genai_prices.types import ConditionalPrice, ModelPrice  # optional: see `open_book`

    providers = _providers()
    provider = providers.get(price_list)
    if provider is None:
        return ()
    found = provider.find_model(model, all_providers=list(providers.values()))
    if found is None:
        return ()
    source = f"genai-prices {__version__}: {price_list}/{found.id}"
    each = found.prices
    dated = [ConditionalPrice(prices=each)] if isinstance(each, ModelPrice) else each
    return tuple(
        _Dated(one, converted(one.prices, source) or _free(price_list, model, one, source)) for one in dated
    )


def _free(price_list: str, model: str, dated: ConditionalPrice, source: str) -> Price | None:
    """Nothing at all, where nothing is published for a model that is given away."""
    if any(price is not None for price in vars(dated.prices).values()):
        return None
    is_free = any(price_list == of and fnmatchcase(model.lower(), names) for of, names in _FREE)
    return Price(input=0, output=0, source=source) if is_free else None


@lru_cache(maxsize=1)
def _providers() -> dict[str, Provider]:
    from genai_prices.data import providers  # optional: slow to load, and only known hosts have prices in it

    return {each.id: each for each in providers}
