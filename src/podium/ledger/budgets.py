"""Make, find, change and delete budgets.

Holds look at the row of the present period alone; so what changes a limit changes that row in the same statement, and
makes it where it is not there yet: a hold that makes it at the same moment waits, and finds the new limit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from podium.kit import ids
from podium.ledger.budget import USUAL_ALERT, Budget, Change, NewBudget, Period, ScopeType, Status
from podium.store.database import Database

_BUDGET = """b.id, b.tenant, b.scope_type, b.scope_id, b.user_id AS owner, b.amount, b.period, b.timezone, b.alert,
             b.is_default, b.by_operator, b.created_at"""
_STATUS = f"""
    SELECT {_BUDGET}, s.starts_at, budget_end(b.period, b.timezone, s.at) AS resets_at,
           coalesce(p.spent, 0) AS spent, coalesce(p.held, 0) AS held, coalesce(p.suspense, 0) AS suspense
      FROM budgets b
     CROSS JOIN LATERAL (SELECT n.at, budget_start(b.period, b.timezone, n.at) AS starts_at
                           FROM (SELECT clock_timestamp() AS at) n) s
      LEFT JOIN budget_periods p ON p.budget_id = b.id AND p.starts_at = s.starts_at
"""  # noqa: S608  # constants
_IS_TIMEZONE = "SELECT EXISTS (SELECT FROM pg_timezone_names WHERE name = $1)"
_DEFAULT_PERIODS: tuple[Period, ...] = ("day", "month", "total")
_TO_BE_GIVEN = """
    SELECT $5, $1, 'user', u.id, NULL, d.amount, d.period, 'UTC', $6::int, true, false, n.at,
           budget_start(d.period, 'UTC', n.at), budget_end(d.period, 'UTC', n.at), 0, 0, 0
      FROM unnest($2::text[], $3::text[]) AS u(type, id), unnest($4::bigint[], $7::text[]) AS d(amount, period),
           (SELECT clock_timestamp() AS at) n
     WHERE u.type = 'user' AND d.amount IS NOT NULL AND NOT EXISTS (
           SELECT FROM budgets b WHERE b.tenant = $1 AND b.scope_type = 'user' AND b.scope_id = u.id
                                   AND (NOT b.is_default OR b.period = d.period))
"""
_WARN = "SELECT budget_warn(ARRAY[$1], ARRAY[$2::timestamptz])"
_PRESENT = f"""
    gone AS (
        DELETE FROM budgets d USING written w
         WHERE d.is_default AND d.tenant = w.tenant AND d.scope_type = w.scope_type AND d.scope_id = w.scope_id
           AND d.id <> w.id
        RETURNING d.id),
    past AS (DELETE FROM budget_periods p USING gone WHERE p.budget_id = gone.id),
    present AS (
        INSERT INTO budget_periods AS p (budget_id, starts_at, ends_at, amount)
        SELECT b.id, budget_start(b.period, b.timezone, n.at), budget_end(b.period, b.timezone, n.at), b.amount
          FROM written b, (SELECT clock_timestamp() AS at) n
        ON CONFLICT (budget_id, starts_at) DO UPDATE
           SET amount = excluded.amount,
               warned = p.warned AND p.spent::numeric * 1000
                                     >= excluded.amount::numeric * (SELECT w.alert FROM written w)
        RETURNING p.*)
    SELECT {_BUDGET}, p.starts_at, p.ends_at AS resets_at, p.spent, p.held, p.suspense
      FROM written b JOIN present p ON p.budget_id = b.id
"""  # noqa: S608  # constants


Defaults = Sequence[int | None]
"""The budgets of users who have none, as they are set: by day, by month and in total; None is none."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Whose budgets or entries are meant: of one tenant, or of all; of one user there, or of all."""

    tenant: str | None
    user: str | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """Which budgets are looked for; None is any. With `defaults` default ones are those that are set."""

    scope_type: ScopeType | None = None
    scope_ids: tuple[str, ...] | None = None
    period: Period | None = None
    defaults: Defaults | None = None


async def put(database: Database, new: NewBudget, *, replace: bool = False) -> Status | None:
    """Make a budget; None if the scope has one for this period already.

    Default ones of the same scope make way; any other, where `replace` is set, gets the new limit, and the threshold
    if there is one.
    """
    return await _written(
        database,
        f"""
        WITH written AS (
            INSERT INTO budgets AS b (id, tenant, scope_type, scope_id, user_id, amount, period, timezone, alert,
                                      by_operator)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, coalesce($9::int, $11), $12)
            ON CONFLICT (tenant, scope_type, scope_id, period) DO UPDATE
               SET amount = excluded.amount, alert = coalesce($9, b.alert), is_default = false,
                   timezone = CASE WHEN b.is_default THEN excluded.timezone ELSE b.timezone END
             WHERE b.is_default OR $10
            RETURNING b.*),
        {_PRESENT}
        """,  # noqa: S608  # constants
        ids.new("bud"),
        new.tenant,
        new.scope_type,
        new.scope_id,
        new.owner,
        new.amount,
        new.period,
        new.timezone,
        new.alert,
        replace,
        USUAL_ALERT,
        new.by_operator,
    )


