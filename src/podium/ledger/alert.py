"""That a budget reached its threshold, as people and programs are told. Amounts are in nano-dollars."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime

import asyncpg
import msgspec

from podium.kit import clock, money
from podium.ledger.budget import Period, ScopeType, warning
from podium.store.database import Database, Lane

EVENT = "budget.threshold_reached"

COLUMNS = """
    a.id, a.budget_id, a.at, a.starts_at, a.ends_at, a.alert, a.spent, a.amount, a.tenant, a.scope_type, a.scope_id,
    a.period, a.delivered_at, (SELECT t.name FROM tenants t WHERE t.id = a.tenant) AS tenant_name,
    coalesce(CASE a.scope_type
        WHEN 'user' THEN (SELECT u.name FROM users u WHERE u.id = a.scope_id)
        WHEN 'tenant' THEN (SELECT t.name FROM tenants t WHERE t.id = a.scope_id)
        WHEN 'session' THEN (SELECT c.name FROM conversations c WHERE c.id = a.scope_id) END, a.scope_id) AS name
"""
"""What an `Alert` is read from, where `budget_alerts` is called `a`."""


@dataclass(frozen=True, slots=True)
class Alert:
    """What was spent when a threshold was passed, `alert` thousandths of `amount`; `name` is the scope's or its id."""

    id: str
    budget_id: str
    at: datetime
    starts_at: datetime
    ends_at: datetime | None
    alert: int
    spent: int
    amount: int
    tenant: str
    scope_type: ScopeType
    scope_id: str
    period: Period
    delivered_at: datetime | None
    tenant_name: str
    name: str

    @property
    def shown_id(self) -> str:
        """What its readers know the scope by: a tenant or user by name, anything else by id."""
        return self.name if self.scope_type in {"tenant", "user"} else self.scope_id


_NAMES = tuple(field.name for field in fields(Alert))


def read(row: asyncpg.Record) -> Alert:
    """An alert from its `COLUMNS`."""
    return Alert(*(row[name] for name in _NAMES))


async def find_last(lane: Lane, budgets: Sequence[str]) -> dict[str, Alert]:
    """The last alert of each of these budgets, by the budget's id."""
    rows = await lane.fetch(
        f"""
        SELECT {COLUMNS} FROM unnest($1::text[]) AS g(budget_id)
         CROSS JOIN LATERAL (SELECT * FROM budget_alerts b WHERE b.budget_id = g.budget_id
                              ORDER BY b.at DESC LIMIT 1) a
        """,  # noqa: S608  # constants
        list(budgets),
    )
    return {row["budget_id"]: read(row) for row in rows}


async def find_all(database: Database, budget: str, limit: int) -> list[Alert]:
    """The alerts of one budget, the last ones first."""
    rows = await database.fetch(
        f"SELECT {COLUMNS} FROM budget_alerts a WHERE a.budget_id = $1 ORDER BY a.at DESC LIMIT $2",  # noqa: S608  # constants
        budget,
        limit,
    )
    return [read(row) for row in rows]


def sentence(alert: Alert) -> str:
    """What people read."""
    return warning(f"{alert.scope_type} {alert.name}", alert.period, spent=alert.spent, amount=alert.amount)


def payload(alert: Alert) -> bytes:
    """The alert as the body of a webhook: JSON, amounts as decimal strings of dollars."""
    return msgspec.json.encode(
        {
            "type": EVENT,
            "timestamp": clock.rfc3339(alert.at),
            "data": {
                "id": alert.id,
                "budget_id": alert.budget_id,
                "tenant": alert.tenant_name,
                "scope": {"type": alert.scope_type, "id": alert.shown_id},
                "period": alert.period,
                "starts_at": clock.rfc3339(alert.starts_at),
                "resets_at": None if alert.ends_at is None else clock.rfc3339(alert.ends_at),
                "alert_threshold": alert.alert / 1000,
                "limit": money.dollars(alert.amount),
                "spent": money.dollars(alert.spent),
                "message": sentence(alert),
            },
        }
    )
