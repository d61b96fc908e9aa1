"""What every server does now and then: settle what nobody took over, let go of what waited, make room for a month."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.ledger.desk import Desk, payer
from tests.ledger.tills import spent, sweep, wanted

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_what_waits_is_let_go_of_after_a_day_and_no_sooner(shared: Desk) -> None:
    who = payer()
    budget, wide = await shared.budget(who, 1_000), await shared.budget(who, 1_000, "tenant", who.tenant)
    for attempt, suspense in (("att_w1", 20), ("att_w2", 300), ("att_w3", 4)):
        await shared.server.hold(wanted(attempt, 1, payer=who))
        await shared.server.settle(spent(attempt, 0, suspense=suspense))
    until = {row["entry_id"]: row["until"] for row in await waiting(shared)}
    assert len(until) == 3
    for each in until.values():
        assert timedelta(hours=23, minutes=50) < each - datetime.now(UTC) <= timedelta(hours=24)
    assert await shared.database.value("SELECT ledger_release(9)") == 0
    await shared.rows.rows(
        "UPDATE suspenses SET until = until - interval '24 hours' WHERE entry_id <> 'att_w3'"
    )
    assert await shared.database.value("SELECT ledger_release(1)") == 1
    assert await shared.sums(budget) == await shared.sums(wide) == (0, 0, 304)
    assert await shared.database.value("SELECT ledger_release(9)") == 1
    assert await shared.sums(budget) == await shared.sums(wide) == (0, 0, 4)
    await shared.rows.rows("UPDATE suspenses SET until = until - interval '24 hours'")
    await sweep(shared.database, shared.server.till)
    assert await shared.sums(budget) == (0, 0, 0)


async def waiting(desk: Desk) -> list[dict[str, Any]]:
    return await desk.rows.rows("SELECT * FROM suspenses")


async def left(desk: Desk, turn: str | None, most: int = 9) -> list[str]:
    rows = await desk.rows.rows("SELECT * FROM ledger_left($1, $2)", turn, most)
    return [row["id"] for row in rows]


async def test_only_old_holds_of_processes_that_are_over_are_nobodys(shared: Desk) -> None:
    who = payer()
    for attempt in ("att_l2", "att_l1", "att_l3"):
        await shared.server.hold(wanted(attempt, 5, payer=who))
    await shared.rows.rows("UPDATE holds SET turn_id = 'turn_l' WHERE attempt_id <> 'att_l3'")
    assert await left(shared, "turn_l") == ["att_l1", "att_l2"]
    assert await left(shared, "turn_l", 1) == ["att_l1"]
    assert await left(shared, None) == []
    await shared.rows.rows(
        "UPDATE holds SET at = at - interval '9 minutes 50 seconds' WHERE tenant = $1", who.tenant
    )
    await shared.rows.rows("UPDATE holds SET owner = 'proc_gone' WHERE attempt_id <> 'att_l2'")
    assert await left(shared, None) == [], "their owner may yet settle them"
    await shared.rows.rows("UPDATE holds SET at = at - interval '11 seconds' WHERE tenant = $1", who.tenant)
    assert await left(shared, None) == ["att_l1", "att_l3"], "the other's owner lives"
    await sweep(shared.database, shared.server.till)
    assert [row["attempt_id"] for row in await shared.of("holds", who)] == ["att_l2"]
    entries = await shared.of("ledger_entries", who)
    assert sorted((row["id"], row["amount"], row["usage_source"]) for row in entries) == [
        ("att_l1", 0, "none"),
        ("att_l3", 0, "none"),
    ]


MONTHS = """
SELECT to_regclass('ledger_entries_' || to_char(now() AT TIME ZONE 'UTC' + $1 * interval '1 month', 'YYYY_MM'))
"""
BOUNDS = """
SELECT date_trunc('month', now(), 'UTC') AS this, date_trunc('month', now(), 'UTC') + interval '1 month' AS next
"""


async def test_there_is_room_for_this_month_and_the_next(shared: Desk) -> None:
    async def rooms() -> list[bool]:
        return [bool(await shared.database.value(MONTHS, each)) for each in (-1, 0, 1, 2)]

    assert await rooms() == [False, True, True, False]
    present, following = [await shared.database.value(MONTHS, each) for each in (0, 1)]
    await shared.rows.rows(f"DROP TABLE {present}, {following}")
    [row] = await shared.rows.rows(BOUNDS)
    late = row["next"] + timedelta(days=31)
    who = payer()
    for attempt, at in (("att_p1", row["next"] - timedelta(seconds=1)), ("att_p2", late)):
        await shared.server.hold(wanted(attempt, 5, payer=who))
        await shared.rows.rows("UPDATE holds SET at = $2 WHERE attempt_id = $1", attempt, at)
        await shared.server.settle(spent(attempt, 5))
    await sweep(shared.database, shared.server.till)
    assert await rooms() == [False, False, True, False], "what the rest has of a month stays there"
    [told] = await shared.rows.rows(
        "SELECT pg_get_expr(relpartbound, oid) AS of FROM pg_class WHERE relname = $1", following
    )
    assert f"{row['next']:%Y-%m-%d}" in told["of"]
    await shared.rows.rows("DELETE FROM ledger_entries WHERE id = 'att_p1'")
    await shared.rows.rows("UPDATE ledger_entries SET at = $1 WHERE id = 'att_p2'", row["this"])
    await sweep(shared.database, shared.server.till)
    assert await rooms() == [False, False, True, False], "its first moment is of it"
    await shared.rows.rows("DELETE FROM ledger_entries WHERE id = 'att_p2'")
    await sweep(shared.database, shared.server.till)
    assert await rooms() == [False, True, True, False]
