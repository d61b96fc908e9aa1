"""A process keeps its lease as long as the database can be reached at all, and no living one is judged dead."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from podium.journal.lease import Lease
from podium.store.database import Lane
from tests.serving import linked
from tests.turn.mortal import wait_for

pytestmark = pytest.mark.promise("postgres")


@asynccontextmanager
async def leased(dsn: str) -> AsyncGenerator[tuple[Lease, Lane], None]:
    lane = Lane(dsn)
    lease = Lease(lane, home="home", boot="boot", slot=0, seconds=2.0)
    await lease.open()
    try:
        yield lease, lane
    finally:
        await lease.close()
        await lane.close()


async def test_a_heartbeat_on_a_way_that_fell_silent_finds_another(dsn: str) -> None:
    async with linked(dsn) as (far, link), leased(far) as (lease, lane):
        link.silence()
        good_until = lease._good_until
        await wait_for(lambda: lease._good_until > good_until and lease.holds, within=8)
        assert lane.opened == 2


async def test_a_heart_does_not_stop_for_what_nobody_foresaw(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch, met = Lane.fetch, asyncio.Event()

    async def strange(self: Lane, sql: str, *arguments: Any, **more: Any) -> Any:
        if "process_beat" in sql and not met.is_set():
            met.set()
            raise RuntimeError("by the test")
        return await fetch(self, sql, *arguments, **more)

    async with leased(dsn) as (lease, _):
        good_until = lease._good_until
        monkeypatch.setattr(Lane, "fetch", strange)
        await wait_for(lambda: met.is_set() and lease._good_until > good_until, within=8)


SECONDS = 15
LENGTH = timedelta(seconds=SECONDS)


class Pair:
    """The rows of two processes, of which `dead` owns the log of a turn; `judge` says what of it that one may seize."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane

    async def open(self) -> None:
        for name in ("dead", "judge"):
            await self._lane.fetch("SELECT process_register($1, $1, $1, 0, $2)", name, LENGTH)
        await self._lane.fetch("SELECT journal_begin('dead', 'turn', true, '{}')")

    async def beat(self, name: str) -> None:
        await self._lane.fetch("SELECT process_beat($1, $2)", name, LENGTH)

    async def seized(self) -> list[str]:
        rows = await self._lane.fetch("SELECT journal_seize('judge', $1, 10)", LENGTH)
        return [row[0] for row in rows]

    async def pass_by(self, seconds: float) -> None:
        """Make all that the rows tell so much older."""
        await self._lane.fetch(
            "UPDATE processes SET expires_at = expires_at - $1::interval, steady_since = steady_since - $1::interval",
            timedelta(seconds=seconds),
        )

    async def live(self, seconds: int, *names: str) -> None:
        """Let time pass while these renew their leases."""
        for _ in range(seconds // 3):
            await self.pass_by(3)
            for name in names:
                await self.beat(name)


@pytest.fixture
async def pair(dsn: str) -> AsyncGenerator[Pair, None]:
    lane = Lane(dsn)
    made = Pair(lane)
    await made.open()
    yield made
    await lane.close()


async def test_who_is_silent_for_a_lease_is_judged_dead(pair: Pair) -> None:
    await pair.live(SECONDS + 3, "dead", "judge")
    await pair.live(SECONDS - 3, "judge")
    assert await pair.seized() == []
    await pair.live(6, "judge")
    assert await pair.seized() == ["turn"]


async def test_after_the_database_was_frozen_nobody_is_judged_for_a_lease(pair: Pair) -> None:
    """What was sent before runs at its waking in any order: the judge's renewal, its judging, the other's renewal."""
    await pair.live(3 * SECONDS, "dead", "judge")
    await pair.pass_by(SECONDS + 1)
    assert await pair.seized() == []
    await pair.beat("judge")
    assert await pair.seized() == []
    await pair.live(SECONDS - 3, "judge")
    assert await pair.seized() == []
    await pair.live(6, "judge")
    assert await pair.seized() == ["turn"], "it did not come back"


async def test_who_has_just_come_judges_nobody(pair: Pair) -> None:
    await pair.pass_by(3 * SECONDS)
    await pair._lane.fetch("DELETE FROM processes WHERE id = 'judge'")
    await pair._lane.fetch("SELECT process_register('judge', 'judge', 'judge', 0, $1)", LENGTH)
    assert await pair.seized() == []
    await pair.live(SECONDS + 3, "judge")
    assert await pair.seized() == ["turn"]


async def test_what_its_owner_has_left_is_seized_at_once(pair: Pair) -> None:
    await pair._lane.fetch("SELECT process_end('dead')")
    assert await pair.seized() == ["turn"]