async def change(
    database: Database,
    reach: Reach,
    budget_id: str,
    wanted: Change,
    *,
    defaults: Defaults = (),
) -> Status | None:
    """Give a budget another limit or threshold, at once; None if there is none of this id within reach.

    A default one becomes the user's own, and its limit, where no other is given, the one that is set; others make way.
    """
    return await _written(
        database,
        f"""
        WITH written AS (
            UPDATE budgets b
               SET amount = coalesce($3, CASE WHEN b.is_default
                                         THEN ($5::bigint[])[array_position($6::text[], b.period)] END, b.amount),
                   alert = coalesce($4, b.alert), is_default = false, by_operator = b.by_operator OR $7
             WHERE b.id = $1 AND ($2::text IS NULL OR b.tenant = $2) RETURNING b.*),
        {_PRESENT}
        """,  # noqa: S608  # constants
        budget_id,
        reach.tenant,
        wanted.amount,
        wanted.alert,
        list(defaults),
        list(_DEFAULT_PERIODS),
        wanted.by_operator,
    )


async def find(
    database: Database, reach: Reach, budget_id: str, defaults: Defaults | None = None
) -> Status | None:
    """The budget of this id, if it is within reach; with `defaults` default ones are those that are set."""
    found = await _first(
        database,
        f"{_STATUS} WHERE b.id = $3 AND {_THEIRS} AND (NOT b.is_default OR b.period = ANY($4))",
        reach.tenant,
        reach.user,
        budget_id,
        _counting(defaults),
    )
    return None if found is None else _as_set(found, defaults)


async def find_page(
    database: Database, reach: Reach, wish: Wish, *, before: str | None, limit: int
) -> list[Status]:
    """Budgets within reach, by falling ids; those before budget `before`."""
    rows = await database.fetch(
        f"""
        {_STATUS}
         WHERE {_THEIRS} AND ($3::text IS NULL OR b.scope_type = $3)
           AND ($4::text[] IS NULL OR b.scope_id = ANY($4)) AND ($5::text IS NULL OR b.period = $5)
           AND ($6::text IS NULL OR b.id < $6) AND (NOT b.is_default OR b.period = ANY($8))
         ORDER BY b.id DESC LIMIT $7
        """,
        reach.tenant,
        reach.user,
        wish.scope_type,
        None if wish.scope_ids is None else list(wish.scope_ids),
        wish.period,
        before,
        limit,
        _counting(wish.defaults),
    )
    return [_as_set(_status(row), wish.defaults) for row in rows]


async def find_bound(
    database: Database, tenant: str, scopes: Sequence[tuple[ScopeType, str]], defaults: Defaults | None = None
) -> list[Status]:
    """The budgets of these scopes (types and ids) in a tenant, the tightest first.

    With `defaults` those that bind a call: default ones as they are set, also those that a user has not been given yet,
    which have the id of nothing.
    """
    rows = await database.fetch(
        f"""
        {_STATUS}
         WHERE b.tenant = $1 AND (b.scope_type, b.scope_id) IN (SELECT * FROM unnest($2::text[], $3::text[]))
           AND (NOT b.is_default OR b.period = ANY($8))
         UNION ALL {_TO_BE_GIVEN}
        """,  # noqa: S608  # constants
        tenant,
        [kind for kind, _ in scopes],
        [scope_id for _, scope_id in scopes],
        list(defaults or ()),
        ids.nobody("bud"),
        USUAL_ALERT,
        list(_DEFAULT_PERIODS),
        _counting(defaults),
    )
    found = [_as_set(_status(row), defaults) for row in rows]
    return sorted(found, key=lambda each: (each.remaining, each.budget.id))


async def delete(database: Database, reach: Reach, budget_id: str) -> bool:
    """Delete a budget with its periods; what is held goes on, and is entered all the same."""
    gone: Any = await database.first(
        """
        WITH gone AS (DELETE FROM budgets b WHERE b.id = $1 AND ($2::text IS NULL OR b.tenant = $2) RETURNING b.id),
             past AS (DELETE FROM budget_periods p USING gone WHERE p.budget_id = gone.id)
        SELECT id FROM gone
        """,
        budget_id,
        reach.tenant,
    )
    return gone is not None


async def is_timezone(database: Database, name: str) -> bool:
    """Whether the database, which reckons periods, knows a time zone of this name."""
    return bool(await database.value(_IS_TIMEZONE, name))


