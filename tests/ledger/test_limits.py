"""Budgets as they are made, found, changed and deleted."""

from dataclasses import replace

import pytest
from msgspec import structs

from podium.kit import ids
from podium.ledger import budgets
from podium.ledger.budget import Budget, NewBudget, Status
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
    changed = await budgets.change(shared.database, EVERYBODY, budget.id, amount=80, alert=None)
    assert changed == replace(standing, budget=replace(budget, amount=80))
    changed = await budgets.change(shared.database, Reach(who.tenant), budget.id, amount=None, alert=400)
    assert changed == replace(standing, budget=replace(budget, amount=80, alert=400))
    assert (await shared.rows.period(budget.id))["amount"] == 80
    assert await budgets.change(shared.database, Reach("ten_other"), budget.id, amount=1, alert=1) is None
    assert not await budgets.delete(shared.database, Reach("ten_other"), budget.id)
    assert await budgets.find(shared.database, EVERYBODY, budget.id) == changed
    assert await budgets.delete(shared.database, Reach(who.tenant), budget.id)
    assert not await budgets.delete(shared.database, EVERYBODY, budget.id)
    assert await budgets.find(shared.database, EVERYBODY, budget.id) is None
    assert await shared.rows.rows("SELECT FROM budget_periods WHERE budget_id = $1", budget.id) == []


async def test_a_threshold_is_reached_by_its_share() -> None:
    budget = Budget("b", "t", "user", "u", None, 1_000, "total", "UTC", 800, False, None)  # type: ignore[arg-type]  # no matter when
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
    assert bound == [session, twin, user]

    async def listed(reach: Reach, wish: Wish, before: str | None = None, limit: int = 9) -> list[Status]:
        return await budgets.find_page(shared.database, reach, wish, before=before, limit=limit)

    ours = Reach(who.tenant)
    assert await listed(ours, Wish()) == [twin, session, key, user]
    assert await listed(ours, Wish(), limit=2) == [twin, session]
    assert await listed(ours, Wish(), before=session.budget.id) == [key, user]
    assert await listed(ours, Wish(scope_type="session")) == [twin, session]
    assert await listed(ours, Wish(scope_ids=("conv_1", who.key))) == [session, key]
    assert await listed(ours, Wish(scope_ids=())) == []
    assert await listed(ours, Wish(period="day")) == [key, user]
    assert await listed(Reach(who.tenant, who.user), Wish()) == [key, user]
    assert await listed(Reach(None, who.user), Wish()) == [far, key, user]
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
    like = ids.new("conv")
    third = await made(shared, replace(waiting, scope_id=like))
    await budgets.claim(shared.database, who.tenant, like, "conv_2", who.user)
    assert await budgets.find(shared.database, EVERYBODY, third.budget.id) == third, "it is another's id"


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
    assert await budgets.find_waiting(database, other.tenant, "s-1", None) == []
    anybodys = (await made(shared, NewBudget(who.tenant, "session", "s-1", None, 10, "total"))).budget.id
    day = (await made(shared, NewBudget(who.tenant, "session", "s-1", None, 10, "day"))).budget.id
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


async def test_a_user_is_given_the_defaults_that_there_are(shared: Desk) -> None:
    who, other = payer(), payer()
    await budgets.grant(shared.database, who.tenant, who.user, (10, 20, 30))
    await budgets.grant(shared.database, other.tenant, other.user, (None, None, None))
    told = await budgets.find_bound(shared.database, who.tenant, [("user", who.user)])
    assert [(each.budget.amount, each.budget.period, each.budget.is_default) for each in told] == [
        (10, "day", True),
        (20, "month", True),
        (30, "total", True),
    ]
    assert await budgets.find_bound(shared.database, other.tenant, [("user", other.user)]) == []
