"""What is past its time is forgotten, however much of it there is."""

import asyncio

import asyncpg
import pytest

from tests.turn.home import homes

KEYS = """
INSERT INTO turn_keys (scope, hash, turn_id, created_at)
SELECT n::text, '', 'turn_' || n, clock_timestamp() - interval '25 hours' FROM generate_series(1, 900) AS g(n)
"""


async def test_more_keys_than_are_forgotten_at_once_do_not_wait_for_the_next_minute(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("podium.turn.recover._MOST_SWEPT", 300)
    async with homes(dsn, lease_seconds=1) as [home]:
        connection = await asyncpg.connect(dsn)
        await connection.execute(KEYS)
        home.app._recovery._swept = 0
        await wait_forgotten(connection)
        await connection.close()


async def wait_forgotten(connection: asyncpg.Connection) -> None:
    async with asyncio.timeout(30):
        while await connection.fetchval("SELECT count(*) FROM turn_keys"):  # noqa: ASYNC110  # rows have no event
            await asyncio.sleep(0.02)