def waiting(session: str, user: str) -> str:
    """The scope of a budget that waits for this user's session of this name, and not for anybody's."""
    return f"{user}/{session}"


async def find_waiting(
    database: Database, tenant: str, session: str, user: str | None
) -> list[tuple[str, str | None]]:
    """The scopes under which budgets wait for a session of this name, and whose it must be; None is anybody's.

    With `user` only those that would count for this one's.
    """
    rows = await database.fetch(
        """
        SELECT DISTINCT b.scope_id, b.user_id FROM budgets b
         WHERE b.tenant = $1 AND b.scope_type = 'session' AND ($3::text IS NULL OR coalesce(b.user_id, $3) = $3)
           AND b.scope_id = coalesce(b.user_id || '/', '') || $2
        """,
        tenant,
        session,
        user,
    )
    return [(row["scope_id"], row["user_id"]) for row in rows]


async def claim(database: Database, tenant: str, session: str, conversation_id: str, user: str) -> list[str]:
    """Let the budgets that wait for a session of this name count for the conversation that it has become.

    One that waits for this user's goes before one that waits for anybody's. Returns those that waited for anybody's.
    """
    rows = await database.fetch(
        """
        UPDATE budgets b SET scope_id = $4, user_id = $5 FROM budgets before
         WHERE before.id = b.id AND b.tenant = $1 AND b.scope_type = 'session'
           AND ((b.scope_id = $3 AND b.user_id = $5) OR (b.scope_id = $2 AND b.user_id IS NULL))
           AND NOT EXISTS (SELECT FROM budgets o WHERE o.tenant = $1 AND o.scope_type = 'session'
                              AND o.scope_id IN ($3, $4) AND o.period = b.period AND o.id <> b.id)
        RETURNING b.id, before.user_id IS NULL AS is_anybodys
        """,
        tenant,
        session,
        waiting(session, user),
        conversation_id,
        user,
    )
    return [row["id"] for row in rows if row["is_anybodys"]]


async def release(
    database: Database,
    tenant: str,
    conversation_id: str,
    session: str,
    user: str,
    *,
    anybodys: Sequence[str] = (),
) -> None:
    """Let the budgets of a session that is gone wait, with what was spent, for this user's next one of its name.

    Those that are `anybodys` (ids) wait for the next one of anybody.
    """
    await database.fetch(
        """
        UPDATE budgets b
           SET scope_id = CASE WHEN b.id = ANY($6) THEN $5 ELSE $3 END,
               user_id = CASE WHEN b.id = ANY($6) THEN NULL ELSE $4 END
         WHERE b.tenant = $1 AND b.scope_type = 'session' AND b.scope_id = $2
           AND NOT EXISTS (SELECT FROM budgets o WHERE o.tenant = $1 AND o.scope_type = 'session'
                              AND o.scope_id = CASE WHEN b.id = ANY($6) THEN $5 ELSE $3 END
                              AND o.period = b.period)
        """,
        tenant,
        conversation_id,
        waiting(session, user),
        user,
        session,
        list(anybodys),
    )


_THEIRS = """($1::text IS NULL OR b.tenant = $1)
           AND ($2::text IS NULL OR b.user_id = $2 OR (b.scope_type = 'user' AND b.scope_id = $2))"""
_NAMES = {each.name for each in fields(Budget)}


async def _written(database: Database, sql: str, *args: object) -> Status | None:
    """Write a budget; if that puts it past its threshold, it is told."""
    status = await _first(database, sql, *args)
    if status is not None:
        await database.fetch(_WARN, status.budget.id, status.starts_at)
    return status


def _given(defaults: Defaults | None) -> dict[Period, int]:
    """The limits of default budgets, by the periods of which there are any."""
    return {_DEFAULT_PERIODS[at]: each for at, each in enumerate(defaults or ()) if each is not None}


def _counting(defaults: Defaults | None) -> list[Period]:
    """Of which periods default budgets count."""
    return list(_DEFAULT_PERIODS if defaults is None else _given(defaults))


def _as_set(status: Status, defaults: Defaults | None) -> Status:
    """A default budget with the limit that its next hold will meet."""
    each = status.budget
    amount = _given(defaults).get(each.period) if each.is_default else None
    return status if amount is None else replace(status, budget=replace(each, amount=amount))


async def _first(database: Database, sql: str, *args: object) -> Status | None:
    row = await database.first(sql, *args)
    return None if row is None else _status(row)


def _status(row: Any) -> Status:  # noqa: ANN401  # asyncpg's records are mappings without types
    told = dict(row)
    budget = Budget(**{name: told.pop(name) for name in _NAMES})
    return Status(budget=budget, **told)
