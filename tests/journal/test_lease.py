"""A process keeps its lease as long as the database can be reached at all."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
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
        renewed = lease._renewed_at
        await wait_for(lambda: lease._renewed_at > renewed and lease.holds, within=8)
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
        renewed = lease._renewed_at
        monkeypatch.setattr(Lane, "fetch", strange)
        await wait_for(lambda: met.is_set() and lease._renewed_at > renewed, within=8)
