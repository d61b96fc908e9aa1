"""What usage costs: disjoint buckets times prices, in integers; and the text in which a ledger keeps a price."""

from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from podium.catalogue.profile import Price, Tier, Variant
from podium.kit import money
from podium.vocabulary.usage import Usage

UNKNOWN = Price(input=0, output=0, source="no price is known")
"""What a model is reckoned by that may be called although nobody knows what it costs."""

_TOKENS = (
    *("input", "output", "cached_input", "cache_write", "reasoning", "audio_input", "audio_output"),
    "cache_write_hour",
)
_FEES = ("request", "search")


class Breakdown(Struct, frozen=True):
    """A cost in nano-dollars by what it was for. The parts do not overlap; their sum is the cost."""

    input: int = 0
    cached: int = 0
    cache_write: int = 0
    output: int = 0
    thinking: int = 0
    audio: int = 0
    request: int = 0


def cost(usage: Usage, price: Price) -> int:
    """Nano-dollars for one call's usage, rounded up once, its fees included.

    With tiers, those of all tokens that went in. A bucket without a price of its own costs what its kind costs.
    """
    if price.tiers:
        price = price.at(usage.input_total)
    return _fees(usage, price) + money.nano_from_pico(sum(_pico(usage, price)))


def breakdown(usage: Usage, price: Price) -> Breakdown:
    """What the cost was for. Fractions of a nano-dollar are carried on from part to part, so that nothing is lost."""
    price = price.at(usage.input_total)
    parts, pico, before = [], 0, 0
    for each in _pico(usage, price):
        pico += each
        nano = money.nano_from_pico(pico)
        parts.append(nano - before)
        before = nano
    parts.append(_fees(usage, price))
    return Breakdown(*parts)


def dearest(usage: Usage, price: Price) -> Price:
    """By which a call costs the most: the usual price or, where another tier of service was asked for, that tier's."""
    return max(price.meant, key=lambda each: cost(usage, each))


def told(price: Price) -> str:
    """A price as a ledger keeps it: compact JSON in dollars per million tokens (`request`, `search`: each)."""
    return msgspec.json.encode(_members(price)).decode()


def read(text: str) -> Price:
    """The way back from `told`."""
    return _price(msgspec.json.decode(text))


def _fees(usage: Usage, price: Price) -> int:
    return price.request + usage.searches * price.search


def _pico(usage: Usage, price: Price) -> tuple[int, ...]:
    """What the buckets cost in pico-dollars, by the parts of a breakdown, in their order."""
    entering, leaving = price.input, price.output
    writing = _or_else(price.cache_write, entering)
    return (
        (usage.input + usage.tool_use) * entering,
        usage.cached_input * _or_else(price.cached_input, entering),
        usage.cache_write * writing + usage.cache_write_hour * _or_else(price.cache_write_hour, writing),
        usage.output * leaving,
        usage.reasoning * _or_else(price.reasoning, leaving),
        usage.audio_input * _or_else(price.audio_input, entering)
        + usage.audio_output * _or_else(price.audio_output, leaving),
    )


def _or_else(special: int | None, usual: int) -> int:
    return usual if special is None else special


def _dollars_per_million(pico: int) -> str:
    return f"{Decimal(pico).scaleb(-6).normalize():f}"


def _members(price: Price) -> dict[str, Any]:
    tokens = ((name, getattr(price, name)) for name in _TOKENS)
    members: dict[str, Any] = {name: _dollars_per_million(pico) for name, pico in tokens if pico is not None}
    fees = ((name, getattr(price, name)) for name in _FEES)
    members |= {name: money.dollars(fee) for name, fee in fees if fee}
    if price.tiers:
        members["tiers"] = [{"above": tier.above, **_members(tier.price)} for tier in price.tiers]
    if price.variants:
        members["variants"] = [{"tier": each.tier, **_members(each.price)} for each in price.variants]
    if price.asked:
        members["asked"] = price.asked
    if price.source:
        members["source"] = price.source
    return members


def _price(members: dict[str, Any]) -> Price:
    return Price(
        **{name: money.pico_per_token(members[name]) for name in _TOKENS if name in members},
        **{name: money.nano(members[name]) for name in _FEES if name in members},
        tiers=tuple(Tier(each["above"], _price(each)) for each in members.get("tiers", ())),
        variants=tuple(Variant(each["tier"], _price(each)) for each in members.get("variants", ())),
        asked=members.get("asked", ""),
        source=members.get("source", ""),
    )
