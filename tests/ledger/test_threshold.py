"""The statement that settles, to the nano-dollar: what is left, and who is warned when."""

import asyncio

import pytest

from podium.identity.payer import Payer
from podium.kit import ids
from podium.ledger.alert import find_all
from podium.ledger.budget import Change, NewBudget
from podium.ledger.budgets import Reach, change, put
from podium.ledger.till import Settled
from podium.store.database import Database
from tests.ledger.desk import Desk, payer
from tests.ledger.tills import server, spent, wanted

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def pay(desk: Desk, who: Payer, amount: int, *, hold: int | None = None, suspense: int = 0) -> Settled:
    attempt = ids.new("att")
    await desk.server.hold(wanted(attempt, amount if hold is None else hold, payer=who))
    return await desk.server.settle(spent(attempt, amount, suspense=suspense))


async def test_a_threshold_is_passed_when_it_is_reached_and_once(shared: Desk) -> None:
    who = payer()
    budget = await shared.budget(who, 100, period="day", alert=800)
    assert await pay(shared, who, 50) == Settled(50)
    assert await pay(shared, who, 29) == Settled(21)
    assert await find_all(shared.database, budget, 9) == []
    told = f"Budget of user {who.user} (day): 80 % of 0.0000001 dollars spent."
    assert await pay(shared, who, 1) == Settled(20, (told,))
    assert await pay(shared, who, 1) == Settled(19)
    assert await pay(shared, who, 19) == Settled(0)
    [alert] = await find_all(shared.database, budget, 9)
    period = await shared.rows.period(budget)
    assert (alert.budget_id, alert.alert, alert.spent, alert.amount) == (budget, 800, 80, 100)
    assert (alert.starts_at, alert.ends_at) == (period["starts_at"], period["ends_at"])
    assert (alert.tenant, alert.scope_type, alert.scope_id, alert.period) == (
        who.tenant,
        "user",
        who.user,
        "day",
    )


async def test_of_several_that_pass_it_together_one_is_told(shared: Desk) -> None:
    who = payer()
    await shared.budget(who, 100, alert=800)
    attempts = [ids.new("att") for _ in range(3)]
    for attempt in attempts:
        await shared.server.hold(wanted(attempt, 30, payer=who))
    settled = await asyncio.gather(*(shared.server.settle(spent(each, 27)) for each in attempts))
    assert {each.left for each in settled} == {19}, "they went in one statement"
    assert sorted(len(each.warnings) for each in settled) == [0, 0, 1]


async def test_a_nano_dollar_less_than_a_threshold_is_less(shared: Desk) -> None:
    who = payer()
    await shared.budget(who, 1_000_000, alert=800)
    assert (await pay(shared, who, 799_999)).warnings == ()
    assert len((await pay(shared, who, 1)).warnings) == 1


async def test_what_one_spends_is_no_step_to_anothers_threshold(shared: Desk) -> None:
    """Though both are settled in one statement."""
    both = [payer(), payer()]
    budgets = [await shared.budget(who, 100, alert=800) for who in both]
    for number, who in enumerate(both):
        for times in (1, 2):
            await shared.server.hold(wanted(f"att_o{number}{times}", 50, payer=who))
    rows = await settle_all(shared.database, [("att_o01", 50, 0), ("att_o11", 45, 0)])
    assert [row["warned"] for row in rows] == [None, None]
    rows = await settle_all(shared.database, [("att_o02", 50, 0), ("att_o12", 35, 0)])
    assert [row["warned"] for row in rows] == [[budget] for budget in budgets]
    told = [(await find_all(shared.database, budget, 9))[0].spent for budget in budgets]
    assert told == [100, 80]


async def test_what_costs_nothing_warns_of_nothing(shared: Desk) -> None:
    who = payer()
    budget = await shared.budget(who, 0, alert=0)
    assert await pay(shared, who, 0) == Settled(0)
    assert await find_all(shared.database, budget, 9) == []
    await change(shared.database, Reach(who.tenant), budget, Change(1))
    assert len((await pay(shared, who, 1)).warnings) == 1


