"""Budgets as they are made, found, changed and deleted."""

from dataclasses import replace

import pytest
from msgspec import structs

from podium.kit import ids
from podium.ledger import budgets
from podium.ledger.budget import Budget, Change, NewBudget, ScopeType, Status
from podium.ledger.budgets import Reach, Wish
from tests.ledger.desk import Desk, payer
from tests.ledger.tills import spent, wanted

pytestmark = pytest.mark.asyncio(loop_scope="module")

EVERYBODY = Reach(None)
BOUNDS = """
SELECT budget_start('week', 'Asia/Kolkata', now()) AS starts_at,
       budget_end('week', 'Asia/Kolkata', now()) AS resets_at
"""


async def made(desk: Desk, new: NewBudget) -> Status:
    status = await budgets.put(desk.database, new)
    assert status is not None
    return status


def newest(*made: Status) -> list[Status]:
    """By falling ids; those of one millisecond are in no order."""
    return sorted(made, key=lambda each: each.budget.id, reverse=True)


async def test_a_budget_is_what_was_asked_for_and_counts_at_once(shared: Desk) -> None:
    who = payer()
    new = NewBudget(who.tenant, "key", who.key, who.user, 100, "week", "Asia/Kolkata", 333)
    status = await made(shared, new)
    budget = status.budget
    assert ids.is_id("bud", budget.id)
    assert budget == Budget(
        id=budget.id,
        tenant=who.tenant,
        scope_type="key",
        scope_id=who.key,
        owner=who.user,
        amount=100,
        period="week",
        timezone="Asia/Kolkata",
        alert=333,
        is_default=False,
        by_operator=False,
        created_at=budget.created_at,
    )
    [bounds] = await shared.rows.rows(BOUNDS)
    assert status == Status(budget, 0, 0, 0, **bounds)
    assert await budgets.find(shared.database, EVERYBODY, budget.id) == status
    await shared.server.hold(wanted("att_x", 40, payer=who))
    await shared.server.hold(wanted("att_y", 20, payer=who))
    await shared.server.settle(spent("att_x", 30, suspense=7))
    standing = replace(status, spent=30, held=20, suspense=7)
    assert await budgets.find(shared.database, EVERYBODY, budget.id) == standing
    assert (standing.remaining, standing.is_alert) == (43, False)
    changed = await budgets.change(shared.database, EVERYBODY, budget.id, Change(80))
    assert changed == replace(standing, budget=replace(budget, amount=80))
    changed = await budgets.change(shared.database, Reach(who.tenant), budget.id, Change(alert=400))
    assert changed == replace(standing, budget=replace(budget, amount=80, alert=400))
    assert (await shared.rows.period(budget.id))["amount"] == 80
    assert await budgets.change(shared.database, Reach("ten_other"), budget.id, Change(1, 1)) is None
    assert not await budgets.delete(shared.database, Reach("ten_other"), budget.id)
    assert await budgets.find(shared.database, EVERYBODY, budget.id) == changed
    assert await budgets.delete(shared.database, Reach(who.tenant), budget.id)
    assert not await budgets.delete(shared.database, EVERYBODY, budget.id)
    assert await budgets.find(shared.database, EVERYBODY, budget.id) is None
    assert await shared.rows.rows("SELECT FROM budget_periods WHERE budget_id = $1", budget.id) == []


async def test_a_threshold_is_reached_by_its_share() -> None:
    budget = Budget("b", "t", "user", "u", None, 1_000, "total", "UTC", 800, False, False, None)  # type: ignore[arg-type]  # no matter when
    for spent_so_far, is_alert in ((0, False), (799, False), (800, True)):
        assert Status(budget, spent_so_far, 0, 0, None, None).is_alert == is_alert  # type: ignore[arg-type]  # as above
    assert not Status(replace(budget, alert=0), 0, 0, 0, None, None).is_alert  # type: ignore[arg-type]  # as above
    assert Status(replace(budget, alert=0), 1, 0, 0, None, None).is_alert  # type: ignore[arg-type]  # as above


