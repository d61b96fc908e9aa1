"""One connection, opened anew when it breaks or falls silent."""

import asyncio
from urllib.parse import urlsplit

import asyncpg
import pytest

from podium.errors import Unavailable
from podium.store import database
from podium.store.database import Lane
from podium.store.failure import ConnectionLost
from tests.serving import Cluster, linked


@pytest.mark.promise("postgres")
async def test_a_connection_that_is_silent_for_too_long_is_replaced(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane = Lane(dsn)
    await lane.fetch("SELECT 1")
    monkeypatch.setattr(database, "_SILENT_SECONDS", 0.3)
    with pytest.raises(ConnectionLost):
        await lane.fetch("SELECT pg_sleep(5)")
    async with asyncio.timeout(2):
        assert (await lane.fetch("SELECT 2"))[0][0] == 2
    assert lane.opened == 2
    await lane.close()


async def test_a_statement_for_a_connection_that_was_replaced_is_not_sent(dsn: str) -> None:
    lane = Lane(dsn)
    number = await lane.connect()
    [row] = await lane.fetch("SELECT pg_backend_pid()", on=number)
    other = await asyncpg.connect(dsn)
    await other.execute("CREATE TABLE done (id int)")
    await other.execute(f"SELECT pg_terminate_backend({row[0]})")
    async with asyncio.timeout(5):
        while lane.is_connected:  # noqa: ASYNC110  # the driver knows it alone
            await asyncio.sleep(0.01)  # sleep: until it is noticed
    with pytest.raises(ConnectionLost):
        await lane.fetch("INSERT INTO done VALUES (1)", on=number)
    assert await other.fetchval("SELECT count(*) FROM done") == 0
    await other.close()
    await lane.close()


@pytest.mark.promise("postgres")
async def test_a_database_that_is_away_is_told_as_such_and_found_again(dsn: str) -> None:
    async with linked(dsn) as (far, link):
        lane = Lane(far)
        await lane.fetch("SELECT 1")
        link.cut()
        with pytest.raises(Unavailable):
            await lane.fetch("SELECT 1")
        link.mend()
        assert (await lane.fetch("SELECT 2"))[0][0] == 2
        await lane.close()


@pytest.mark.promise("postgres")
async def test_a_database_that_lets_nobody_in_is_told_as_such_and_found_again(
    cluster: Cluster, dsn: str
) -> None:
    """As while it is moved, or restored, or its password changed."""
    name = urlsplit(dsn).path.strip("/")
    lane = Lane(dsn)
    await cluster.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    with pytest.raises(Unavailable, match="not currently accepting connections"):
        await lane.fetch("SELECT 1")
    await cluster.execute(f"ALTER DATABASE {name} RENAME TO {name}_moved")
    with pytest.raises(Unavailable, match="does not exist"):
        await lane.fetch("SELECT 1")
    await cluster.execute(f"ALTER DATABASE {name}_moved RENAME TO {name}")
    await cluster.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    assert (await lane.fetch("SELECT 2"))[0][0] == 2
    await lane.close()
    with pytest.raises(Unavailable, match="stranger"):
        await Lane(f"{dsn}&user=stranger").fetch("SELECT 1")


@pytest.mark.promise("postgres")
async def test_what_a_broken_connection_began_is_over_before_the_next_one_begins(dsn: str) -> None:
    """Postgres goes on with it: nobody tells it that who asked is gone."""
    other = await asyncpg.connect(dsn)
    await other.execute("CREATE TABLE done (id int)")
    async with linked(dsn) as (far, link):
        lane = Lane(far)
        await lane.fetch("SELECT 1")
        async with other.transaction():
            await other.execute("LOCK TABLE done")
            begun = asyncio.create_task(lane.fetch("INSERT INTO done VALUES (1)"))
            async with asyncio.timeout(5):
                while not await other.fetchval(_WAITING):  # noqa: ASYNC110  # Postgres knows it alone
                    await asyncio.sleep(0.01)  # sleep: until it waits
            link.cut()
            link.mend()
            with pytest.raises(ConnectionLost):
                await begun
            assert await other.fetchval(_WAITING) == 1, "Postgres has not noticed"
            assert (await lane.fetch("SELECT 2"))[0][0] == 2
            assert await other.fetchval(_WAITING) == 0
        assert await other.fetchval("SELECT count(*) FROM done") == 0
        await lane.close()
    await other.close()


_WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND starts_with(query, 'INSERT')"
)
