"""What holding and settling say to those who ask: refusals, defaults, tariffs, and what is late or gone."""

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from podium.errors import BudgetExceeded, Lost, Unavailable
from podium.identity.payer import Payer
from podium.journal.lease import Lease
from podium.kit import ids
from podium.ledger import till as tills
from podium.ledger.till import Held, Settled, Till
from podium.vocabulary.usage import Usage
from tests.ledger.desk import Desk, payer
from tests.ledger.tills import server, spent, wanted

pytestmark = pytest.mark.asyncio(loop_scope="module")

HINT = "Raise the budget, wait for its next period, or ask for a shorter answer."


@pytest.mark.parametrize(
    ("scope", "period", "kind"),
    [
        ("user", "day", "Daily"),
        ("user", "week", "User"),
        ("user", "month", "Monthly"),
        ("user", "total", "User"),
        ("tenant", "total", "User"),
        ("tenant", "day", "Daily"),
        ("session", "total", "Session"),
        ("session", "day", "Session"),
    ],
)
async def test_a_refusal_names_the_budget_what_is_left_and_until_when(
    shared: Desk, scope: Any, period: str, kind: str
) -> None:
    who = payer(conversation=ids.new("conv"))
    of = {"user": who.user, "tenant": who.tenant, "session": who.conversation}[scope]
    budget = await shared.budget(who, 1_500, scope, of, period=period)
    await shared.budget(who, 10**9, "key", who.key)
    held = await shared.server.hold(wanted(f"att_{who.user}", 1_000, payer=who))
    assert held == Held(1_000, is_bound=True)
    refused = await shared.server.hold(wanted(f"att_{who.user}_b", 501, payer=who))
    assert isinstance(refused, BudgetExceeded)
    until = ""
    if period != "total":
        ends_at = (await shared.rows.period(budget))["ends_at"]
        until = f" It resets at {ends_at:%Y-%m-%dT%H:%M:%S.%fZ}."
    assert refused.message == (
        f"Budget limit exceeded: {kind} budget limit exceeded. Of the 0.0000015 dollars of {budget}"
        f" ({scope}, {period}) 0.0000005 are left, which is less than this call needs.{until}"
    )
    assert refused.hint == HINT


async def test_of_a_limit_that_was_passed_nothing_is_left(shared: Desk) -> None:
    who = payer()
    await shared.budget(who, 10)
    await shared.server.hold(wanted(f"att_{who.user}", 10, payer=who))
    await shared.server.settle(spent(f"att_{who.user}", 25))
    refused = await shared.server.hold(wanted(f"att_{who.user}_b", 1, payer=who))
    assert isinstance(refused, BudgetExceeded)
    assert ") 0 are left" in refused.message


async def test_as_much_is_held_as_is_left_if_it_is_of_use(shared: Desk) -> None:
    who = payer()
    budget = await shared.budget(who, 100)
    assert await shared.server.hold(wanted("att_u1", 150, payer=who, least=100)) == Held(100, is_bound=True)
    assert await shared.server.hold(wanted("att_u2", 0, payer=who)) == Held(0, is_bound=True)
    assert isinstance(await shared.server.hold(wanted("att_u3", 5, payer=who, least=1)), BudgetExceeded)
    assert await shared.server.hold(wanted("att_u4", 5, payer=who, least=0)) == Held(0, is_bound=True)
    assert await shared.server.hold(wanted("att_u1", 90, payer=who)) == Held(100, is_bound=True)
    assert await shared.sums(budget) == (0, 100, 0)
    assert await shared.server.hold(wanted("att_free", 7, payer=payer())) == Held(7, is_bound=False)