async def test_a_scope_has_one_budget_a_period_unless_it_is_replaced(shared: Desk) -> None:
    who = payer()
    new = NewBudget(who.tenant, "user", who.user, None, 100, "day")
    first = await made(shared, new)
    assert (first.budget.timezone, first.budget.alert) == ("UTC", 800)
    assert await budgets.put(shared.database, replace(new, amount=5)) is None
    other = await budgets.put(shared.database, replace(new, period="month"))
    assert other is not None
    again = await budgets.put(shared.database, replace(new, amount=5, alert=100), replace=True)
    assert again is not None
    assert again.budget == replace(first.budget, amount=5, alert=100)


async def test_defaults_make_way_for_a_users_own(shared: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared.server.till, "_defaults", [10, 20, None])
    who, neighbour = payer(), payer()
    for each in (who, neighbour):
        sql = "SELECT budget_defaults(ARRAY[$1], ARRAY[$2], ARRAY[10, 20, NULL]::bigint[])"
        await shared.rows.rows(sql, who.tenant, each.user)
        await shared.server.hold(
            wanted(f"att_{each.user}", 1, payer=structs.replace(each, tenant=who.tenant))
        )
    status = await made(shared, NewBudget(who.tenant, "user", who.user, None, 7, "month"))
    told = await budgets.find_bound(
        shared.database, who.tenant, [("user", who.user), ("user", neighbour.user)]
    )
    assert [
        (each.budget.scope_id == who.user, each.budget.amount, each.budget.is_default) for each in told
    ] == [
        (True, 7, False),
        (False, 10, True),
        (False, 20, True),
    ]
    assert status.held == 1, "what the default of this period holds goes on"
    ours = (
        "SELECT count(*) FROM budget_periods p LEFT JOIN budgets b ON b.id = p.budget_id WHERE b.id IS NULL"
    )
    assert await shared.database.value(ours) == 0


async def test_budgets_are_found_by_what_is_asked_for_the_tightest_first(shared: Desk) -> None:
    who, other = payer(), payer()
    user = await made(shared, NewBudget(who.tenant, "user", who.user, None, 50, "day"))
    key = await made(shared, NewBudget(who.tenant, "key", who.key, who.user, 40, "day"))
    session = await made(shared, NewBudget(who.tenant, "session", "conv_1", other.user, 30, "total"))
    twin = await made(shared, NewBudget(who.tenant, "session", "conv_2", other.user, 30, "total"))
    far = await made(shared, NewBudget(other.tenant, "user", who.user, None, 20, "day"))
    scopes = [("user", who.user), ("session", "conv_2"), ("session", "conv_1"), ("key", "key_none")]
    bound = await budgets.find_bound(shared.database, who.tenant, scopes)  # type: ignore[arg-type]  # they are scope types
    assert bound == [*reversed(newest(session, twin)), user]

    async def listed(reach: Reach, wish: Wish, before: str | None = None, limit: int = 9) -> list[Status]:
        return await budgets.find_page(shared.database, reach, wish, before=before, limit=limit)

    ours, whole = Reach(who.tenant), newest(twin, session, key, user)
    assert await listed(ours, Wish()) == whole
    assert await listed(ours, Wish(), limit=2) == whole[:2]
    assert await listed(ours, Wish(), before=whole[1].budget.id) == whole[2:]
    assert await listed(ours, Wish(scope_type="session")) == newest(twin, session)
    assert await listed(ours, Wish(scope_ids=("conv_1", who.key))) == newest(session, key)
    assert await listed(ours, Wish(scope_ids=())) == []
    assert await listed(ours, Wish(period="day")) == newest(key, user)
    assert await listed(Reach(who.tenant, who.user), Wish()) == newest(key, user)
    assert await listed(Reach(None, who.user), Wish()) == newest(far, key, user)
    assert {each.budget.id for each in await listed(EVERYBODY, Wish(), limit=100)} >= {
        far.budget.id,
        key.budget.id,
    }
    assert await budgets.find(shared.database, Reach(who.tenant, who.user), key.budget.id) == key
    assert await budgets.find(shared.database, Reach(who.tenant, who.user), twin.budget.id) is None
    assert await budgets.find(shared.database, Reach(who.tenant, who.user), far.budget.id) is None
    assert await budgets.find(shared.database, Reach(None, who.user), far.budget.id) == far


