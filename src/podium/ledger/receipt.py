"""What stands on a receipt: by which prices, and what for."""

import hashlib
from functools import lru_cache

from podium.catalogue.profile import Price
from podium.kit import money
from podium.ledger import tariff
from podium.vocabulary.cost import CostBreakdown
from podium.vocabulary.usage import Usage


@lru_cache(maxsize=1024)
def digest(price: Price) -> tuple[str, str]:
    """The digest by which entries name a tariff, and the tariff as a text, which the ledger keeps once."""
    told = tariff.told(price)
    return f"tar_{hashlib.sha256(told.encode()).hexdigest()[:24]}", told


def breakdown(usage: Usage, price: Price) -> CostBreakdown:
    """What a call cost, as its callers are told."""
    parts = tariff.breakdown(usage, price)
    return CostBreakdown(
        input_cost=money.dollars(parts.input),
        output_cost=money.dollars(parts.output),
        thinking_cost=money.dollars(parts.thinking),
        cached_cost=money.dollars(parts.cached),
        cache_write_cost=money.dollars(parts.cache_write),
        audio_cost=money.dollars(parts.audio),
        request_cost=money.dollars(parts.request),
    )
