"""What stands on a receipt: by which prices, and what for."""

import hashlib
from functools import lru_cache
from operator import itemgetter

from msgspec.structs import replace

from podium.catalogue.profile import Price
from podium.kit import money
from podium.ledger import tariff
from podium.ledger.tariff import Breakdown
from podium.vocabulary.cost import CostBreakdown
from podium.vocabulary.usage import Usage


@lru_cache(maxsize=1024)
def digest(price: Price) -> tuple[str, str]:
    """The digest by which entries name a tariff, and the tariff as a text, which the ledger keeps once."""
    told = tariff.told(price)
    return f"tar_{hashlib.sha256(told.encode()).hexdigest()[:24]}", told


def breakdown(usage: Usage, price: Price) -> CostBreakdown:
    """What a call cost, as its callers are told."""
    return _shown(tariff.breakdown(usage, price))


def explained(usage: Usage, price: Price, amount: int) -> CostBreakdown:
    """What an amount was for that was entered for this usage, where the tier of service is not known any more.

    It is the dearest that the amount covers; what is left of it then is counted with what the call itself costs.
    """
    prices = (price, *(each.price for each in price.variants))
    covered = [(each, served) for served in prices if (each := tariff.cost(usage, served)) <= amount]
    known, served = max(covered, key=itemgetter(0), default=(amount, price))
    parts = tariff.breakdown(usage, served)
    return _shown(replace(parts, request=parts.request + amount - known))


def _shown(parts: Breakdown) -> CostBreakdown:
    return CostBreakdown(
        input_cost=money.dollars(parts.input),
        output_cost=money.dollars(parts.output),
        thinking_cost=money.dollars(parts.thinking),
        cached_cost=money.dollars(parts.cached),
        cache_write_cost=money.dollars(parts.cache_write),
        audio_cost=money.dollars(parts.audio),
        request_cost=money.dollars(parts.request),
    )
