"""Money that is on its way, and alerts, in all: numbers for operators, not for decisions."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from podium.store.database import Database

_PAGE = 50_000


@dataclass(frozen=True, slots=True)
class Totals:
    """Holds and suspenses, each with its sum in nano-dollars; alerts that are not delivered yet."""

    holds: int
    held: int
    suspenses: int
    suspended: int
    undelivered: int


async def totals(database: Database) -> Totals:
    """As of now."""
    [row] = await database.fetch(
        """
        SELECT * FROM (SELECT count(*) AS holds, coalesce(sum(amount), 0)::bigint AS held FROM holds) h,
            (SELECT count(*) AS suspenses, coalesce(sum(amount), 0)::bigint AS suspended FROM suspenses) s,
            (SELECT count(*) AS undelivered FROM budget_alerts WHERE next_try_at IS NOT NULL) a
        """
    )
    return Totals(**dict(row))


class Alerts:
    """Counts the alerts that there ever were, in pages, each row once: those of the last minute may still come."""

    def __init__(self) -> None:
        self._counted: Counter[tuple[str, str]] = Counter()
        self._last = (datetime.min, "")  # noqa: DTZ901  # the least there is; Postgres takes it for -infinity
        self._counting = asyncio.Lock()

    async def count(self, database: Database) -> Mapping[tuple[str, str], int]:
        """By scope type and period."""
        async with self._counting:
            while await self._count_page(database) == _PAGE:
                pass
            rows = await database.fetch(
                f"""
                SELECT scope_type, period, count(*) AS number FROM (
                    SELECT scope_type, period FROM budget_alerts
                     WHERE (at, id) > ($1::timestamptz, $2) ORDER BY at, id LIMIT {_PAGE}) AS new
                 GROUP BY 1, 2
                """,  # noqa: S608  # a constant; as a parameter the planner would take it for a tenth of all
                *self._last,
            )
            new = Counter({(row["scope_type"], row["period"]): row["number"] for row in rows})
            return self._counted + new

    async def _count_page(self, database: Database) -> int:
        rows = await database.fetch(
            f"""
            WITH page AS MATERIALIZED (
                SELECT at, id, scope_type, period FROM budget_alerts
                 WHERE (at, id) > ($1::timestamptz, $2) AND at < clock_timestamp() - interval '1 minute'
                 ORDER BY at, id LIMIT {_PAGE})
            SELECT scope_type, period, count(*) AS number, last.at, last.id
              FROM page CROSS JOIN (SELECT at, id FROM page ORDER BY at DESC, id DESC LIMIT 1) last
             GROUP BY scope_type, period, last.at, last.id
            """,  # noqa: S608  # as above
            *self._last,
        )
        for row in rows:
            self._counted[row["scope_type"], row["period"]] += row["number"]
            self._last = (row["at"], row["id"])
        return sum(row["number"] for row in rows)