async def test_only_what_is_passed_is_told_and_the_tightest_is_what_is_left(shared: Desk) -> None:
    who = payer()
    await shared.budget(who, 100, alert=600)
    await shared.budget(who, 90, "tenant", who.tenant, alert=600)
    settled = await pay(shared, who, 55, suspense=3)
    assert settled == Settled(
        32, (f"Budget of tenant {who.tenant} (total): 61 % of 0.00000009 dollars spent.",)
    )
    settled = await pay(shared, who, 5, suspense=2)
    assert settled == Settled(25, (f"Budget of user {who.user} (total): 60 % of 0.0000001 dollars spent.",))


async def test_what_is_known_late_passes_a_threshold_as_well(shared: Desk) -> None:
    who = payer()
    budget = await shared.budget(who, 100, alert=800)
    await shared.server.hold(wanted("att_late", 90, payer=who))
    await shared.server.settle(spent("att_late", 70, suspense=20, source="estimate"))
    assert await find_all(shared.database, budget, 9) == []
    await shared.server.settle(spent("att_late", 85))
    [alert] = await find_all(shared.database, budget, 9)
    assert (alert.alert, alert.spent, alert.amount) == (800, 85, 100)
    assert await shared.sums(budget) == (85, 0, 0)
    assert await pay(shared, who, 1) == Settled(14)


@pytest.mark.parametrize(("amount", "alert"), [(87, None), (None, 700)])
async def test_a_limit_that_is_lowered_below_what_was_spent_is_told_at_once(
    shared: Desk, amount: int | None, alert: int | None
) -> None:
    who = payer()
    budget = await shared.budget(who, 100, alert=800)
    await pay(shared, who, 70)
    reach = Reach(who.tenant)
    await change(shared.database, reach, budget, Change(88))
    assert await find_all(shared.database, budget, 9) == []
    for _ in range(2):
        await change(shared.database, reach, budget, Change(amount, alert))
        [told] = await find_all(shared.database, budget, 9)
        assert (told.spent, told.amount, told.alert) == (70, amount or 88, alert or 800)
    assert (await pay(shared, who, 1)).warnings == ()


async def test_a_budget_that_is_put_in_anothers_place_tells_what_it_has_passed(shared: Desk) -> None:
    who = payer()
    budget = await shared.budget(who, 100, alert=800)
    await pay(shared, who, 70)
    new = NewBudget(who.tenant, "user", who.user, None, 71, "total")
    assert (await put(shared.database, new, replace=True)) is not None
    assert [each.spent for each in await find_all(shared.database, budget, 9)] == [70]


async def test_what_is_held_and_what_waits_are_not_left(shared: Desk) -> None:
    who = payer()
    budget = await shared.budget(who, 100)
    await shared.server.hold(wanted("att_held", 7, payer=who))
    assert await pay(shared, who, 11, hold=40, suspense=13) == Settled(100 - 7 - 11 - 13)
    assert await shared.sums(budget) == (11, 7, 13)
    assert await pay(shared, who, 1, hold=2, suspense=1) == Settled(67)
    assert await shared.sums(budget) == (12, 7, 14)
    await shared.server.till.void("att_held")
    assert await shared.sums(budget) == (12, 0, 14)


async def test_without_budgets_nothing_is_left_and_nobody_warned(shared: Desk) -> None:
    assert await pay(shared, payer(), 5) == Settled(None, ())


async def test_many_at_once_are_settled_each_by_its_own(shared: Desk) -> None:
    """In one statement: attempts of several payers, some of whom share a budget."""
    who = payer()
    other = payer()
    here, there = await shared.budget(who, 1_000, alert=500), await shared.budget(other, 1_000, alert=1000)
    held = [("att_m3", other, 30), ("att_m1", who, 10), ("att_m2", who, 500), ("att_m4", payer(), 7)]
    for attempt, each, amount in held:
        await shared.server.hold(wanted(attempt, amount, payer=each))
    rows = await settle_all(shared.database, [(attempt, amount - 1, 1) for attempt, _, amount in held])
    assert [(row["outcome"], row["room"], row["warned"]) for row in rows] == [
        ("settled", 970, None),
        ("settled", 490, [here]),
        ("settled", 490, [here]),
        ("settled", None, None),
    ]
    assert await shared.sums(here) == (508, 0, 2)
    assert await shared.sums(there) == (29, 0, 1)
    entries = await shared.of("ledger_entries", who)
    assert sorted((row["id"], row["amount"]) for row in entries) == [("att_m1", 9), ("att_m2", 499)]


