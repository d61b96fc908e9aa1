"""What the rows of the ledger say, read past everything that keeps them; and the account that must come out of them."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from podium.kit import ids

NANO = 1_000_000_000

_PERIODS = """
SELECT p.budget_id, p.starts_at, p.amount, p.spent, p.held, p.suspense FROM budget_periods p ORDER BY 1, 2
"""
_RECOUNTED = """
WITH legs AS (
    SELECT l.budget_id, l.starts_at, e.amount + coalesce((SELECT sum(c.amount) FROM ledger_corrections c
           WHERE c.entry_id = e.id), 0) AS spent, 0 AS held, 0 AS suspense FROM ledger_entries e, unnest(e.legs) l
    UNION ALL SELECT l.budget_id, l.starts_at, 0, h.amount, 0 FROM holds h, unnest(h.legs) l
    UNION ALL SELECT l.budget_id, l.starts_at, 0, 0, s.amount FROM suspenses s, unnest(s.legs) l)
SELECT p.budget_id, p.starts_at, coalesce(sum(l.spent), 0)::bigint AS spent, coalesce(sum(l.held), 0)::bigint AS held,
       coalesce(sum(l.suspense), 0)::bigint AS suspense
  FROM budget_periods p LEFT JOIN legs l ON l.budget_id = p.budget_id AND l.starts_at = p.starts_at
 GROUP BY 1, 2 ORDER BY 1, 2
"""


class Book:
    """The ledger's rows."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def rows(self, sql: str, *args: object) -> list[dict[str, Any]]:
        return [dict(row) for row in await self._connection.fetch(sql, *args)]

    async def fetch(self, sql: str, *args: object) -> list[dict[str, Any]]:
        return await self.rows(sql, *args)

    async def budget(
        self, limit: int, *, scope: str = "user", of: str | None = None, period: str = "total", **more: Any
    ) -> str:
        """A new budget, of the operator's user unless another is named."""
        budget = ids.new("bud")
        await self._connection.execute(
            "INSERT INTO budgets (id, tenant, scope_type, scope_id, amount, period, timezone)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7)",
            budget,
            ids.nobody("ten"),
            scope,
            of or (ids.nobody("ten") if scope == "tenant" else ids.nobody("usr")),
            limit,
            period,
            more.get("timezone", "UTC"),
        )
        return budget

    async def entries(self) -> list[dict[str, Any]]:
        return await self.rows("SELECT * FROM ledger_entries ORDER BY id")

    async def period(self, budget: str) -> dict[str, Any]:
        """The one period of a budget."""
        [row] = await self.rows("SELECT * FROM budget_periods WHERE budget_id = $1", budget)
        return row

    async def check(self) -> None:
        """Every period's sums are those of the rows that count in it, and no limit is passed."""
        kept = await self.rows(_PERIODS)
        recounted = await self.rows(_RECOUNTED)
        for there, counted in zip(kept, recounted, strict=True):
            for name in ("budget_id", "starts_at", "spent", "held", "suspense"):
                assert there[name] == counted[name], (name, there, counted)


@asynccontextmanager
async def book(dsn: str) -> AsyncGenerator[Book, None]:
    """The rows of a database."""
    connection = await asyncpg.connect(dsn)
    try:
        yield Book(connection)
    finally:
        await connection.close()
