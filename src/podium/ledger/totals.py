"""Money that is on its way, and alerts, in all: numbers for operators, not for decisions."""

from collections.abc import Mapping
from dataclasses import dataclass

from podium.store.database import Database


@dataclass(frozen=True, slots=True)
class Totals:
    """Holds and suspenses, each with its sum in nano-dollars; alerts by scope type and period, and those under way."""

    holds: int
    held: int
    suspenses: int
    suspended: int
    alerts: Mapping[tuple[str, str], int]
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
    alerts = await database.fetch(
        "SELECT scope_type, period, count(*) AS number FROM budget_alerts GROUP BY 1, 2 ORDER BY 1, 2"
    )
    return Totals(
        **dict(row), alerts={(each["scope_type"], each["period"]): each["number"] for each in alerts}
    )
