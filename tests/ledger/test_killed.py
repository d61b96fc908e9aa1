"""kill -9 at every call of the ledger and around it: what was served is booked once, and nothing stays held."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from podium.catalogue.profile import Price
from tests.ledger.book import Book, book
from tests.ledger.policy import reckon
from tests.turn.mortal import Mortal, mortal, wait_for

pytestmark = pytest.mark.promise("booked")

PROSE = "[[tokens=12 rate=60]]"
PRICE = Price(input=150_000, output=600_000)
STEPS = [
    "before ledger_hold",
    "after ledger_hold",
    "after journal_put/attempt.started",
    "before post",
    "after post",
    "before ledger_settle",
    "after ledger_settle",
    "before turn_record",
    "after turn_record",
]


@pytest.fixture
async def podium(dsn: str) -> AsyncGenerator[Mortal, None]:
    async with mortal(DATABASE_URL=dsn) as running:
        yield running


@pytest.fixture
async def rows(dsn: str) -> AsyncGenerator[Book, None]:
    async with book(dsn) as open_book:
        yield open_book


async def settled(rows: Book) -> None:
    """Wait until nothing is held any more."""
    held = 1

    async def look() -> None:
        nonlocal held
        held = len(await rows.rows("SELECT * FROM holds"))

    await look()
    while held:
        await rows.rows("SELECT pg_sleep(0.05)")
        await look()


@pytest.mark.timeout(300)
async def test_whenever_a_server_is_killed_each_attempt_is_booked_once(podium: Mortal, rows: Book) -> None:
    """Two turns of conversations and two stateless calls meet each death; which of them strikes it, nobody knows."""
    budget = await rows.budget(10**12)
    for step in STEPS:
        conversations = [await podium.conversation() for _ in range(2)]
        podium.order(f"server {step}")
        heard = [podium.say(each, PROSE) for each in conversations]
        heard += [podium.chat(PROSE) for _ in conversations]
        await wait_for(lambda: podium.struck)
        await asyncio.gather(*(each.done() for each in heard))
        await podium.revive()
        for each in conversations:
            assert len(await podium.ended(each, within=60.0)) <= 1  # none where it was never accepted
    await wait_for(lambda: not podium.host.oracle.running)
    await settled(rows)
    await rows.check()
    assert not (await reckon(rows, podium.host.oracle.calls, PRICE)).differences
    period = await rows.period(budget)
    assert period["held"] == 0
    assert period["spent"] == sum(entry["amount"] for entry in await rows.entries())