async def test_what_is_spent_held_or_waits_is_not_left(shared: Desk) -> None:
    who = payer()
    await shared.budget(who, 100)
    await shared.server.hold(wanted("att_v1", 40, payer=who))
    await shared.server.settle(spent("att_v1", 11, suspense=13))
    await shared.server.hold(wanted("att_v2", 7, payer=who))
    assert isinstance(await shared.server.hold(wanted("att_v3", 70, payer=who)), BudgetExceeded)
    assert await shared.server.hold(wanted("att_v3", 69, payer=who)) == Held(69, is_bound=True)


async def test_an_attempt_that_another_connection_holds_for_meanwhile_is_held_for_once(shared: Desk) -> None:
    """No budget counts it, so that nothing else makes the two wait for each other."""
    who = payer()
    await shared.server.hold(wanted("att_seed", 10, payer=who))
    await shared.rows.rows("BEGIN")
    await shared.rows.rows("UPDATE holds SET attempt_id = 'att_race' WHERE attempt_id = 'att_seed'")
    asking = asyncio.create_task(shared.server.hold(wanted("att_race", 20, payer=who)))
    while not (await shared.rows.rows("SELECT FROM pg_locks WHERE NOT granted")):
        await shared.rows.rows("SELECT pg_sleep(0.01)")
    await shared.rows.rows("COMMIT")
    assert await asking == Held(20, is_bound=False)
    [hold] = await shared.of("holds", who)
    assert (hold["attempt_id"], hold["amount"]) == ("att_race", 20)


async def test_a_period_begins_with_the_first_hold_that_counts_in_it(shared: Desk) -> None:
    ann, ben = payer(), payer()
    of_ann, of_ben = [await shared.budget(who, 100, period="day") for who in (ann, ben)]
    rolled = "UPDATE budget_periods SET starts_at = starts_at - interval '1 day' WHERE budget_id = ANY($1)"
    await shared.rows.rows(rolled, [of_ann, of_ben])
    assert await shared.server.hold(wanted(f"att_{ann.user}", 7, payer=ann)) == Held(7, is_bound=True)
    count = "SELECT budget_id, amount, held FROM budget_periods WHERE budget_id = ANY($1) ORDER BY starts_at DESC, held"
    rows = await shared.rows.rows(count, [of_ann, of_ben])
    assert [tuple(row.values()) for row in rows[:1]] == [(of_ann, 100, 7)]
    assert sorted(row["budget_id"] for row in rows) == sorted([of_ann, of_ann, of_ben]), (
        "his begins with his own"
    )


async def test_what_was_refused_in_a_statement_undoes_nothing_of_it(shared: Desk) -> None:
    who = payer()
    budget = await shared.budget(who, 100)
    asked = [wanted("att_again", amount, payer=who) for amount in (5, 500, 6)]
    held = await asyncio.gather(*(shared.server.hold(each) for each in asked))
    assert [each.amount if isinstance(each, Held) else None for each in held] == [5, None, 6]
    assert await shared.sums(budget) == (0, 6, 0)


async def test_each_outcome_has_its_word(shared: Desk) -> None:
    who = payer()
    await shared.budget(who, 10)
    asked = [
        wanted("att_o1", 5, payer=payer()),
        wanted("att_o2", 5, payer=who),
        wanted("att_o3", 6, payer=who),
    ]
    till, owner = shared.server.till, shared.server.lease.owner
    for name, words in ((owner, ["free", "held", "refused"]), ("proc_none", ["judged"] * 3)):
        assert [row["outcome"] for row in await till._held(name, asked)] == words


async def test_of_budgets_with_as_little_left_the_first_is_named(shared: Desk) -> None:
    who = payer()
    budgets = [await shared.budget(who, 100, period=period) for period in ("total", "day", "week", "month")]
    refused = await shared.server.hold(wanted(f"att_{who.user}", 101, payer=who))
    assert isinstance(refused, BudgetExceeded)
    assert min(budgets) in refused.message


async def test_settlements_are_tried_for_ever_and_holds_for_a_while(shared: Desk) -> None:
    till = shared.server.till
    told = [(each.name, each._patience) for each in (till._holds, till._settlements, till._voids)]
    assert told == [("hold", 4.0), ("settle", 1e9), ("void", 1e9)]


