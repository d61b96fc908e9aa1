"""Balances reckoned anew, beside a ledger that goes on."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from podium.kit import ids
from podium.ledger import budgets, verify
from podium.ledger.budget import NewBudget
from podium.store.database import Database
from tests.api.spending import Spender, spender

WRITERS = 8


@pytest.fixture
async def database(dsn: str) -> AsyncGenerator[Database, None]:
    opened = Database(dsn, readers=WRITERS + 1)
    await opened.open()
    yield opened
    await opened.close()


async def people(database: Database, count: int) -> list[Spender]:
    """So many users of the tenant `default`, each with a budget, below one budget of the tenant."""
    like = await spender(database, "default", "operator")
    await budgets.put(database, NewBudget(like.tenant, "tenant", like.tenant, None, 10**15, "total"))
    made = []
    for _ in range(count):
        user = ids.new("usr")
        await budgets.put(database, NewBudget(like.tenant, "user", user, None, 10**12, "day"))
        made.append(Spender(database, like.tenant, user, "key"))
    return made


async def wrong(database: Database) -> list[verify.Balance]:
    async with aclosing(verify.balances(database)) as balances:
        return [each async for each in balances if each.said != each.found]


async def work(who: Spender, times: int) -> None:
    """Every way that money goes."""
    for at in range(times):
        await who.spend(100 + at)
        await who.hold(7)
        attempt = await who.hold(1000)
        await who.settle(attempt, 10, suspense=50)
        if at % 2:
            await who.correct(attempt, 60, (10, 0, 0, 5, 0, 0))


async def test_balances_that_were_never_touched_are_right(database: Database) -> None:
    [who] = await people(database, 1)
    await work(who, 5)
    assert await wrong(database) == []


@pytest.mark.parametrize("name", ["spent", "held", "suspense"])
async def test_a_balance_that_its_rows_do_not_come_to_is_told(database: Database, name: str) -> None:
    [who] = await people(database, 1)
    await work(who, 3)
    row = await database.first(
        f"UPDATE budget_periods SET {name} = {name} + 1 WHERE budget_id ="
        " (SELECT id FROM budgets WHERE scope_type = 'user') RETURNING budget_id, starts_at, " + name
    )
    assert row is not None
    [found] = await wrong(database)
    assert (found.budget_id, found.starts_at, found.name) == (row["budget_id"], row["starts_at"], name)
    assert (found.said, found.found) == (row[name], row[name] - 1)


async def test_a_ledger_that_goes_on_is_verified_without_false_alarms(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify, "_ENTRIES", 7)
    monkeypatch.setattr(verify, "_PERIODS", 2)
    monkeypatch.setattr(verify, "_REST", 0)  # so that there are many rounds
    writing = asyncio.gather(*(work(who, 12) for who in await people(database, WRITERS)))
    rounds = 0
    while not writing.done():
        assert await wrong(database) == []
        rounds += 1
    await writing
    assert await wrong(database) == []
    assert rounds > 1


async def test_a_deleted_budget_leaves_nothing_to_verify(database: Database) -> None:
    [who] = await people(database, 1)
    await work(who, 2)
    held = await who.hold(5)
    for row in await database.fetch("SELECT id FROM budgets"):
        assert await budgets.delete(database, budgets.Reach(None), row["id"])
    await who.settle(held, 5)
    assert await wrong(database) == []
