"""Reckon every balance anew from holds, entries, corrections and suspenses, beside a ledger that goes on.

Entries are summed page by page, as far as nothing can come before them any more. Then periods are compared, page by
page: one statement reads them together with the few entries that came since, so that both are of one moment. No
statement takes long, none waits for another's lock, and between them it rests: whoever is served meanwhile comes first.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from podium.kit import clock
from podium.store.database import Database, Rows

_ENTRIES = 5_000
_PERIODS = 500
_REST = 3  # times as long as the statement before

_Leg = tuple[str, datetime]


@dataclass(frozen=True, slots=True)
class Balance:
    """What a period's row says, and what the rows behind it come to, in nano-dollars."""

    budget_id: str
    starts_at: datetime
    name: Literal["spent", "held", "suspense"]
    said: int
    found: int


@dataclass(slots=True)
class _Sums:
    """What was summed up so far, and where that ends. Local to one verification."""

    legs: dict[_Leg, int]
    entry: tuple[int, str] = (0, "")
    correction: tuple[int, str, int] = (0, "", 0)


async def balances(database: Database) -> AsyncGenerator[Balance, None]:
    """Every balance of every period; one is wrong if `said` and `found` differ."""
    sums = _Sums(defaultdict(int))
    after: _Leg | None = None
    while True:
        await _catch_up(database, sums)
        rows = await _read(
            database,
            _COMPARE.format(entry_xid=sums.entry[0], correction_xid=sums.correction[0]),
            *(after or (None, None)),
            _PERIODS,
        )
        for row in rows:
            after = (row["budget_id"], row["starts_at"])
            for name in ("spent", "held", "suspense"):
                before = sums.legs.get(after, 0) if name == "spent" else 0
                yield Balance(*after, name, row[name], before + row[f"{name}_found"])
        if len(rows) < _PERIODS:
            return


async def _catch_up(database: Database, sums: _Sums) -> None:
    while True:
        rows = await _read(database, _NEXT_ENTRIES, str(sums.entry[0]), sums.entry[1], _ENTRIES)
        for row in rows:
            sums.entry = (row["xid"], row["id"])
            if row["budget_id"] is not None:
                sums.legs[row["budget_id"], row["starts_at"]] += row["amount"]
        if not rows or rows[0]["count"] < _ENTRIES:
            break
    while True:
        xid, entry_id, seq = sums.correction
        rows = await _read(database, _NEXT_CORRECTIONS, str(xid), entry_id, seq, _ENTRIES)
        for row in rows:
            sums.correction = (row["xid"], row["id"], row["seq"])
            if row["budget_id"] is not None:
                sums.legs[row["budget_id"], row["starts_at"]] += row["amount"]
        if not rows or rows[0]["count"] < _ENTRIES:
            return


async def _read(database: Database, sql: str, *args: object) -> Rows:
    began = clock.monotonic()
    rows = await database.fetch(sql, *args)
    await asyncio.sleep(_REST * (clock.monotonic() - began))
    return rows


_NEXT_ENTRIES = """
    WITH page AS MATERIALIZED (
        SELECT e.xid, e.id, e.amount, e.legs FROM ledger_entries e
         WHERE (e.xid, e.id) > ($1::text::xid8, $2) AND e.xid < pg_snapshot_xmin(pg_current_snapshot())
         ORDER BY e.xid, e.id LIMIT $3),
    summed AS (
        SELECT l.budget_id, l.starts_at, sum(p.amount)::bigint AS amount
          FROM page p CROSS JOIN LATERAL unnest(p.legs) AS l GROUP BY 1, 2)
    SELECT n.count, n.xid::text::bigint AS xid, n.id, s.budget_id, s.starts_at, s.amount
      FROM (SELECT count(*) OVER () AS count, p.xid, p.id FROM page p ORDER BY p.xid DESC, p.id DESC LIMIT 1) n
      LEFT JOIN summed s ON true
"""

_NEXT_CORRECTIONS = """
    WITH page AS MATERIALIZED (
        SELECT c.xid, c.entry_id, c.seq, c.amount FROM ledger_corrections c
         WHERE (c.xid, c.entry_id, c.seq) > ($1::text::xid8, $2, $3)
           AND c.xid < pg_snapshot_xmin(pg_current_snapshot())
         ORDER BY c.xid, c.entry_id, c.seq LIMIT $4),
    summed AS (
        SELECT l.budget_id, l.starts_at, sum(p.amount)::bigint AS amount
          FROM page p JOIN ledger_entries e ON e.id = p.entry_id CROSS JOIN LATERAL unnest(e.legs) AS l GROUP BY 1, 2)
    SELECT n.count, n.xid::text::bigint AS xid, n.entry_id AS id, n.seq, s.budget_id, s.starts_at, s.amount
      FROM (SELECT count(*) OVER () AS count, p.* FROM page p
             ORDER BY p.xid DESC, p.entry_id DESC, p.seq DESC LIMIT 1) n
      LEFT JOIN summed s ON true
"""

# What a transaction wrote was summed up whole or not at all. The literals are a hint for the planner, which takes a
# third of all entries to lie behind a place unknown to it.
_COMPARE = """
    WITH periods AS MATERIALIZED (
        SELECT p.budget_id, p.starts_at, p.spent, p.held, p.suspense FROM budget_periods p
         WHERE $1::text IS NULL OR (p.budget_id, p.starts_at) > ($1, $2::timestamptz)
         ORDER BY p.budget_id, p.starts_at LIMIT $3),
    behind AS (
        SELECT l.budget_id, l.starts_at, e.amount AS spent, 0 AS held, 0 AS suspense
          FROM ledger_entries e CROSS JOIN LATERAL unnest(e.legs) AS l
         WHERE e.xid > '{entry_xid}'::xid8
         UNION ALL
        SELECT l.budget_id, l.starts_at, c.amount, 0, 0
          FROM ledger_corrections c JOIN ledger_entries e ON e.id = c.entry_id CROSS JOIN LATERAL unnest(e.legs) AS l
         WHERE c.xid > '{correction_xid}'::xid8
         UNION ALL
        SELECT l.budget_id, l.starts_at, 0, h.amount, 0 FROM holds h CROSS JOIN LATERAL unnest(h.legs) AS l
         UNION ALL
        SELECT l.budget_id, l.starts_at, 0, 0, s.amount FROM suspenses s CROSS JOIN LATERAL unnest(s.legs) AS l)
    SELECT p.budget_id, p.starts_at, p.spent, p.held, p.suspense, coalesce(sum(b.spent), 0)::bigint AS spent_found,
           coalesce(sum(b.held), 0)::bigint AS held_found, coalesce(sum(b.suspense), 0)::bigint AS suspense_found
      FROM periods p LEFT JOIN behind b ON b.budget_id = p.budget_id AND b.starts_at = p.starts_at
     GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2
"""