async def test_many_at_once_get_each_their_own(shared: Desk) -> None:
    """In one statement: those of several budgets, of none, of those that are entered, and of what is left."""
    rich, poor, free = payer(), payer(), payer()
    of_rich, of_poor = await shared.budget(rich, 1_000), await shared.budget(poor, 10)
    await shared.budget(rich, 500, "tenant", rich.tenant)
    await shared.server.hold(wanted("att_gone", 5, payer=rich))
    await shared.server.settle(spent("att_gone", 5))
    await shared.server.hold(wanted("att_there", 20, payer=rich))
    first = asyncio.create_task(shared.server.hold(wanted("att_0", 0, payer=payer())))
    held = await asyncio.gather(
        *(
            shared.server.hold(each)
            for each in (
                wanted("att_1", 100, payer=rich),
                wanted("att_2", 8, payer=poor),
                wanted("att_3", 3, payer=poor),
                wanted("att_4", 9, payer=free),
                wanted("att_gone", 5, payer=rich),
                wanted("att_there", 50, payer=rich),
                wanted("att_5", 400, payer=rich, least=340),
                wanted("att_6", 2, payer=poor),
            )
        )
    )
    await first
    assert isinstance(held[2], BudgetExceeded)
    assert of_poor in held[2].message
    assert [each for each in held if isinstance(each, Held)] == [
        Held(100, is_bound=True),
        Held(8, is_bound=True),
        Held(9, is_bound=False),
        Held(0, is_bound=False),
        Held(50, is_bound=True),
        Held(345, is_bound=True),
        Held(2, is_bound=True),
    ]
    assert await shared.sums(of_rich) == (5, 495, 0)
    assert await shared.sums(of_poor) == (0, 10, 0)
    assert len(await shared.of("holds", rich)) == 3


async def test_two_budgets_of_one_scope_hold_both(shared: Desk) -> None:
    who = payer()
    budgets = [
        await shared.budget(who, amount, period=period)
        for amount, period in ((50, "total"), (40, "day"), (45, "week"))
    ]
    assert await shared.server.hold(wanted(f"att_{who.user}", 60, payer=who, least=1)) == Held(
        40, is_bound=True
    )
    for each in budgets:
        assert await shared.sums(each) == (0, 40, 0)
    left = await shared.server.settle(spent(f"att_{who.user}", 30))
    assert left == Settled(10)


async def test_of_the_defaults_those_that_are_set_are_given(shared: Desk) -> None:
    async def of(who: Payer) -> list[tuple[str, int, int]]:
        rows = await shared.rows.rows(
            "SELECT b.period, b.amount, p.amount AS limit FROM budgets b JOIN budget_periods p ON p.budget_id = b.id"
            " WHERE b.scope_id = $1 AND b.is_default ORDER BY b.period",
            who.user,
        )
        return [(row["period"], row["amount"], row["limit"]) for row in rows]

    ann, ben, cat = payer(), payer(), payer()
    one = await server(shared.database, "defaults", (None, 30, None))
    await shared.budget(ben, 5, period="day")
    await shared.budget(cat, 5, "tenant", cat.tenant)
    await asyncio.gather(*(one.hold(wanted(ids.new("att"), 1, payer=each)) for each in (ben, ann, ann, cat)))
    assert await of(ann) == await of(cat) == [("month", 30, 30)]
    assert await of(ben) == []
    before = await shared.rows.rows("SELECT * FROM budgets WHERE scope_id = $1", ann.user)
    await one.close()
    two = await server(shared.database, "changed", (30, 40, 60))
    await two.hold(wanted(ids.new("att"), 1, payer=ann))
    assert await of(ann) == [("day", 30, 30), ("month", 40, 40), ("total", 60, 60)]
    after = await shared.rows.rows("SELECT * FROM budgets WHERE scope_id = $1", ann.user)
    assert before[0]["id"] in [row["id"] for row in after]
    assert await of(cat) == [("month", 30, 30)], "until the next call"
    await two.hold(wanted(ids.new("att"), 1, payer=ben))
    assert await of(ben) == []
    await two.close()
    three = await server(shared.database, "none", (None, None, None))
    new = payer()
    assert await three.hold(wanted(ids.new("att"), 10**15, payer=new)) == Held(10**15, is_bound=False)
    await three.close()


