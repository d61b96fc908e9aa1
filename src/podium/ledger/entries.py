"""Read the ledger: what attempts cost, net of corrections, in an order in which nothing comes in between later.

Entries are read by (xid, id), and only those before every transaction that is still under way: one that began earlier
may commit later, and a cursor over ids or times would step over what it brings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from podium.ledger.budgets import Reach
from podium.store.database import Database
from podium.vocabulary.event import UsageSource

_ENTRY = """e.id, e.xid::text::bigint AS xid, e.at, e.turn_id, e.conversation_id, e.tenant, e.user_id, e.key_id,
           e.purpose, e.model, e.response_id, e.succeeded, e.milliseconds, e.tariff AS tariff_id,
           coalesce(c.usage, ARRAY[e.input, e.cached_input, e.cache_write, e.output, e.reasoning, e.audio]) AS usage,
           coalesce(c.usage_source, e.usage_source) AS usage_source, e.amount + coalesce(c.amount, 0) AS amount,
           coalesce(c.corrections, 0) AS corrections"""
_NET = """
      LEFT JOIN LATERAL (
           SELECT sum(k.amount)::bigint AS amount, count(*)::int AS corrections,
                  (array_agg(k.usage_source ORDER BY k.seq DESC))[1] AS usage_source,
                  (SELECT l.usage FROM ledger_corrections l
                    WHERE l.entry_id = e.id ORDER BY l.seq DESC LIMIT 1) AS usage
             FROM ledger_corrections k WHERE k.entry_id = e.id HAVING count(*) > 0) c ON true
"""


_SETTLED = "e.xid < pg_snapshot_xmin(pg_current_snapshot())"
_TENANT, _USER, _USERS = "e.tenant = {}", "e.user_id = {}", "e.user_id = ANY({})"
_CONVERSATION, _MODEL, _SINCE, _UNTIL = "e.conversation_id = {}", "e.model = {}", "e.at >= {}", "e.at < {}"
_AND = " AND "
_TARIFFS = "SELECT id, told FROM tariffs WHERE id = ANY($1)"


@dataclass(frozen=True, slots=True)
class Entry:
    """What one attempt cost, in nano-dollars. `tariff` is the JSON of the prices by which it was reckoned.

    `usage` are tokens: input, cached input, cache write, output, reasoning, audio.
    """

    id: str
    xid: int
    at: datetime
    turn_id: str | None
    conversation_id: str | None
    tenant: str
    user_id: str
    key_id: str
    purpose: str
    model: str
    response_id: str | None
    succeeded: bool
    milliseconds: int
    usage: tuple[int, ...]
    usage_source: UsageSource
    amount: int
    corrections: int
    tariff_id: str
    tariff: str | None


@dataclass(frozen=True, slots=True)
class Version:
    """An entry as it was made, or one of its corrections; `amount` is the difference that it made, in nano-dollars."""

    at: datetime
    amount: int
    usage: tuple[int, ...]
    usage_source: UsageSource
    reason: str | None


@dataclass(frozen=True, slots=True)
class Wish:
    """Which entries are looked for; None is any. `since` is included, `until` is not."""

    users: tuple[str, ...] | None = None
    conversation: str | None = None
    model: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the order of entries: behind one of them."""

    xid: int
    id: str


async def find_page(
    database: Database, reach: Reach, wish: Wish, *, after: Place | None, limit: int
) -> list[Entry]:
    """Entries within reach, oldest first, behind a place."""
    conditions, args = _conditions(reach, wish)
    if after is not None:
        args += [str(after.xid), after.id]
        conditions.append(f"(e.xid, e.id) > (${len(args) - 1}::text::xid8, ${len(args)})")
    args.append(limit)
    rows = await database.fetch(
        f"""
        SELECT {_ENTRY} FROM (
            SELECT * FROM ledger_entries e WHERE {_AND.join(conditions)}
             ORDER BY e.xid, e.id LIMIT ${len(args)}) e
          {_NET}
         ORDER BY e.xid, e.id
        """,  # noqa: S608  # constants and numbers of arguments
        *args,
    )
    return await _with_tariffs(database, rows)


async def find_place(database: Database, reach: Reach, entry_id: str) -> Place | None:
    """The place behind an entry within reach."""
    row = await database.first(
        """
        SELECT e.xid::text::bigint AS xid, e.id FROM ledger_entries e
         WHERE e.id = $1 AND ($2::text IS NULL OR e.tenant = $2) AND ($3::text IS NULL OR e.user_id = $3)
        """,
        entry_id,
        reach.tenant,
        reach.user,
    )
    return None if row is None else Place(**dict(row))


async def find(database: Database, reach: Reach, entry_id: str) -> tuple[Entry, tuple[Version, ...]] | None:
    """An entry within reach and all that was ever known of it, first its making."""
    rows = await database.fetch(
        f"""
        SELECT {_ENTRY} FROM ledger_entries e {_NET}
         WHERE e.id = $1 AND ($2::text IS NULL OR e.tenant = $2) AND ($3::text IS NULL OR e.user_id = $3)
        """,  # noqa: S608  # constants
        entry_id,
        reach.tenant,
        reach.user,
    )
    if not rows:
        return None
    versions = await database.fetch(
        """
        SELECT e.at, e.amount, ARRAY[e.input, e.cached_input, e.cache_write, e.output, e.reasoning, e.audio] AS usage,
               e.usage_source, NULL AS reason, 0 AS seq
          FROM ledger_entries e WHERE e.id = $1
         UNION ALL
        SELECT c.at, c.amount, c.usage, c.usage_source, c.reason, c.seq FROM ledger_corrections c WHERE c.entry_id = $1
         ORDER BY seq
        """,
        entry_id,
    )
    [entry] = await _with_tariffs(database, rows)
    return entry, tuple(_version(row) for row in versions)


def _conditions(reach: Reach, wish: Wish) -> tuple[list[str], list[object]]:
    """Only what is wished for: a plan for every wish at once would read by none of the indices."""
    conditions, args = [_SETTLED], list[object]()
    users = wish.users
    wished = (
        (_TENANT, reach.tenant),
        (_USER, reach.user),
        (_USER, users[0] if users is not None and len(users) == 1 else None),
        (_USERS, list(users) if users is not None and len(users) != 1 else None),
        (_CONVERSATION, wish.conversation),
        (_MODEL, wish.model),
        (_SINCE, wish.since),
        (_UNTIL, wish.until),
    )
    for condition, value in wished:
        if value is not None:
            args.append(value)
            conditions.append(condition.format(f"${len(args)}"))
    return conditions, args


async def _with_tariffs(database: Database, rows: Sequence[Any]) -> list[Entry]:
    """Few prices stand behind many entries: they are read once each."""
    told = await database.fetch(_TARIFFS, list({row["tariff_id"] for row in rows}))
    tariffs = {row["id"]: row["told"] for row in told}
    return [
        Entry(**{**dict(row), "usage": tuple(row["usage"])}, tariff=tariffs.get(row["tariff_id"]))
        for row in rows
    ]


def _version(row: Any) -> Version:  # noqa: ANN401  # asyncpg's records are mappings without types
    return Version(row["at"], row["amount"], tuple(row["usage"]), row["usage_source"], row["reason"])
