"""What was spent on what, wherever the sums by day end."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest

from podium.kit import ids
from podium.ledger import analytics
from podium.ledger.analytics import PARTS, Session, Spending, Sum, roll, session, spending
from podium.ledger.budgets import Reach
from podium.ledger.rolling import Rolling
from podium.store.database import Database
from tests.api.spending import Spender
from tests.ledger.desk import Desk, payer

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def spender(desk: Desk, tenant: str | None = None) -> Spender:
    await desk.database.fetch("SELECT process_register($1, 'home', 'boot', 0, '1 hour')", "proc_" + "5" * 32)
    who = payer()
    return Spender(desk.database, tenant or who.tenant, who.user, who.key)


async def back(desk: Desk, attempt: str, days: int) -> None:
    """As if it had been made so many days ago."""
    sql = "UPDATE ledger_entries SET at = at - make_interval(days => $2) WHERE id = $1"
    await desk.rows.rows(sql, attempt, days)


def today(back: int = 0) -> date:
    return datetime.now(UTC).date() - timedelta(days=back)


async def spent_by_two(desk: Desk) -> tuple[Spender, Spender]:
    """Ann on three days, with corrections; Bob of the same tenant, today."""
    ann = await spender(desk)
    bob = await spender(desk, ann.tenant)
    await ann.spend(100, usage=(1, 2, 4, 8, 16, 32))
    old = await ann.spend(50, model="lab/large", purpose="summary", usage=(5, 0, 0, 0, 0, 0), succeeded=False)
    ancient = await ann.spend(1_000)
    low = await bob.spend(40, source="estimate", usage=(10, 0, 0, 5, 0, 0))
    await back(desk, old, 2)
    await back(desk, ancient, 3)
    await bob.correct(low, 45, (10, 0, 0, 6, 0, 0))
    await bob.correct(low, 44, (10, 1, 0, 9, 0, 0))
    await ann.correct(old, 20, (5, 0, 0, 0, 0, 2))
    return ann, bob


def expected(ann: Spender, bob: Spender) -> Spending:
    return Spending(
        total=Sum(3, 2, 63 + 7 + 20, 164),
        days={today(2): Sum(1, 0, 7, 20), today(1): Sum(), today(): Sum(2, 2, 83, 144)},
        parts={
            "model": {"lab/small": Sum(2, 2, 83, 144), "lab/large": Sum(1, 0, 7, 20)},
            "user_id": {ann.user: Sum(2, 1, 70, 120), bob.user: Sum(1, 1, 20, 44)},
            "key_id": {ann.key: Sum(2, 1, 70, 120), bob.key: Sum(1, 1, 20, 44)},
            "purpose": {"answer": Sum(2, 2, 83, 144), "summary": Sum(1, 0, 7, 20)},
        },
    )


async def all_rolled(desk: Desk) -> None:
    while await roll(desk.database, 1_000):
        pass


@pytest.mark.parametrize("steps", [[], [1], [2, 1], [3, 1, 1], [1, 1, 1, 1, 1], [1_000]])
async def test_they_are_the_same_wherever_the_sums_end(shared: Desk, steps: list[int]) -> None:
    await all_rolled(shared)
    ann, bob = await spent_by_two(shared)
    for most in steps:
        await roll(shared.database, most)
    assert await spending(shared.database, Reach(ann.tenant), 3) == expected(ann, bob)
    told = await spending(shared.database, Reach(ann.tenant), 3)
    assert list(told.days) == [today(2), today(1), today()], "each day, the oldest first"
    for part in PARTS:
        amounts = [each.amount for each in told.parts[part].values()]
        assert amounts == sorted(amounts, reverse=True), "the dearest first"


async def test_rolling_takes_so_many_of_both_and_then_nothing(shared: Desk) -> None:
    await all_rolled(shared)
    await spent_by_two(shared)
    assert [await roll(shared.database, 2) for _ in range(3)] == [4, 3, 0]
    [place] = await shared.rows.rows("SELECT * FROM ledger_rolled")
    await all_rolled(shared)
    assert await shared.rows.rows("SELECT * FROM ledger_rolled") == [place]


async def test_what_may_still_come_before_is_not_summed_up(shared: Desk) -> None:
    await all_rolled(shared)
    who = await spender(shared)
    await shared.rows.rows("BEGIN")
    await shared.rows.rows("SELECT pg_current_xact_id()")
    late = await who.spend(5)
    await who.correct(late, 6, (1, 1, 1, 1, 1, 1))
    assert await roll(shared.database, 9) == 0
    await shared.rows.rows("COMMIT")
    assert await roll(shared.database, 9) == 2


async def test_what_one_transaction_wrote_is_summed_up_once(shared: Desk) -> None:
    await all_rolled(shared)
    who = await spender(shared)
    await shared.rows.rows("BEGIN")
    here = Spender(shared.rows, who.tenant, who.user, who.key)  # type: ignore[arg-type]  # it has what a spender needs
    one, two = [await here.spend(5) for _ in range(2)]
    for attempt, amount in ((two, 6), (one, 7), (two, 8)):
        correct = "SELECT ledger_correct($1, $2, '{1,1,1,1,1,1}', 'provider', 'a test')"
        await shared.rows.rows(correct, attempt, amount)
    await shared.rows.rows("COMMIT")
    assert [await roll(shared.database, 9) for _ in range(2)] == [5, 0]
    assert (await spending(shared.database, Reach(who.tenant), 1)).total == Sum(2, 2, 12, 15)
    for attempt in (one, two):
        await who.correct(attempt, 9, (1, 1, 1, 1, 1, 1))
    assert [await roll(shared.database, 9) for _ in range(2)] == [2, 0]


async def test_only_one_sums_up_at_a_time(shared: Desk) -> None:
    await all_rolled(shared)
    who = await spender(shared)
    await who.spend(5)
    await shared.rows.rows("BEGIN")
    await shared.rows.rows("SELECT FROM ledger_rolled FOR UPDATE")
    assert await roll(shared.database, 9) == 0
    await shared.rows.rows("ROLLBACK")
    assert await roll(shared.database, 9) == 1


async def test_everybody_sees_what_is_within_reach(shared: Desk) -> None:
    ann, bob = await spent_by_two(shared)
    other = await spender(shared)
    await other.spend(7)
    of_bob = await spending(shared.database, Reach(ann.tenant, bob.user), 1)
    assert (of_bob.total, list(of_bob.days)) == (Sum(1, 1, 20, 44), [today()])
    assert (await spending(shared.database, Reach(None, bob.user), 1)).total == Sum(1, 1, 20, 44)
    assert (await spending(shared.database, Reach(ann.tenant), 1)).total == Sum(2, 2, 83, 144)
    assert (await spending(shared.database, Reach(other.tenant, bob.user), 1)).total == Sum()
    whole = await spending(shared.database, Reach(None), 1)
    assert {other.user, ann.user, bob.user} <= set(whole.parts["user_id"])
    await all_rolled(shared)
    assert (await spending(shared.database, Reach(None, bob.user), 1)).total == Sum(1, 1, 20, 44)
    assert (await spending(shared.database, Reach(None), 1)).total == whole.total


async def test_of_each_part_the_dearest_are_told_and_every_day(
    shared: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analytics, "MOST", 2)
    who = await spender(shared)
    for number in range(4):
        await back(shared, await who.spend(10 + number, model=f"lab/{number}"), number)
    told = await spending(shared.database, Reach(who.tenant), 5)
    assert list(told.parts["model"]) == ["lab/3", "lab/2"]
    assert [each.amount for each in told.days.values()] == [0, 13, 12, 11, 10]


async def test_nothing_spent_is_nothing(shared: Desk) -> None:
    told = await spending(shared.database, Reach(ids.new("ten")), 2)
    assert told == Spending(Sum(), {today(1): Sum(), today(): Sum()}, {part: {} for part in PARTS})


async def test_a_session_is_summed_up_with_its_corrections(shared: Desk) -> None:
    who = await spender(shared)
    chat = ids.new("conv")
    assert await session(shared.database, chat) == Session(Sum(), 0)
    await who.spend(100, conversation=chat, usage=(1, 1, 1, 1, 1, 1), milliseconds=100)
    attempt = await who.spend(
        50, conversation=chat, usage=(1, 0, 0, 0, 0, 0), milliseconds=301, succeeded=False
    )
    await who.spend(7)
    await who.correct(attempt, 20, (1, 0, 0, 3, 0, 0))
    assert await session(shared.database, chat) == Session(Sum(2, 1, 10, 120), 201)


async def test_sums_follow_the_ledger_by_themselves(shared: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await all_rolled(shared)
    who = await spender(shared)
    for _ in range(3):
        await who.spend(5)
    monkeypatch.setattr("podium.ledger.rolling._BATCH", 1)
    slept: list[float] = []
    sleep = asyncio.sleep

    async def hurried(seconds: float) -> None:
        slept.append(seconds)
        await sleep(min(seconds, 0.01))  # sleep: the one that is made shorter

    monkeypatch.setattr(asyncio, "sleep", hurried)
    rolling = Rolling(Database("postgresql:///nowhere"))
    await rolling.close()
    rolling.open()
    while not slept:
        await shared.rows.rows("SELECT pg_sleep(0.01)")
    await rolling.close()
    assert slept[0] == 5.0, "while the database is away"
    slept.clear()
    rolling = Rolling(shared.database)
    rolling.open()
    assert "rolling" in {task.get_name() for task in asyncio.all_tasks()}
    count = "SELECT coalesce(sum(calls), 0)::int FROM ledger_days WHERE tenant = $1"
    while await shared.database.value(count, who.tenant) < 3:
        await shared.rows.rows("SELECT pg_sleep(0.01)")
    while 5.0 not in slept:
        await shared.rows.rows("SELECT pg_sleep(0.01)")
    await rolling.close()
    assert slept[:4] == [0, 0, 0, 5.0]
    await who.spend(5)
    assert await shared.database.value(count, who.tenant) == 3
