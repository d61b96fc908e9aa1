"""What it costs to hold money before an attempt and to settle it after: through the library, against Postgres alone.

The till runs in this process, alone on the server's core; all other users of the database rest meanwhile.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

import asyncpg

from bench.figures.stateless import keep_stateless_busy
from bench.lab import Lab
from bench.load import p50
from bench.process import OTHER_CORE, SERVER_CORE, postgres_seconds
from bench.table import Asked, Figure, of_values
from podium.errors import BudgetExceeded
from podium.identity.payer import Payer
from podium.journal.lease import Lease
from podium.kit import ids
from podium.ledger.till import Spent, Till, Wanted
from podium.store.database import Database
from podium.store.migrate import migrate
from podium.vocabulary.usage import Usage

_CALLERS = 64
_HELD, _COST = 1_000, 600  # nano-dollars
_FAR = 10**18
# Of 64 callers at once half are refused, for ever: what is settled costs nothing.
_NEAR = _CALLERS // 2 * _HELD
_BUDGETS = 10_000
_PAGE = 100_000  # entries written at a time
_WARM_SECONDS = 0.3
_PAYER = Payer("ten_bench", "usr_bench", "key_bench")
_SERVER = Asked(limit=60)
_RATE = Asked(limit=200)  # µs a decision: 5,000 a second
_FLAT = Asked(limit=1.2)

_LIMIT = """
WITH made AS (
    INSERT INTO budgets (id, tenant, scope_type, scope_id, amount, period)
    VALUES ('bud_hot', 'ten_bench', 'tenant', 'ten_bench', $1, 'month')
    ON CONFLICT (id) DO UPDATE SET amount = excluded.amount)
UPDATE budget_periods SET amount = $1, spent = 0 WHERE budget_id = 'bud_hot'
"""
_MANY = """
INSERT INTO budgets (id, tenant, scope_type, scope_id, amount, period)
SELECT 'bud_' || n, 'ten_bench', 'user', 'usr_' || n, 1000000000, 'month' FROM generate_series(1, $1::int) AS n
"""
_ENTRIES = """
INSERT INTO ledger_entries (id, at, turn_id, tenant, user_id, key_id, purpose, model, tariff, input, cached_input,
       cache_write, output, reasoning, audio, usage_source, succeeded, milliseconds, held, amount, legs)
SELECT 'att_0' || md5(n::text), clock_timestamp(), 'turn_' || n, 'ten_old', 'usr_' || n % 1000, 'key', 'answer', 'm',
       't', 1, 0, 0, 1, 0, 0, 'provider', true, 1, 0, 600, '{}'
  FROM generate_series($1::int, $2::int) AS n
"""
_ENTERED = (
    "SELECT count(*) AS count, sum(amount)::bigint AS amount FROM ledger_entries WHERE tenant = 'ten_bench'"
)
_LEFT = """
SELECT coalesce(sum(p.held), 0)::bigint AS held, coalesce(bool_or(p.spent > p.amount), false) AS is_over,
       (SELECT count(*) FROM holds) AS holds
  FROM budget_periods p
