"""What the ledger's statements read: the rows that they are about and none beside, however their plans came about."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import asyncpg
import pytest

from podium.errors import BudgetExceeded
from podium.identity.payer import Payer
from podium.ledger.till import Held
from podium.store.database import Database
from tests.ledger.tills import TENANT, Server, server, spent, wanted

OTHERS = 3_000
"""How much of everything lies beside: a statement that reads all of a table is told from one that does not."""

CALLS = 10
MOST = 60 * CALLS
"""Rows that a wave of calls may look at in one table; many, since versions of a row count, and still far from all."""

BESIDE = f"""
INSERT INTO budgets (id, tenant, scope_type, scope_id, amount, period)
SELECT 'bud_' || n, '{TENANT}', 'user', 'usr_' || n, 1000, 'month' FROM generate_series(1, {OTHERS}) n;
INSERT INTO budget_periods (budget_id, starts_at, ends_at, amount)
SELECT b.id, p.starts_at, p.ends_at, 1000 FROM budgets b, budget_periods p
 WHERE b.scope_type = 'user' AND p.budget_id = 'bud_hot';
INSERT INTO holds (attempt_id, owner, at, tenant, user_id, key_id, purpose, model, tariff, amount, tokens, legs)
SELECT 'att_z' || n, 'prc_z', clock_timestamp(), 'z', 'z', 'z', 'answer', 'm', 't', 1, 1, '{{}}'
  FROM generate_series(1, {OTHERS}) n;
INSERT INTO ledger_entries (id, at, tenant, user_id, key_id, purpose, model, tariff, input, cached_input, cache_write,
       output, reasoning, audio, usage_source, succeeded, milliseconds, held, amount, legs)
SELECT 'att_y' || n, now() + n % 4 * interval '1 month', 'y', 'y', 'y', 'answer', 'm', 't', 1, 0, 0, 1, 0, 0,
       'provider', true, 1, 0, 1, '{{}}' FROM generate_series(1, {OTHERS}) n;
INSERT INTO ledger_corrections (entry_id, seq, amount, usage, usage_source, reason)
SELECT 'att_y' || n, 1, 0, '{{}}', 'provider', 'r' FROM generate_series(1, {OTHERS}) n;
INSERT INTO suspenses (entry_id, until, amount, legs)
SELECT 'att_y' || n, clock_timestamp() + interval '1 day', 1, '{{}}' FROM generate_series(1, {OTHERS}) n;
"""
FAR = 10**9
FLUSH = "SELECT pg_stat_force_next_flush()"
READ = """
SELECT t.relname, coalesce(t.seq_tup_read, 0) + coalesce(i.read, 0) AS read
  FROM pg_stat_user_tables t
  LEFT JOIN (SELECT relid, sum(idx_tup_read)::bigint AS read FROM pg_stat_user_indexes GROUP BY relid) i USING (relid)
"""
ALONE = Payer(TENANT, "usr_a", "key_a")


@dataclass
class Desk:
    one: Server
    side: asyncpg.Connection
    dsn: str
    waves: int = 0

    async def wave(self) -> None:
        """Calls that are held for, grow, and are settled, voided, corrected or let go of."""
        self.waves += 1
        names = [f"att_{self.waves:03}_{number:02}" for number in range(CALLS)]
        for amount in (10, 20):
            held = await asyncio.gather(*(self.one.hold(wanted(each, amount, payer=ALONE)) for each in names))
            assert all(isinstance(each, Held) and each.amount == amount for each in held)
        beyond = await asyncio.gather(
            *(self.one.hold(wanted(f"{each}_", FAR + 1, payer=ALONE)) for each in names)
        )
        assert all(isinstance(each, BudgetExceeded) for each in beyond)
        half = CALLS // 2
        await asyncio.gather(*(self.one.till.void(each) for each in names[:half]))
        paid = [spent(each, 5, suspense=1, source="estimate") for each in names[half:]]
        await asyncio.gather(*(self.one.settle(each) for each in paid))
        await self.one.settle(spent(names[-1], 6))
        await self.side.execute("UPDATE suspenses SET until = '-infinity' WHERE entry_id = ANY($1)", names)
        await self.one.lanes[0].fetch("SELECT ledger_release(100)")

    async def reads(self) -> dict[str, int]:
        for lane in self.one.lanes[:2]:
            await lane.fetch(FLUSH)
        await self.side.execute(FLUSH)
        return {row["relname"]: row["read"] for row in await self.side.fetch(READ)}

    async def read_by_wave(self) -> dict[str, int]:
        """What a wave reads more than there was read before."""
        before = await self.reads()
        await self.wave()
        after = await self.reads()
        return {name: read - before[name] for name, read in after.items() if read > before[name]}


@pytest.fixture
async def desk(dsn: str) -> AsyncGenerator[Desk, None]:
    database = Database(dsn, readers=1)
    await database.open()
    one = await server(database, "one")
    side = await asyncpg.connect(dsn, server_settings={"enable_seqscan": "off"})
    await side.execute(
        "INSERT INTO budgets (id, tenant, scope_type, scope_id, amount, period)"
        " VALUES ('bud_hot', $1, 'tenant', $1, $2, 'month')",
        TENANT,
        FAR,
    )
    desk = Desk(one, side, dsn)
    for _ in range(8):  # from its sixth time on a statement keeps its plan
        await desk.wave()
    try:
        yield desk
    finally:
        await one.close()
        await side.close()
        await database.close()


async def test_plans_made_while_tables_were_small_read_no_more_when_they_are_large(desk: Desk) -> None:
    await desk.side.execute(BESIDE)
    read = await desk.read_by_wave()
    assert max(read.values()) < MOST, str(read)


async def test_plans_made_from_statistics_of_large_tables_read_only_what_they_are_about(desk: Desk) -> None:
    await desk.side.execute(BESIDE)
    await desk.side.execute("ANALYZE")
    for _ in range(8):
        await desk.wave()
    read = await desk.read_by_wave()
    assert max(read.values()) < MOST, str(read)


async def test_rows_that_are_gone_are_not_read_while_a_foreign_snapshot_keeps_them(desk: Desk) -> None:
    await desk.side.execute(BESIDE)
    foreign = await asyncpg.connect(desk.dsn)
    try:
        await foreign.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        await foreign.fetch("SELECT count(*) FROM budgets")
        await desk.side.execute(
            "DELETE FROM holds; DELETE FROM suspenses; DELETE FROM budgets WHERE id <> 'bud_hot'"
        )
        await desk.side.execute("ANALYZE")
        for _ in range(8):
            await desk.wave()
        read = await desk.read_by_wave()
        assert max(read.values()) < MOST, str(read)
    finally:
        await foreign.close()