async def test_the_budget_that_waits_for_a_session_becomes_its_conversations(shared: Desk) -> None:
    who = payer()
    waiting = NewBudget(who.tenant, "session", "s-1", None, 10, "total")
    first = await made(shared, waiting)
    await budgets.claim(shared.database, who.tenant, "s-2", "conv_1", who.user)
    await budgets.claim(shared.database, "ten_other", "s-1", "conv_1", who.user)
    assert await budgets.find(shared.database, EVERYBODY, first.budget.id) == first
    await budgets.claim(shared.database, who.tenant, "s-1", "conv_1", who.user)
    claimed = replace(first, budget=replace(first.budget, scope_id="conv_1", owner=who.user))
    assert await budgets.find(shared.database, EVERYBODY, first.budget.id) == claimed
    second = await made(shared, waiting)
    await budgets.claim(shared.database, who.tenant, "s-1", "conv_1", who.user)
    assert await budgets.find(shared.database, EVERYBODY, second.budget.id) == second, "it has one"


async def test_the_budget_of_a_session_that_is_gone_waits_for_its_users_next(shared: Desk) -> None:
    who, other, database = payer(), payer(), shared.database

    async def told(budget: str) -> tuple[str, str | None]:
        found = await budgets.find(database, EVERYBODY, budget)
        assert found is not None
        return found.budget.scope_id, found.budget.owner

    async def waiting(user: str | None) -> list[tuple[str, str | None]]:
        return sorted(await budgets.find_waiting(database, who.tenant, "s-1", user), key=str)

    mine = (await made(shared, NewBudget(who.tenant, "session", "conv_1", who.user, 10, "total"))).budget.id
    theirs = (
        await made(shared, NewBudget(who.tenant, "session", "conv_2", other.user, 10, "total"))
    ).budget.id
    for tenant, gone in ((other.tenant, "conv_1"), (who.tenant, "conv_3")):
        await budgets.release(database, tenant, gone, "s-1", who.user)
    assert await told(mine) == ("conv_1", who.user)
    await budgets.release(database, who.tenant, "conv_1", "s-1", who.user)
    await budgets.release(database, who.tenant, "conv_2", "s-1", other.user)
    assert [await told(each) for each in (mine, theirs)] == [
        (f"{who.user}/s-1", who.user),
        (f"{other.user}/s-1", other.user),
    ]
    for of in ("s-2", "/s-1"):
        assert await budgets.find_waiting(database, who.tenant, of, None) == []
    day = (await made(shared, NewBudget(who.tenant, "session", "conv_4", who.user, 10, "day"))).budget.id
    await budgets.release(database, who.tenant, "conv_4", "s-1", who.user, anybodys=[day, theirs])
    assert await told(day) == ("s-1", None), "as it waited before"
    assert await budgets.find_waiting(database, other.tenant, "s-1", None) == []
    anybodys = (await made(shared, NewBudget(who.tenant, "session", "s-1", None, 10, "total"))).budget.id
    both = [("s-1", None), (f"{who.user}/s-1", who.user)]
    assert await waiting(who.user) == sorted(both, key=str)
    assert await waiting(None) == sorted([*both, (f"{other.user}/s-1", other.user)], key=str)
    await budgets.claim(database, who.tenant, "s-1", "conv_4", who.user)
    assert [await told(each) for each in (mine, day, theirs, anybodys)] == [
        ("conv_4", who.user),
        ("conv_4", who.user),
        (f"{other.user}/s-1", other.user),
        ("s-1", None),
    ], "one that waits for the user goes before one that waits for anybody"
    second = NewBudget(who.tenant, "session", f"{who.user}/s-1", who.user, 10, "total")
    next_one = (await made(shared, second)).budget.id
    await budgets.release(database, who.tenant, "conv_4", "s-1", who.user)
    assert [await told(each) for each in (mine, day, next_one)] == [
        ("conv_4", who.user),
        (f"{who.user}/s-1", who.user),
        (f"{who.user}/s-1", who.user),
    ], "a scope has one budget for each period"


