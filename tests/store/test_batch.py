"""One statement for many callers, and none of them suffers for another."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from podium.errors import BugError, Unavailable
from podium.store.batch import Batch
from podium.store.database import Lane
from podium.store.failure import BadItem
from tests.serving import Link, linked
from tests.simulator.serving import wait_for

TABLE = "CREATE TABLE done (id text PRIMARY KEY, body text NOT NULL, times int NOT NULL DEFAULT 1)"
# Idempotent by id, as every batched statement is: what was done before is answered for, and not done again.
PUT = """
    WITH given AS (SELECT * FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS g(id, body, n)),
         put AS (INSERT INTO done SELECT id, body FROM given ORDER BY id ON CONFLICT DO NOTHING)
    SELECT body FROM given ORDER BY n"""


class Puts:
    """Rows put by batch, on a lane of their own."""

    def __init__(self, dsn: str, *, patience: float = 10.0) -> None:
        self.lane = Lane(dsn)
        self.sizes: list[int] = []
        self.compensated: list[tuple[str, str]] = []
        self.batch: Batch[tuple[str, str], str] = Batch(
            "puts",
            self.run,
            size=lambda item: len(item[1]),
            compensate=lambda item, result: self.compensated.append((item[0], result)),
            patience=patience,
        )

    async def run(self, items: Sequence[tuple[str, str]]) -> list[str]:
        self.sizes.append(len(items))
        rows = await self.lane.fetch(PUT, [item[0] for item in items], [item[1] for item in items])
        return [row[0] for row in rows]

    async def put(self, *items: tuple[str, str]) -> list[str | BaseException]:
        return await asyncio.gather(*(self.batch.put(item) for item in items), return_exceptions=True)


async def execute(dsn: str, statement: str, *arguments: object) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetch(statement, *arguments)
    finally:
        await connection.close()


@pytest.fixture
async def puts(dsn: str) -> Puts:
    await execute(dsn, TABLE)
    return Puts(dsn)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from(["good", "NUL \0", "fine ü\U0001f9d1", "lone \ud800"]), min_size=1, max_size=70)
)
def test_data_that_is_refused_fails_its_own_caller_alone(batch_dsn: str, bodies: list[str]) -> None:
    async def check() -> None:
        puts = Puts(batch_dsn)
        items = [(f"{time.monotonic_ns()}-{number}", body) for number, body in enumerate(bodies)]
        for (_, body), result in zip(items, await puts.put(*items), strict=True):
            if "\0" in body or "\ud800" in body:
                assert isinstance(result, BadItem)
            else:
                assert result == body
        await puts.lane.close()

    asyncio.run(check())


@pytest.fixture
def batch_dsn(puts: Puts, dsn: str) -> str:
    return dsn


async def test_a_crowd_shares_statements_within_the_caps(puts: Puts) -> None:
    puts.batch.most_items, puts.batch.most_bytes = 10, 100
    results = await puts.put(
        *((str(number), "x" * 30) for number in range(20)), *((f"s{n}", "") for n in range(40))
    )
    assert not [each for each in results if isinstance(each, BaseException)]
    assert puts.sizes[0] == 3, "three of thirty bytes fit into a hundred"
    assert max(puts.sizes) == 10
    alone = await puts.put(("large", "x" * 1000))
    assert alone == ["x" * 1000], "who is larger than the cap goes alone"


async def test_who_comes_alone_goes_at_once(puts: Puts) -> None:
    await puts.put(("first", "x"))
    began = time.monotonic()
    for number in range(20):
        await puts.put((str(number), "x"))
    assert (time.monotonic() - began) / 20 < 0.05
    assert set(puts.sizes) == {1}


async def test_a_cancelled_callers_item_is_done_and_compensated(puts: Puts, dsn: str) -> None:
    first = asyncio.create_task(puts.batch.put(("in flight", "a")))
    await wait_for(lambda: puts.sizes)
    waiting = asyncio.create_task(puts.batch.put(("waiting", "b")))
    last = asyncio.create_task(puts.batch.put(("last", "c")))
    await asyncio.sleep(0)
    first.cancel()
    waiting.cancel()
    assert await last == "c"
    assert sorted(puts.compensated) == [("in flight", "a"), ("waiting", "b")]
    assert {row["id"] for row in await execute(dsn, "SELECT id FROM done")} == {
        "in flight",
        "waiting",
        "last",
    }
    assert await puts.put(("after", "d")) == ["d"], "nothing is wedged"


async def test_a_compensation_that_fails_costs_the_other_callers_nothing() -> None:
    begun, answered = asyncio.Event(), asyncio.Event()

    async def run(items: Sequence[str]) -> Sequence[str]:
        begun.set()
        await answered.wait()
        return items

    def compensate(item: str, _result: str) -> None:
        raise LookupError(item)

    batch: Batch[str, str] = Batch("strange", run, compensate=compensate)
    alone = asyncio.create_task(batch.put("alone"))
    await begun.wait()
    gone, last = asyncio.create_task(batch.put("gone")), asyncio.create_task(batch.put("last"))
    await asyncio.sleep(0)
    gone.cancel()
    answered.set()
    async with asyncio.timeout(2):
        assert [await alone, await last, await batch.put("after")] == ["alone", "last", "after"]


async def test_a_statement_that_answers_for_fewer_than_were_asked_answers_for_nobody() -> None:
    async def run(items: Sequence[str]) -> Sequence[str]:
        return items[1:]

    batch: Batch[str, str] = Batch("short", run)
    async with asyncio.timeout(2):
        results = await asyncio.gather(batch.put("one"), batch.put("two"), return_exceptions=True)
    assert [type(each) for each in results] == [BugError, BugError]


@pytest.mark.promise("postgres")
async def test_two_processes_that_lock_the_same_rows_never_deadlock(dsn: str) -> None:
    await execute(dsn, "CREATE TABLE counted (id int PRIMARY KEY, times int NOT NULL)")
    await execute(dsn, "INSERT INTO counted SELECT n, 0 FROM generate_series(1, 20) AS n")
    ordered = """
        WITH locked AS MATERIALIZED (
            SELECT id FROM counted WHERE id = ANY($1::int[]) ORDER BY id FOR NO KEY UPDATE)
        UPDATE counted c SET times = times + 1 FROM locked WHERE c.id = locked.id RETURNING c.id"""

    def counting(lane: Lane, statement: str) -> Batch[int, int]:
        async def run(items: Sequence[int]) -> list[int]:
            await lane.fetch(statement, list(items))
            return list(items)

        return Batch("counting", run, patience=20.0)

    async def put(batch: Batch[int, int], order: Sequence[int]) -> None:
        for _ in range(15):
            await asyncio.gather(*(batch.put(number) for number in order))

    lanes = [Lane(dsn), Lane(dsn)]
    forth, back = list(range(1, 21)), list(range(20, 0, -1))
    await asyncio.gather(put(counting(lanes[0], ordered), forth), put(counting(lanes[1], ordered), back))
    assert await deadlocks(dsn) == 0
    for lane in lanes:
        await lane.close()


async def deadlocks(dsn: str) -> int:
    [row] = await execute(dsn, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    return int(row["deadlocks"])


@pytest.mark.parametrize("code", ["40P01", "40001"])
async def test_a_deadlock_or_serialization_failure_is_tried_again(dsn: str, code: str) -> None:
    await execute(dsn, TABLE)
    await execute(dsn, "CREATE SEQUENCE tries")
    await execute(
        dsn,
        f"""CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF nextval('tries') < 4 THEN RAISE EXCEPTION 'not now' USING ERRCODE = '{code}'; END IF;
            RETURN NEW; END $$""",
    )
    await execute(dsn, "CREATE TRIGGER refusing BEFORE INSERT ON done FOR EACH ROW EXECUTE FUNCTION refuse()")
    puts = Puts(dsn)
    assert await puts.put(("one", "x")) == ["x"]
    assert len(puts.sizes) == 4


@pytest.mark.promise("postgres")
async def test_lost_connections_cost_no_item_and_do_nothing_twice(puts: Puts, dsn: str) -> None:
    await execute(
        dsn,
        """CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
           PERFORM pg_sleep(0.002); UPDATE done SET times = times + 1 WHERE id = NEW.id; RETURN NEW; END $$""",
    )
    await execute(dsn, "CREATE TRIGGER slow BEFORE INSERT ON done FOR EACH ROW EXECUTE FUNCTION slowly()")
    finished = asyncio.Event()

    async def cut() -> int:
        cuts = 0
        while not finished.is_set():
            [row] = await execute(
                dsn,
                "SELECT count(pg_terminate_backend(pid)) AS cut FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                " AND starts_with(application_name, 'podium')",
            )
            cuts += row["cut"]
            with suppress(TimeoutError):
                await asyncio.wait_for(finished.wait(), 0.15)
        return cuts

    cutting = asyncio.create_task(cut())
    for wave in range(12):
        items = [(f"{wave}-{number}", "x") for number in range(30)]
        assert await puts.put(*items) == ["x"] * 30
    finished.set()
    assert await cutting > 2
    [row] = await execute(dsn, "SELECT count(*) AS rows, max(times) AS times FROM done")
    assert (row["rows"], row["times"]) == (360, 1)


@pytest.mark.promise("postgres")
async def test_callers_wait_as_long_as_their_patience_and_not_longer(dsn: str) -> None:
    await execute(dsn, TABLE)
    async with linked(dsn) as (far, link):
        puts = Puts(far, patience=1.0)
        await puts.put(("before", "x"))
        link.cut()
        began = time.monotonic()
        [told] = await puts.put(("away", "x"))
        assert isinstance(told, Unavailable)
        assert 0.9 < time.monotonic() - began < 2.0
        soon = asyncio.create_task(puts.batch.put(("soon", "x")))
        await mend_after(link, 0.4)
        assert await soon == "x", "it came back in time"
        await puts.lane.close()
    assert {row["id"] for row in await execute(dsn, "SELECT id FROM done")} == {"before", "soon"}


async def mend_after(link: Link, seconds: float) -> None:
    await asyncio.sleep(seconds)  # sleep: the database is away for a while
    link.mend()


@pytest.mark.promise("postgres")
async def test_callers_of_a_database_that_is_silent_are_told_in_time(dsn: str) -> None:
    """It has the statement, and says nothing; what waits behind it is told too, and is not done later."""
    await execute(dsn, TABLE)
    blocker = await asyncpg.connect(dsn)
    await blocker.execute("BEGIN")
    await blocker.execute("LOCK TABLE done")
    puts = Puts(dsn, patience=0.5)
    began = time.monotonic()
    sent = asyncio.create_task(puts.batch.put(("sent", "x")))
    await wait_for(lambda: puts.sizes)
    results = await asyncio.gather(sent, puts.batch.put(("waiting", "x")), return_exceptions=True)
    assert [type(each) for each in results] == [Unavailable, Unavailable]
    assert 0.4 < time.monotonic() - began < 1.5
    await blocker.execute("COMMIT")
    await blocker.close()
    assert await puts.put(("after", "x")) == ["x"]
    assert puts.compensated == [("sent", "x")]
    assert {row["id"] for row in await execute(dsn, "SELECT id FROM done")} == {"sent", "after"}