async def test_what_was_settled_before_is_told_by_bothe_count_it_is(shared: Desk) -> None:
    who = payer()
    budget = await shared.budget(who, 100)
    await shared.server.hold(wanted("att_b", 50, payer=who))
    twice = await settle_all(shared.database, [("att_b", 10, 0), ("att_none", 1, 1), ("att_b", 20, 9)])
    assert [(row["outcome"], row["room"], row["source"]) for row in twice] == [
        ("settled", 90, None),
        ("unknown", None, None),
        ("before", None, "estimate"),
    ]
    assert await shared.sums(budget) == (10, 0, 0)
    for source in ("none", "provider"):
        correct = f"SELECT ledger_correct('att_b', 12, '{{1,2,3,4,5,6}}', '{source}', 'a test')"
        assert await shared.database.value(correct)
    [again] = await settle_all(shared.database, [("att_b", 30, 9)])
    assert (again["outcome"], again["source"]) == ("before", "provider")
    assert await shared.sums(budget) == (12, 0, 0)


async def settle_all(database: Database, what: list[tuple[str, int, int]]) -> list[dict[str, object]]:
    """Settle (attempt, amount, suspense) each, in one statement."""
    many = len(what)
    rows = await database.fetch(
        "SELECT * FROM ledger_settle($1, $2, $3, $4, $4, $4, $4, $4, $4, $5, $6, $7, $4)",
        [attempt for attempt, _, _ in what],
        [amount for _, amount, _ in what],
        [suspense for _, _, suspense in what],
        [1] * many,
        ["estimate"] * many,
        [None] * many,
        [True] * many,
    )
    return [dict(row) for row in rows]


async def test_a_correction_is_the_difference_to_what_was_known_before_it(shared: Desk) -> None:
    who = payer()
    budget = await shared.budget(who, 1_000)
    await shared.server.hold(wanted("att_c", 100, payer=who))
    await shared.server.settle(spent("att_c", 40, suspense=30, source="estimate"))
    assert await shared.sums(budget) == (40, 0, 30)
    correct = "SELECT ledger_correct($1, $2, $3, $4, 'a test')"
    usage = [1, 2, 3, 4, 5, 6]
    assert not await shared.database.value(correct, "att_nobody", 5, usage, "provider")
    told = []
    for amount, source in (
        (40, "estimate"),
        (40, "estimate"),
        (70, "estimate"),
        (55, "provider"),
        (55, "provider"),
    ):
        told.append(await shared.database.value(correct, "att_c", amount, usage, source))
        assert await shared.sums(budget) == (amount, 0, 0), "nothing waits any more"
    assert told == [True, False, True, True, False], "the first lets go of what waited"
    rows = await shared.rows.rows("SELECT * FROM ledger_corrections WHERE entry_id = 'att_c' ORDER BY seq")
    assert [(row["seq"], row["amount"], row["usage_source"]) for row in rows] == [
        (1, 0, "estimate"),
        (2, 30, "estimate"),
        (3, -15, "provider"),
    ]
    assert rows[0]["usage"] == usage


async def test_the_same_amount_by_the_hosts_own_count_is_written_down(shared: Desk) -> None:
    who = payer()
    await shared.server.hold(wanted("att_s", 100, payer=who))
    await shared.server.settle(spent("att_s", 40, source="estimate"))
    correct = "SELECT ledger_correct('att_s', 40, '{1,2,3,4,5,6}', 'provider', 'a test')"
    assert [await shared.database.value(correct) for _ in range(2)] == [True, False]


@pytest.mark.parametrize(
    ("first", "limit", "told"),
    [
        (90_000, 100_000, (1, 0)),
        (90_000, 100_001, (1, 1)),
        (110_000, 112_000, (0, 0)),
        (110_000, 99_000, (0, 1)),
    ],
)
async def test_a_default_that_changes_is_told_of_as_if_it_were_new(
    shared: Desk, first: int, limit: int, told: tuple[int, int]
) -> None:
    """Unless what was told still holds: a threshold is passed once."""
    who, warnings = payer(), []
    for home, amount, cost in (("before", first, 80_000), ("after", limit, 2_000)):
        one = await server(shared.database, home, (None, None, amount))
        await one.hold(wanted(attempt := ids.new("att"), cost, payer=who))
        warnings.append(len((await one.settle(spent(attempt, cost))).warnings))
        await one.close()
    assert tuple(warnings) == told