async def test_a_time_zone_is_one_that_the_database_knows(shared: Desk) -> None:
    known = [await budgets.is_timezone(shared.database, name) for name in ("Europe/Berlin", "Europe/Nowhere")]
    assert known == [True, False]


async def test_defaults_are_told_before_they_are_given(shared: Desk) -> None:
    who, own, database = payer(), payer(), shared.database
    await made(shared, NewBudget(who.tenant, "user", own.user, None, 7, "day"))
    scopes: list[tuple[ScopeType, str]] = [("user", who.user), ("user", own.user), ("tenant", who.tenant)]

    async def bound(*defaults: int | None) -> list[tuple[str, int, str, bool]]:
        found = [each.budget for each in await budgets.find_bound(database, who.tenant, scopes, defaults)]
        return [(each.scope_id, each.amount, each.period, each.is_default) for each in found]

    kept = (own.user, 7, "day", False)
    whole = [(who.user, 5, "total", True), kept, (who.user, 10, "day", True), (who.user, 20, "month", True)]
    assert await bound(10, 20, 5) == whole
    assert await bound(None, None, None) == await bound() == [kept]
    assert await budgets.find_page(database, Reach(who.tenant, who.user), Wish(), before=None, limit=9) == []
    [unmade] = await budgets.find_bound(database, who.tenant, [("user", who.user)], (None, 3))
    assert unmade.budget.id == ids.nobody("bud")
    assert (unmade.budget.tenant, unmade.budget.owner, unmade.budget.timezone) == (who.tenant, None, "UTC")
    assert (unmade.spent, unmade.held, unmade.suspense, unmade.budget.alert) == (0, 0, 0, 800)
    assert unmade.starts_at.day == 1
    assert unmade.starts_at <= unmade.budget.created_at < (unmade.resets_at or unmade.starts_at)

    sql = "SELECT budget_defaults(ARRAY[$1], ARRAY[$2], ARRAY[10, NULL, 30]::bigint[])"
    await shared.rows.rows(sql, who.tenant, who.user)
    assert await bound(10, 20, 5) == whole, "each once, with the limit that is set now"
    assert await bound(None, None, None) == [kept], "those that were given count no more"

    async def listed(wish: Wish) -> list[tuple[int, str]]:
        found = await budgets.find_page(database, Reach(who.tenant), wish, before=None, limit=9)
        return sorted((each.budget.amount, each.budget.period) for each in found)

    assert await listed(Wish()) == [(7, "day"), (10, "day"), (30, "total")]
    assert await listed(Wish(defaults=(11, 20, None))) == [(7, "day"), (11, "day")]
    assert await listed(Wish(defaults=())) == [(7, "day")]
    rows = await budgets.find_bound(database, who.tenant, [("user", who.user)])
    assert [(each.budget.amount, each.budget.is_default) for each in rows] == [(10, True), (30, True)]
    daily = rows[0].budget.id
    for defaults, amount in (((11, 20, 5), 11), ((None, 20, 5), None), (None, 10)):
        found = await budgets.find(database, EVERYBODY, daily, defaults)
        assert (None if found is None else found.budget.amount) == amount
    changed = await budgets.change(database, EVERYBODY, daily, Change(alert=900), defaults=(11, 20, 5))
    assert changed is not None
    assert (changed.budget.amount, changed.budget.alert, changed.budget.is_default) == (11, 900, False)
    assert await listed(Wish()) == [(7, "day"), (11, "day")], "the other default one made way"
