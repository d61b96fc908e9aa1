"""What was spent on what: sums by day where they are made already, and what came since then counted on the spot.

The sums and the place where they end are read by one statement, so that nothing is counted twice or left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from podium.kit import clock
from podium.ledger.budgets import Reach
from podium.store.database import Database

Part = Literal["model", "user_id", "key_id", "purpose"]
PARTS: tuple[Part, ...] = ("model", "user_id", "key_id", "purpose")
"""By what sums are taken apart."""

MOST = 100
"""How many of each part are told, the dearest first."""

_DAY = 0b01111
_KINDS: Mapping[int, Part | Literal["day", "all"]] = {
    0b11111: "all",
    _DAY: "day",
    0b10111: "model",
    0b11011: "user_id",
    0b11101: "key_id",
    0b11110: "purpose",
}
"""By which columns were summed over, as `GROUPING` says it."""

_ALIASES = {"days": "d", "entries": "e"}
_REACH = ("tenant", "user_id")
_FIRST = 4
"""The first argument of `_SPENT` that is a part of the reach."""

_ROLL = "SELECT ledger_roll($1)"
_PLACES = """
    SELECT entry_xid::text::bigint AS entry_xid, correction_xid::text::bigint AS correction_xid FROM ledger_rolled
"""

# The literals are a hint for the planner, which takes a third of all entries to lie behind a place unknown to it.
_SPENT = """
    WITH rolled AS MATERIALIZED (SELECT * FROM ledger_rolled), found AS (
        SELECT d.day, d.user_id, d.key_id, d.model, d.purpose, d.calls, d.succeeded, d.tokens, d.amount
          FROM ledger_days d WHERE d.day = ANY($1::date[]) {days}
         UNION ALL
        SELECT (e.at AT TIME ZONE 'UTC')::date, e.user_id, e.key_id, e.model, e.purpose, 1, e.succeeded::int,
               tokens_of(e), e.amount
          FROM ledger_entries e
         WHERE e.xid >= '{entry_xid}'::xid8 AND e.at >= $2::date::timestamp AT TIME ZONE 'UTC' {entries}
           AND (e.xid, e.id) > ((SELECT entry_xid FROM rolled), (SELECT entry_id FROM rolled))
         UNION ALL
        SELECT (e.at AT TIME ZONE 'UTC')::date, e.user_id, e.key_id, e.model, e.purpose, 0, 0,
               tokens_learned(e, c), c.amount
          FROM ledger_corrections c JOIN ledger_entries e ON e.id = c.entry_id
         WHERE c.xid >= '{correction_xid}'::xid8 AND e.at >= $2::date::timestamp AT TIME ZONE 'UTC' {entries}
           AND (c.xid, c.entry_id, c.seq)
               > ((SELECT correction_xid FROM rolled), (SELECT correction_entry FROM rolled),
                  (SELECT correction_seq FROM rolled)))
    SELECT * FROM (
        SELECT s.*, row_number() OVER (PARTITION BY s.kind ORDER BY s.amount DESC, s.calls DESC, s.name) AS place
          FROM (SELECT GROUPING(f.day, f.model, f.user_id, f.key_id, f.purpose) AS kind,
                       coalesce(f.day::text, f.model, f.user_id, f.key_id, f.purpose, '') AS name,
                       coalesce(sum(f.calls), 0)::bigint AS calls, coalesce(sum(f.succeeded), 0)::bigint AS succeeded,
                       coalesce(sum(f.tokens), 0)::bigint AS tokens, coalesce(sum(f.amount), 0)::bigint AS amount
                  FROM found f
                 GROUP BY GROUPING SETS ((), (f.day), (f.model), (f.user_id), (f.key_id), (f.purpose))) s) p
     WHERE p.place <= $3 OR p.kind = {day} ORDER BY p.kind, p.place
"""


@dataclass(frozen=True, slots=True)
class Sum:
    """What some attempts used: how many, how many of them succeeded, all their tokens, and nano-dollars."""

    calls: int = 0
    succeeded: int = 0
    tokens: int = 0
    amount: int = 0


@dataclass(frozen=True, slots=True)
class Spending:
    """Sums over some days: of all, by day (each of them), and by part, the dearest first."""

    total: Sum
    days: Mapping[date, Sum]
    parts: Mapping[Part, Mapping[str, Sum]]


@dataclass(frozen=True, slots=True)
class Session:
    """What was used in one conversation; `milliseconds` is how long its attempts took on average."""

    sum: Sum
    milliseconds: int


async def spending(database: Database, reach: Reach, days: int) -> Spending:
    """What was spent within reach on so many days, today (in UTC) the last of them."""
    today = clock.now().date()
    wanted = [today - timedelta(days=each) for each in reversed(range(days))]
    rows = await database.fetch(
        _SPENT.format(**await _places(database), **_conditions(reach), day=_DAY),
        wanted,
        wanted[0],
        MOST,
        *(each for each in (reach.tenant, reach.user) if each is not None),
    )
    found: dict[str, dict[str, Sum]] = {}
    for row in rows:
        summed = Sum(row["calls"], row["succeeded"], row["tokens"], row["amount"])
        found.setdefault(_KINDS[row["kind"]], {})[row["name"]] = summed
    return Spending(
        total=found["all"][""],
        days={each: found.get("day", {}).get(each.isoformat(), Sum()) for each in wanted},
        parts={part: found.get(part, {}) for part in PARTS},
    )


async def session(database: Database, conversation_id: str) -> Session:
    """What was used in a conversation. The caller has checked whose it is."""
    row = await database.first(
        """
        SELECT count(*) AS calls, count(*) FILTER (WHERE e.succeeded) AS succeeded,
               coalesce(sum(tokens_of(e) + c.tokens), 0)::bigint AS tokens,
               coalesce(sum(e.amount + c.amount), 0)::bigint AS amount,
               coalesce(round(avg(e.milliseconds)), 0)::int AS milliseconds
          FROM ledger_entries e
         CROSS JOIN LATERAL (SELECT coalesce(sum(k.amount), 0) AS amount,
                                    coalesce(sum(tokens_learned(e, k)), 0) AS tokens
                               FROM ledger_corrections k WHERE k.entry_id = e.id) c
         WHERE e.conversation_id = $1
        """,
        conversation_id,
    )
    told = dict(row or {})
    milliseconds = told.pop("milliseconds")
    return Session(Sum(**told), milliseconds)


async def roll(database: Database, most: int) -> int:
    """Add the next so many entries to the sums by day; how many there were."""
    rolled: int = await database.value(_ROLL, most)
    return rolled


async def _places(database: Database) -> dict[str, int]:
    """Where the sums end, or a little before: they go on while this is asked."""
    row = await database.first(_PLACES)
    return {name: int(place) for name, place in dict(row or {}).items()}


def _conditions(reach: Reach) -> dict[str, str]:
    """Only what is meant: a plan for every reach at once would read by none of the indices."""
    values = zip(_REACH, (reach.tenant, reach.user), strict=True)
    named = [name for name, value in values if value is not None]
    return {
        table: "".join(f" AND {alias}.{name} = ${_FIRST + at}" for at, name in enumerate(named))
        for table, alias in _ALIASES.items()
    }