async def test_who_was_judged_dead_holds_nothing(shared: Desk) -> None:
    who = payer()
    one = await server(shared.database, "judged")
    await shared.rows.rows("UPDATE processes SET over = true WHERE id = $1", one.lease.owner)
    with pytest.raises(Lost):
        await one.till.hold(wanted("att_judged", 1, payer=who))
    assert await shared.of("holds", who) == []
    await one.close()


async def test_holds_of_two_names_in_one_statement_are_held_each_by_its_own(
    shared: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that was judged takes another name while others of its holds wait."""
    who = payer()
    owner = shared.server.lease.owner
    other = await server(shared.database, "other")
    first = asyncio.create_task(shared.server.hold(wanted("att_n0", 0, payer=payer())))
    asked = []
    for number, name in enumerate((other.lease.owner, owner, other.lease.owner)):
        monkeypatch.setattr(shared.server.lease, "owner", name)
        asked.append(asyncio.create_task(shared.server.hold(wanted(f"att_n{number}x", number, payer=who))))
        await asyncio.sleep(0)
    monkeypatch.undo()
    assert await asyncio.gather(*asked) == [Held(number, is_bound=False) for number in range(3)]
    await first
    holds = {row["attempt_id"]: row["owner"] for row in await shared.of("holds", who)}
    assert holds == {"att_n0x": other.lease.owner, "att_n1x": owner, "att_n2x": other.lease.owner}
    await other.close()


async def test_a_tariff_is_noted_once(shared: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    till = Till(shared.database.lane(), shared.database.lane(), shared.server.lease)
    monkeypatch.setattr(tills, "_SEEN_TARIFFS", 2)
    count = "SELECT count(*)::int FROM tariffs WHERE starts_with(id, 'tar_once')"
    for name, known in (("a", 1), ("a", 0), ("b", 1), ("a", 0), ("c", 1), ("c", 0), ("a", 1), ("b", 1)):
        await till.know(f"tar_once_{name}", f"told {name}")
        assert await shared.database.value(count) == known, name
        await shared.rows.rows("DELETE FROM tariffs WHERE starts_with(id, 'tar_once')")
    await till.know("tar_once_z", "told z")
    await till.know("tar_once_z", "told z")
    assert await shared.database.value("SELECT told FROM tariffs WHERE id = 'tar_once_z'") == "told z"
    again = Till(shared.database.lane(), shared.database.lane(), shared.server.lease)
    await again.know("tar_once_z", "told z")


async def test_the_hosts_own_count_that_comes_late_takes_the_place_of_another(shared: Desk) -> None:
    who = payer()
    await shared.budget(who, 1_000)
    attempt = f"att_{who.user}"
    await shared.server.hold(wanted(attempt, 100, payer=who))
    await shared.server.settle(spent(attempt, 40, source="none"))
    for source in ("estimate", "none"):
        assert await shared.server.settle(spent(attempt, 55, source=source)) == Settled()
    assert await shared.rows.rows("SELECT FROM ledger_corrections WHERE entry_id = $1", attempt) == []
    usage = Usage(1, 2, 4, 8, 16, 32, 64, 128)
    known = replace(spent(attempt, 50), usage=usage)
    for _ in range(2):
        assert await shared.server.settle(known) == Settled()
    [row] = await shared.rows.rows("SELECT * FROM ledger_corrections WHERE entry_id = $1", attempt)
    assert (row["amount"], row["usage"], row["usage_source"]) == (10, [129, 2, 4, 8, 16, 96], "provider")
    assert row["reason"] == "its owner told of it later"


async def test_who_knows_late_that_nothing_is_owed_lets_go_of_what_waits(shared: Desk) -> None:
    """A server that was taken for dead wakes: its host had refused the call."""
    who = payer()
    budget = await shared.budget(who, 1_000)
    attempt = f"att_{who.user}"
    await shared.server.hold(wanted(attempt, 100, payer=who))
    await shared.server.settle(spent(attempt, 0, suspense=100, source="none"))
    await shared.server.settle(spent(attempt, 0, suspense=60, source="none"))
    await shared.server.settle(spent(attempt, 0, source="estimate"))
    assert await shared.sums(budget) == (0, 0, 100), "these know no better"
    for _ in range(2):
        await shared.server.settle(spent(attempt, 0, source="none"))
    assert await shared.sums(budget) == (0, 0, 0)
    assert len(await shared.rows.rows("SELECT FROM ledger_corrections WHERE entry_id = $1", attempt)) == 1


async def test_what_cannot_be_told_is_settled_all_the_same(
    shared: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    who = payer()
    budget = await shared.budget(who, 100)

    async def away(*_: object) -> None:
        raise Unavailable("The database is away.")

    await shared.server.hold(wanted(f"att_{who.user}", 90, payer=who))
    monkeypatch.setattr(tills, "find_last", away)
    assert await shared.server.settle(spent(f"att_{who.user}", 85)) == Settled(15)
    assert await shared.sums(budget) == (85, 0, 0)
    assert "budget.not_told" in [record.message for record in caplog.records]


async def test_what_is_given_back_does_not_overtake_its_hold(
    shared: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hold waits for another, its connection breaks, and nobody wants it any more: Postgres goes on with it."""
    who = payer()
    budget = await shared.budget(who, 100)
    till = shared.server.till
    monkeypatch.setattr(till._holds, "_patience", 0.3)
    await shared.rows.rows("BEGIN")
    await shared.rows.rows("SELECT FROM budget_periods WHERE budget_id = $1 FOR UPDATE", budget)
    asking = asyncio.create_task(till.hold(wanted("att_overtaken", 20, payer=who)))
    while not (await shared.rows.rows("SELECT FROM pg_locks WHERE NOT granted")):
        await shared.rows.rows("SELECT pg_sleep(0.01)")
    with pytest.raises(Unavailable):
        await asking
    assert till._lane._connection is not None
    till._lane._connection.terminate()
    await till.void("att_overtaken")
    await shared.rows.rows("COMMIT")
    assert await shared.server.hold(wanted("att_next", 100, payer=who)) == Held(100, is_bound=True)
    assert [row["attempt_id"] for row in await shared.of("holds", who)] == ["att_next"]


async def test_a_till_that_closes_waits_for_all_that_it_was_given(shared: Desk) -> None:
    who = payer()
    lease = Lease(shared.database.lane(), home="closing", boot="1", slot=0)
    await lease.open()
    till = Till(shared.database.lane(), shared.database.lane(), lease)
    await till.hold(wanted("att_k1", 5, payer=who))
    await till.hold(wanted("att_k2", 5, payer=who))
    under_way = [
        asyncio.create_task(till.hold(wanted("att_k3", 5, payer=who))),
        asyncio.create_task(till.settle(spent("att_k1", 5))),
    ]
    await asyncio.sleep(0)
    till.give_back("att_k2")
    assert [task.get_name() for task in till._giving] == ["void"]
    assert len(till.batches) == 2
    await till.close()
    assert [row["attempt_id"] for row in await shared.of("holds", who)] == ["att_k3"]
    assert len(await shared.of("ledger_entries", who)) == 1
    await asyncio.gather(*under_way)
    await lease.close()
