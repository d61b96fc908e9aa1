"""All checks of recorded exchanges, through one running server."""

import asyncio
from collections.abc import Sequence

from tests.outside import answer, cut, translation
from tests.outside.exchange import WIRES, Exchange
from tests.outside.house import LANES, House, open_house
from tests.outside.outcome import Outcome


async def run(exchanges: Sequence[Exchange]) -> list[Outcome]:
    """The outcome of every check of these exchanges, as many at a time as there are lanes."""
    found: list[Outcome] = []
    waiting = list(reversed(exchanges))
    async with open_house() as house:

        async def work() -> None:
            while waiting:
                exchange = waiting.pop()
                found.extend(await checks(house, exchange))

        await asyncio.gather(*(work() for _ in range(LANES * len(WIRES))))
    return sorted(found, key=lambda each: (each.number, each.check, each.exchange))


async def checks(house: House, exchange: Exchange) -> list[Outcome]:
    """Every check of one exchange."""
    return [
        outcome
        for part in (answer.run, cut.run, translation.run)
        async for outcome in part(house, exchange)  # aclosing: it holds nothing while it waits for the next
    ]
