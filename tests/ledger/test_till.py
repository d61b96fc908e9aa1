"""The edges of holding and settling: what comes twice, what is bad, who is gone, and limits that change meanwhile."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from podium.errors import BudgetExceeded
from podium.identity.payer import Payer
from podium.ledger import budgets
from podium.ledger.budget import Change, NewBudget, ScopeType
from podium.ledger.budgets import Reach
from podium.ledger.till import Held
from podium.store.database import Database
from podium.store.failure import BadItem
from tests.ledger.book import Book, book
from tests.ledger.tills import TENANT, Server, server, spent, wanted

ANNE = Payer(TENANT, "usr_a", "key_a")


@pytest.fixture
async def database(dsn: str) -> AsyncGenerator[Database, None]:
    opened = Database(dsn, readers=2)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
async def one(database: Database) -> AsyncGenerator[Server, None]:
    made = await server(database, "one")
    yield made
    await made.close()


@pytest.fixture
async def rows(dsn: str) -> AsyncGenerator[Book, None]:
    async with book(dsn) as opened:
        yield opened
        await opened.check()


async def budget(
    database: Database, amount: int, scope: ScopeType = "tenant", scope_id: str = TENANT, **more: Any
) -> str:
    new = NewBudget(TENANT, scope, scope_id, None, amount, more.pop("period", "total"), **more)
    status = await budgets.put(database, new)
    assert status is not None
    return status.budget.id


async def at_once(one: Server, *asked: tuple[str, int, int]) -> list[int | None]:
    """Hold for all of them in one statement: (attempt, amount, least) each; what each was given."""
    first = asyncio.create_task(one.hold(wanted("att_first", 0, payer=ANNE)))
    held = await asyncio.gather(
        *(one.hold(wanted(attempt, amount, payer=ANNE, least=least)) for attempt, amount, least in asked)
    )
    await first
    return [each.amount if isinstance(each, Held) else None for each in held]


@pytest.mark.parametrize("is_there", [False, True])
async def test_an_attempt_that_comes_more_than_once_in_a_statement_is_held_for_once(
    database: Database, one: Server, rows: Book, *, is_there: bool
) -> None:
    of = await budget(database, 100)
    if is_there:
        await one.hold(wanted("att_a", 5, payer=ANNE))
    given = await at_once(
        one, ("att_a", 10, 10), ("att_b", 20, 20), ("att_a", 30, 30), ("att_a", 20, 20), ("att_a", 60, 60)
    )
    assert given == [10, 20, 30, 30, 60]
    assert (await rows.period(of))["held"] == 80
    assert await at_once(one, ("att_c", 21, 21), ("att_c", 15, 15), ("att_c", 90, 15)) == [None, 15, 20]
    assert (await rows.period(of))["held"] == 100


async def test_an_attempt_that_is_settled_twice_in_a_statement_is_entered_once_and_by_the_hosts_count(
    database: Database, one: Server, rows: Book
) -> None:
    of = await budget(database, 100)
    await one.hold(wanted("att_a", 50, payer=ANNE))
    await one.hold(wanted("att_b", 1, payer=ANNE))
    await asyncio.gather(
        one.settle(spent("att_b", 1)),
        one.settle(spent("att_a", 30, suspense=20, source="estimate")),
        one.settle(spent("att_a", 40, source="provider")),
        one.settle(spent("att_a", 40, source="provider")),
    )
    assert [row["amount"] for row in await rows.entries()] == [30, 1]
    assert [row["amount"] for row in await rows.rows("SELECT * FROM ledger_corrections")] == [10]
    period = await rows.period(of)
    assert (period["spent"], period["held"], period["suspense"]) == (41, 0, 0)


async def test_what_is_known_late_is_written_down_once_however_often_it_is_told(
    database: Database, one: Server, rows: Book
) -> None:
    await budget(database, 100)
    await one.hold(wanted("att_a", 50, payer=ANNE))
    await one.settle(spent("att_a", 30, suspense=20, source="none"))
    for _ in range(3):
        await one.settle(spent("att_a", 30, source="provider"))
    await one.settle(spent("att_a", 99, source="provider"))
    corrections = await rows.rows("SELECT * FROM ledger_corrections")
    assert [(row["seq"], row["amount"]) for row in corrections] == [(1, 0)]


@pytest.mark.parametrize("is_first", [True, False])
async def test_who_leaves_while_more_is_held_still_owes_what_is_under_way(
    database: Database, one: Server, rows: Book, *, is_first: bool
) -> None:
    """Only of the first hold for an attempt nothing is left when its caller leaves."""
    of = await budget(database, 100)
    if not is_first:
        await one.hold(wanted("att_a", 20, payer=ANNE))
    asking = asyncio.create_task(one.till.hold(wanted("att_a", 40, payer=ANNE), is_first=is_first))
    await asyncio.sleep(0)
    asking.cancel()
    await one.till.close()
    assert [row["amount"] for row in await rows.rows("SELECT * FROM holds")] == ([] if is_first else [40])
    await one.settle(spent("att_a", 30))
    period = await rows.period(of)
    assert (period["spent"], period["held"]) == (0 if is_first else 30, 0)


async def test_only_a_settlement_of_what_was_never_held_is_logged_as_a_defect(
    database: Database, one: Server, caplog: pytest.LogCaptureFixture
) -> None:
    await one.hold(wanted("att_a", 50, payer=ANNE))
    for _ in range(2):
        await one.settle(spent("att_a", 30))
    assert "ledger.hold_unknown" not in caplog.messages
    await one.settle(spent("att_never", 30))
    assert caplog.messages.count("ledger.hold_unknown") == 1


async def test_an_attempt_that_was_entered_is_never_held_for_again(
    database: Database, one: Server, rows: Book
) -> None:
    of = await budget(database, 100)
    await one.hold(wanted("att_a", 50, payer=ANNE))
    await one.settle(spent("att_a", 30))
    assert await one.hold(wanted("att_a", 50, payer=ANNE)) == Held(0, is_bound=False)
    await one.settle(spent("att_a", 30))
    assert len(await rows.entries()) == 1
    assert await rows.rows("SELECT * FROM holds") == []
    assert (await rows.period(of))["spent"] == 30


@pytest.mark.parametrize("bad", ["a\0b", "lone \ud800"])
async def test_a_bad_item_fails_its_own_caller_alone(
    database: Database, one: Server, rows: Book, bad: str
) -> None:
    await budget(database, 10**6)
    asked = [
        wanted(f"att_{number}", 1, payer=ANNE, model=bad if number == 7 else "m") for number in range(40)
    ]
    async with asyncio.timeout(3):
        held = await asyncio.gather(*(one.hold(each) for each in asked), return_exceptions=True)
    assert [isinstance(each, BadItem) for each in held] == [number == 7 for number in range(40)]
    settled = await asyncio.gather(
        *(one.settle(spent(each.attempt, 2**70 if each.attempt == "att_9" else 1)) for each in asked),
        return_exceptions=True,
    )
    assert [isinstance(each, BadItem) for each in settled] == [number == 9 for number in range(40)]
    assert len(await rows.entries()) == 38
    assert [row["attempt_id"] for row in await rows.rows("SELECT * FROM holds")] == ["att_9"]


async def test_servers_that_hold_by_the_same_budgets_in_opposite_orders_never_deadlock(
    database: Database, rows: Book, dsn: str
) -> None:
    servers = [await server(database, home) for home in ("one", "two")]
    users = [f"usr_{number}" for number in range(12)]
    for user in users:
        await budget(database, 10**9, "user", user)
    await budget(database, 10**9)

    async def turn(at: int, number: int, user: str) -> None:
        attempt = f"att_{at}_{number}_{user}"
        assert isinstance(await servers[at].hold(wanted(attempt, 5, payer=Payer(TENANT, user, "k"))), Held)
        await servers[at].settle(spent(attempt, 3))

    async def many(at: int) -> None:
        for number in range(100):
            await asyncio.gather(*(turn(at, number, user) for user in users[:: 1 if at else -1]))

    await asyncio.gather(many(0), many(1))
    [told] = await rows.rows("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    assert told["deadlocks"] == 0
    [sums] = await rows.rows("SELECT sum(spent) AS spent, sum(held) AS held FROM budget_periods")
    assert (sums["spent"], sums["held"]) == (2 * 2 * 12 * 100 * 3, 0)
    for each in servers:
        await each.close()


async def test_a_cancelled_callers_hold_is_given_back(database: Database, one: Server, rows: Book) -> None:
    of = await budget(database, 100)
    await one.hold(wanted("att_a", 10, payer=ANNE))
    gone = [
        asyncio.create_task(one.till.hold(wanted(f"att_gone_{number}", 10, payer=ANNE)))
        for number in range(4)
    ]
    await asyncio.sleep(0)
    for each in gone:
        each.cancel()
    await asyncio.wait(gone)
    assert isinstance(await one.hold(wanted("att_b", 20, payer=ANNE)), Held)
    await one.till.close()
    assert [row["attempt_id"] for row in await rows.rows("SELECT * FROM holds ORDER BY 1")] == [
        "att_a",
        "att_b",
    ]
    assert (await rows.period(of))["held"] == 30


async def test_a_limit_below_what_is_held_admits_nothing_and_cuts_nothing(
    database: Database, one: Server, rows: Book
) -> None:
    of = await budget(database, 100)
    await one.hold(wanted("att_a", 60, payer=ANNE))
    lowered = await budgets.change(database, Reach(None), of, Change(40))
    assert lowered is not None
    assert (lowered.held, lowered.remaining) == (60, -20)
    assert isinstance(await one.hold(wanted("att_b", 1, payer=ANNE)), BudgetExceeded)
    assert await one.hold(wanted("att_a", 60, payer=ANNE)) == Held(60, is_bound=True)
    assert isinstance(await one.hold(wanted("att_a", 61, payer=ANNE)), BudgetExceeded)
    await one.settle(spent("att_a", 35))
    assert await one.hold(wanted("att_b", 5, payer=ANNE)) == Held(5, is_bound=True)


async def test_every_scope_is_held_by_or_none(database: Database, one: Server, rows: Book) -> None:
    wide = await budget(database, 100)
    narrow = await budget(database, 10, "key", "key_a", period="day")
    assert isinstance(await one.hold(wanted("att_a", 11, payer=ANNE)), BudgetExceeded)
    assert [(await rows.period(each))["held"] for each in (wide, narrow)] == [0, 0]
    assert await one.hold(wanted("att_b", 11, payer=ANNE, least=10)) == Held(10, is_bound=True)
    assert [(await rows.period(each))["held"] for each in (wide, narrow)] == [10, 10]


async def test_users_without_budgets_get_the_default_ones(database: Database, rows: Book) -> None:
    one = await server(database, "one", (50, None, 70))
    assert await one.hold(wanted("att_a", 50, payer=ANNE)) == Held(50, is_bound=True)
    assert isinstance(await one.hold(wanted("att_b", 1, payer=ANNE)), BudgetExceeded)
    await budget(database, 10, "user", "usr_b")
    assert isinstance(await one.hold(wanted("att_c", 11, payer=Payer(TENANT, "usr_b", "k"))), BudgetExceeded)
    assert (
        await rows.rows("SELECT user_id, period FROM budgets WHERE scope_id = 'usr_b' AND is_default") == []
    )
    await one.close()
    more = await server(database, "two", (60, None, 70))
    assert await more.hold(wanted("att_b", 10, payer=ANNE)) == Held(10, is_bound=True), "at once"
    assert isinstance(await more.hold(wanted("att_d", 1, payer=ANNE)), BudgetExceeded)
    await more.close()


async def test_a_default_budget_that_is_deleted_and_comes_again_does_not_know_the_holds_of_the_old(
    database: Database, rows: Book
) -> None:
    one = await server(database, "one", (50, None, None))
    await one.hold(wanted("att_a", 50, payer=ANNE))
    [old] = await rows.rows("SELECT id FROM budgets")
    assert await budgets.delete(database, Reach(None), old["id"])
    assert await one.hold(wanted("att_b", 20, payer=ANNE)) == Held(20, is_bound=True)
    async with asyncio.timeout(3):
        await one.settle(spent("att_a", 50))
        await one.settle(spent("att_b", 20))
    [period] = await rows.rows("SELECT * FROM budget_periods")
    assert (period["spent"], period["held"]) == (20, 0)
    await one.close()


@asynccontextmanager
async def held_up(rows: Book, dsn: str, lock: str) -> AsyncGenerator[None, None]:
    """Two statements are begun in the context; each waits for the lock, which is let go when both do."""
    blocker = await asyncpg.connect(dsn)
    async with blocker.transaction():
        await blocker.execute(lock)
        yield
        while (await rows.rows("SELECT count(*) AS many FROM pg_locks WHERE NOT granted"))[0]["many"] < 2:
            await rows.rows("SELECT pg_sleep(0.01)")
    await blocker.close()


async def test_an_attempt_that_comes_again_while_its_first_statement_still_runs_is_held_for_once(
    database: Database, one: Server, rows: Book, dsn: str
) -> None:
    """As after a connection broke that the database has not noticed yet."""
    of = await budget(database, 50)
    await one.hold(wanted("att_first", 0, payer=ANNE))
    other = await server(database, "two")
    async with held_up(rows, dsn, "SELECT * FROM budget_periods FOR UPDATE"):
        both = asyncio.gather(*(each.hold(wanted("att_a", 50, payer=ANNE)) for each in (one, other)))
    assert await both == [Held(50, is_bound=True)] * 2
    assert (await rows.period(of))["held"] == 50
    await other.close()


async def test_of_late_words_for_an_attempt_one_counts(
    database: Database, one: Server, rows: Book, dsn: str
) -> None:
    await budget(database, 10**6)
    other = await server(database, "other")
    await one.hold(wanted("att_a", 100, payer=ANNE))
    await one.settle(spent("att_a", 0, suspense=100, source="none"))
    async with held_up(rows, dsn, "SELECT * FROM ledger_entries FOR UPDATE"):
        late = asyncio.gather(*(till.settle(spent("att_a", cost)) for till, cost in ((one, 40), (other, 60))))
    await late
    await other.close()
    [told] = await rows.rows("SELECT amount FROM ledger_corrections")
    assert told["amount"] in {40, 60}