"""


@dataclass(frozen=True)
class _Run:
    """`decided` are holds that were given or refused; `pairs` those that were settled too."""

    decided: int
    pairs: int
    wall: float
    cpu: float
    postgres: float

    @property
    def decision_us(self) -> float:
        return self.wall / self.decided * 1e6

    @property
    def pair_cpu_us(self) -> float:
        return self.cpu / self.pairs * 1e6

    @property
    def pair_postgres_us(self) -> float:
        return self.postgres / self.pairs * 1e6


@dataclass(frozen=True)
class _Desk:
    till: Till
    side: asyncpg.Connection
    dsn: str
    postmaster: int
    paid: list[int] = field(default_factory=list)
    """What each attempt cost that was settled."""

    async def limit(self, amount: int) -> None:
        await self.side.execute(_LIMIT, amount)

    async def run(self, seconds: float, *, cost: int = _COST, users: int = 1) -> _Run:
        """64 callers, each of whom holds and settles as fast as it is answered."""
        await self._busy(_WARM_SECONDS, cost, users)
        began, cpu, postgres = time.perf_counter(), time.process_time(), postgres_seconds(self.postmaster)
        decided, pairs = await self._busy(seconds, cost, users)
        run = _Run(
            decided=decided,
            pairs=pairs,
            wall=time.perf_counter() - began,
            cpu=time.process_time() - cpu,
            postgres=postgres_seconds(self.postmaster) - postgres,
        )
        left = await self.side.fetchrow(_LEFT)
        if left is None or left["held"] or left["holds"] or left["is_over"]:
            raise RuntimeError(f"the books are wrong: {left}")
        return run

    async def _busy(self, seconds: float, cost: int, users: int) -> tuple[int, int]:
        end = time.perf_counter() + seconds
        counts = [0, 0]

        async def call(number: int) -> None:
            payer = Payer("ten_bench", f"usr_{1 + number * 97 % users}", "key_bench")
            while time.perf_counter() < end:
                settled = await self.pair(payer, cost)
                counts[0] += 1
                counts[1] += settled

        await asyncio.gather(*(call(number) for number in range(_CALLERS)))
        return counts[0], counts[1]

    async def pair(self, payer: Payer, cost: int) -> bool:
        """Hold and settle once; whether it was not refused."""
        attempt = ids.new("att")
        wanted = Wanted(
            attempt=attempt,
            payer=payer,
            turn=None,
            purpose="answer",
            model="m",
            tariff="t",
            amount=_HELD,
            least=_HELD,
            tokens=10,
        )
        try:
            await self.till.hold(wanted)
        except BudgetExceeded:
            return False
        usage = Usage(input=10, output=10)
        await self.till.settle(
            Spent(attempt, cost, 0, usage, "provider", "r", succeeded=True, milliseconds=1)
        )
        self.paid.append(cost)
        return True

    async def check(self) -> None:
        """All that was settled is entered, and nothing else."""
        entered = await self.side.fetchrow(_ENTERED)
        if entered is None or tuple(entered) != (len(self.paid), sum(self.paid)):
            raise RuntimeError(f"{len(self.paid)} settled for {sum(self.paid)}, and there are {entered}")


async def measure(lab: Lab) -> list[Figure]:
    """A hot tenant budget far from its limit and near it, one caller, many budgets, many rows, a foreign snapshot."""
    relay = p50([(await keep_stateless_busy(lab, lab.relay)).unit_us for _ in range(lab.plan.rounds)])
    os.sched_setaffinity(0, {SERVER_CORE})
    try:
        async with _desk(lab) as desk:
            figures = [*await _hot(lab, desk, relay), *await _by_budgets(lab, desk)]
            figures += [
                *await _foreign(lab, desk),
                *await _by_rows(lab, desk),
            ]  # what comes after it meets a vacuum
            await desk.check()
            return figures
    finally:
        os.sched_setaffinity(0, {OTHER_CORE})


async def _hot(lab: Lab, desk: _Desk, relay: float) -> list[Figure]:
    """`relay` is what the relay took a call, in µs."""
    far, near = [], []
    for _ in range(lab.plan.rounds):
        await desk.limit(_FAR)
        far.append(await desk.run(lab.plan.seconds))
        await desk.limit(_NEAR)
        near.append(await desk.run(lab.plan.seconds, cost=0))
    await desk.limit(_FAR)
    alone = []
    for _ in range(lab.plan.samples):
        began = time.perf_counter()
        await desk.pair(_PAYER, _COST)
        alone.append((time.perf_counter() - began) * 1000)
    refused = 1 - sum(run.pairs for run in near) / sum(run.decided for run in near)
    note = f"{_CALLERS} callers, one tenant budget"
    figures = [
        of_values(
            "hold and settlement", "µs", [run.pair_cpu_us for run in far], _SERVER, note=note, relay=relay
        ),
        of_values("hold and settlement: Postgres", "µs", [run.pair_postgres_us for run in far], note=note),
    ]
    for name, runs, more in (("far from", far, ""), ("near", near, f", {refused:.0%} refused")):
        rate = p50([1e6 / run.decision_us for run in runs])
        told = f"{note}; {rate:.0f} a second{more}"
        figures.append(
            of_values(
                f"a decision {name} its limit",
                "µs",
                [run.decision_us for run in runs],
                _RATE,
                note=told,
                relay=relay,
            )
        )
    one = "hold and settlement, one caller"
    return [*figures, of_values(one, "ms", alone, Asked(limit=1), note="p50; two fsyncs", relay=relay)]


async def _foreign(lab: Lab, desk: _Desk) -> list[Figure]:
    """With a snapshot that somebody keeps open: no row that was left behind since can be cleared away."""
    before = [await desk.run(lab.plan.seconds) for _ in range(lab.plan.rounds)]
    foreign = await asyncpg.connect(desk.dsn)
    try:
        await foreign.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        await foreign.fetch("SELECT count(*) FROM budgets")
        began = time.perf_counter()
        while time.perf_counter() - began < lab.plan.snapshot:
            await desk.run(lab.plan.seconds)
        open_for = time.perf_counter() - began
        under = [await desk.run(lab.plan.seconds) for _ in range(lab.plan.rounds)]
    finally:
        await foreign.close()
    return [_compared(f"a decision under a foreign snapshot of {open_for:.0f} s", before, under)]


async def _by_budgets(lab: Lab, desk: _Desk) -> list[Figure]:
    await desk.side.execute(_MANY, 10)
    few = [await desk.run(lab.plan.seconds, users=10) for _ in range(lab.plan.rounds)]
    await desk.side.execute("DELETE FROM budgets WHERE id <> 'bud_hot'")
    await desk.side.execute(_MANY, _BUDGETS)
    many = [await desk.run(lab.plan.seconds, users=10) for _ in range(lab.plan.rounds)]
    return [_compared(f"a decision among {_BUDGETS:,} budgets against 10", few, many)]


async def _by_rows(lab: Lab, desk: _Desk) -> list[Figure]:
    await desk.side.execute(_ENTRIES, 1, 10_000)
    few = [await desk.run(lab.plan.seconds) for _ in range(lab.plan.rounds)]
    for before in range(10_000, lab.plan.entries, _PAGE):
        await desk.side.execute(_ENTRIES, before + 1, min(before + _PAGE, lab.plan.entries))
    many = [await desk.run(lab.plan.seconds) for _ in range(lab.plan.rounds)]
    return [_compared(f"a decision with {lab.plan.entries:,} entries more", few, many)]


def _compared(name: str, before: Sequence[_Run], after: Sequence[_Run]) -> Figure:
    usual = p50([run.decision_us for run in before])
    now = p50([run.decision_us for run in after])
    return of_values(
        name,
        "×",
        [run.decision_us / usual for run in after],
        _FLAT,
        note=f"{now:.0f} µs against {usual:.0f}; {_CALLERS} callers",
    )


@contextlib.asynccontextmanager
async def _desk(lab: Lab) -> AsyncGenerator[_Desk, None]:
    """A till of this process at a new database of the embedded cluster."""
    place = str(lab.server.directory / "socket")
    admin = await asyncpg.connect(host=place, user="podium", database="podium")
    name = ids.new("bench")
    await admin.execute(f"CREATE DATABASE {name}")
    dsn = f"postgresql:///{name}?host={place}&user=podium"
    await migrate(dsn)
    database = Database(dsn)
    lease = Lease(database.lane(), home="bench", boot="1", slot=0, seconds=3600)
    await lease.open()
    till = Till(database.lane(), database.lane(), lease)
    side = await asyncpg.connect(dsn)
    try:
        yield _Desk(till, side, dsn, lab.server.postmaster)
    finally:
        await till.close()
        await lease.close()
        await side.close()
        await database.close()
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()
