"""What usage costs: disjoint buckets times prices, in integers."""

from podium.catalogue.profile import Price
from podium.kit import money
from podium.vocabulary.usage import Usage


def cost(usage: Usage, price: Price) -> int:
    """Nano-dollars for this usage, rounded up once. A bucket without a price of its own costs what its kind costs."""

    def or_else(special: int | None, usual: int) -> int:
        return usual if special is None else special

    pico = (
        (usage.input + usage.audio_input + usage.tool_use) * price.input
        + usage.cached_input * or_else(price.cached_input, price.input)
        + usage.cache_write * or_else(price.cache_write, price.input)
        + (usage.output + usage.audio_output) * price.output
        + usage.reasoning * or_else(price.reasoning, price.output)
    )
    return money.nano_from_pico(pico)
