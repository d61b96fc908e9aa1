"""Alerts are counted once each, whenever they come."""

import asyncio
from collections.abc import Sequence

import pytest

from podium.ledger import totals
from podium.store.database import Database

KINDS = [("user", "day"), ("session", "total")]


async def put(database: Database, ages: Sequence[float], start: int) -> None:
    """Alerts so many seconds old, of both kinds in turn."""
    await database.fetch(
        "INSERT INTO budget_alerts (id, budget_id, starts_at, at, alert, spent, amount, tenant, scope_type, scope_id,"
        " period) SELECT 'alert_' || g.n, 'bud', now(), clock_timestamp() - make_interval(secs => g.age), 800, 1, 1,"
        " 'ten', g.scope, 'x', g.period FROM unnest($1::int[], $2::float8[], $3::text[], $4::text[]) AS"
        " g(n, age, scope, period)",
        list(range(start, start + len(ages))),
        list(ages),
        [KINDS[n % 2][0] for n in range(len(ages))],
        [KINDS[n % 2][1] for n in range(len(ages))],
    )


async def test_each_alert_is_counted_once(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(totals, "_PAGE", 7)
    database, alerts = Database(dsn), totals.Alerts()
    await database.open()
    try:
        assert await alerts.count(database) == {}
        await put(database, [1000.0] * 20 + [3.0, 1.0], 0)
        for found in await asyncio.gather(*(alerts.count(database) for _ in range(3))):
            assert found == dict.fromkeys(KINDS, 11)
        await put(database, [40.0, 2.0], 100)  # committed after younger ones
        assert await alerts.count(database) == dict.fromkeys(KINDS, 12)
        assert await totals.Alerts().count(database) == dict.fromkeys(KINDS, 12)
    finally:
        await database.close()
