"""Every balance of every period, reckoned anew: in pages of any size, and beside what may still come in between."""

import asyncio
from collections import defaultdict
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from podium.ledger import verify
from podium.ledger.budgets import Reach, delete
from podium.store.database import Rows
from tests.ledger.desk import Desk, payer
from tests.ledger.tills import spent, wanted

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEPT = "SELECT * FROM budget_periods ORDER BY budget_id, starts_at"


async def work(desk: Desk) -> None:
    """Two payers, of whom one has two budgets and one of them in two periods; and one without any."""
    rich, poor, free = payer(), payer(), payer()
    for who in (rich, poor):
        await desk.budget(who, 10**6)
    day = await desk.budget(rich, 10**6, period="day")
    gone = await desk.budget(poor, 10**6, "key", poor.key)
    await desk.budget(payer(), 10**6)
    await desk.rows.rows("UPDATE budget_periods SET starts_at = $2 WHERE budget_id = $1", day, old())
    for at, who in enumerate((rich, poor, rich, free, rich, poor)):
        attempt = f"att_{who.user}_{at}"
        await desk.server.hold(wanted(attempt, 100, payer=who))
        await desk.server.settle(spent(attempt, 10 + at, suspense=at % 3, source="estimate"))
        if at % 2:
            await desk.server.hold(wanted(f"{attempt}_h", 7, payer=who))
        if at > 2:
            await desk.server.settle(spent(attempt, 5, source="provider"))
        if at == 4:
            correct = "SELECT ledger_correct($1, 77, '{1,2,3,4,5,6}', 'provider', 'a test')"
            await desk.rows.rows(correct, attempt)
    attempts = [f"att_{rich.user}_together{at}" for at in range(4)]
    for attempt in attempts:
        await desk.server.hold(wanted(attempt, 9, payer=rich))
    await asyncio.gather(*(desk.server.settle(spent(attempt, 9)) for attempt in attempts))
    together = "SELECT count(DISTINCT xid::text) AS times FROM ledger_entries WHERE id = ANY($1)"
    [settled] = await desk.rows.rows(together, attempts)
    assert settled["times"] < len(attempts), "some by one statement"
    assert await delete(desk.database, Reach(None), gone)


def old() -> datetime:
    return datetime.now(UTC) - timedelta(days=9)


async def told(desk: Desk) -> list[verify.Balance]:
    async with aclosing(verify.balances(desk.database)) as balances:
        return [each async for each in balances]


async def expected(desk: Desk, **wrong: Any) -> list[verify.Balance]:
    """What the rows say, which is right; and what it was before it was made wrong."""
    return [
        verify.Balance(row["budget_id"], row["starts_at"], name, row[name], row[name] - wrong.get(name, 0))
        for row in await desk.rows.rows(KEPT)
        for name in ("spent", "held", "suspense")
    ]


@pytest.mark.parametrize("is_open", [False, True])
@pytest.mark.parametrize(("entries", "periods"), [(1, 1), (2, 3), (3, 2), (5_000, 500)])
async def test_each_is_told_once_with_what_its_rows_come_to(
    shared: Desk, monkeypatch: pytest.MonkeyPatch, entries: int, periods: int, *, is_open: bool
) -> None:
    monkeypatch.setattr(verify, "_ENTRIES", entries)
    monkeypatch.setattr(verify, "_PERIODS", periods)
    await work(shared)
    if is_open:  # what comes now may still have something before it
        await shared.rows.rows("BEGIN")
        await shared.rows.rows("SELECT pg_current_xact_id()")
    await work_beside(shared)
    right = await expected(shared)
    assert len(right) >= 9
    assert any(each.found for each in right if each.name == "held")
    assert any(each.found for each in right if each.name == "suspense")
    assert await told(shared) == right
    if is_open:
        await shared.rows.rows("COMMIT")
    assert await told(shared) == right


async def test_no_statement_reads_more_than_a_page(shared: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "_PERIODS", 2)
    monkeypatch.setattr(verify, "_ENTRIES", 2)
    await work(shared)
    fetch, read, summed = shared.database.fetch, list[int](), list[int]()

    async def counted(sql: str, *args: object) -> Rows:
        rows = await fetch(sql, *args)
        read.append(len({(row["budget_id"], row["starts_at"]) for row in rows if "held" in row}))
        summed.append(max((row["count"] for row in rows if "count" in row), default=0))
        return rows

    monkeypatch.setattr(shared.database, "fetch", counted)
    periods = {(each.budget_id, each.starts_at) for each in await told(shared)}
    assert (max(read), sum(read), max(summed)) == (2, len(periods), 2)


async def test_it_rests_for_three_times_as_long_as_it_reads(
    shared: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await work(shared)
    ticks, rests = iter(range(0, 10**6, 5)), list[float]()

    async def rest(seconds: float) -> None:
        rests.append(seconds)

    monkeypatch.setattr(verify, "clock", SimpleNamespace(monotonic=lambda: next(ticks)))
    monkeypatch.setattr(verify, "asyncio", SimpleNamespace(sleep=rest))
    await told(shared)
    assert set(rests) == {15}


async def work_beside(desk: Desk) -> None:
    who = payer()
    await desk.budget(who, 1_000)
    for number in range(3):
        attempt = f"att_{who.user}_{number}"
        await desk.server.hold(wanted(attempt, 100, payer=who))
        await desk.server.settle(spent(attempt, 10, suspense=1, source="estimate"))
        await desk.server.settle(spent(attempt, 15, source="provider"))


async def test_what_is_wrong_is_told_with_what_it_should_be(shared: Desk) -> None:
    await work(shared)
    wrong = {"spent": 1, "held": 2, "suspense": 3}
    change = ", ".join(f"{name} = {name} {{0}} {by}" for name, by in wrong.items())
    await shared.rows.rows(f"UPDATE budget_periods SET {change.format('+')}")
    assert await told(shared) == await expected(shared, **wrong)
    await shared.rows.rows(f"UPDATE budget_periods SET {change.format('-')}")


@pytest.mark.parametrize("entries", [1, 2, 5_000])
async def test_what_nothing_can_come_before_is_summed_up_beforehand(
    shared: Desk, monkeypatch: pytest.MonkeyPatch, entries: int
) -> None:
    monkeypatch.setattr(verify, "_ENTRIES", entries)
    await work(shared)
    sums = verify._Sums(defaultdict(int))
    await verify._catch_up(shared.database, sums)
    last = "SELECT xid::text::bigint AS xid, id FROM ledger_entries ORDER BY ledger_entries.xid DESC, id DESC LIMIT 1"
    [entry] = await shared.rows.rows(last)
    assert sums.entry == (entry["xid"], entry["id"])
    last = "SELECT xid::text::bigint AS x, entry_id, seq FROM ledger_corrections ORDER BY xid, entry_id, seq"
    *_, correction = await shared.rows.rows(last)
    assert sums.correction == (correction["x"], correction["entry_id"], correction["seq"])
    for row in await shared.rows.rows(KEPT):
        assert sums.legs.get((row["budget_id"], row["starts_at"]), 0) == row["spent"]
