"""The address works for every path and every client, and lets nobody else in."""

import asyncio
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest

from podium.store.embedded.attach import embedded, status
from podium.store.embedded.directory import at
from tests.store.embedded.conftest import end
from tests.store.embedded.user import User, value, wait_nothing_left

StartUser = Callable[..., Awaitable[User]]


@pytest.mark.parametrize(
    "name", ["with space", "a,b", "100%", "a+b=c&d?e#f:g@h", "Straße", "it's \\here\"", "x" * 90]
)
async def test_any_path_works_for_asyncpg_and_psql(place: Path, made: Path, name: str) -> None:
    data_dir = place / name
    subprocess.run(["cp", "-a", made, data_dir], check=True)
    try:
        async with embedded(data_dir) as database:
            assert await value(database.dsn, "SELECT current_database()") == "podium"
            psql = await asyncio.create_subprocess_exec(
                database.programs / "psql", "-XAtc", "SELECT 7", database.dsn, stdout=asyncio.subprocess.PIPE
            )
            said, _ = await psql.communicate()
            assert said == b"7\n"
    finally:
        await end(data_dir)


async def test_a_path_too_long_for_a_socket_gets_a_short_one_and_leaves_nothing_of_it(place: Path) -> None:
    data_dir = place / ("long" * 40) / "data"
    try:
        async with embedded(data_dir) as database:
            short = at(data_dir).socket.readlink()
            assert short.stat().st_mode & 0o777 == 0o700
            assert (short / ".s.PGSQL.5432").is_socket()
            first = database.dsn
        await wait_nothing_left(data_dir)
        assert not short.exists()
        async with embedded(data_dir) as database:
            assert await value(database.dsn, "SELECT 1") == 1
            assert database.dsn != first
    finally:
        await end(data_dir)


async def test_an_environment_for_other_databases_misleads_nobody(
    data_dir: Path, start_user: StartUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, wrong in {"PGPORT": "6543", "PGHOST": "10.0.0.1", "PGUSER": "me", "PGDATA": "/nowhere"}.items():
        monkeypatch.setenv(name, wrong)
    user = await start_user(TZ="Asia/Tokyo", LC_ALL="de_DE.UTF-8")
    assert await value(await user.dsn(), "SHOW timezone") == "UTC"


async def test_there_is_no_door_but_the_socket_and_no_role_for_strangers(data_dir: Path) -> None:
    async with embedded(data_dir) as database:
        assert at(data_dir).socket.stat().st_mode & 0o777 == 0o700
        rules = await value(database.dsn.replace("user=podium", "user=postgres"), _RULES)
        assert rules == ["local peer"]
        await value(database.dsn.replace("user=podium", "user=postgres"), "CREATE ROLE stranger LOGIN")
        with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError, match=r"no pg_hba\.conf entry"):
            await value(database.dsn.replace("user=podium", "user=stranger"), "SELECT 1")


_RULES = "SELECT array_agg(type || ' ' || auth_method) FROM pg_hba_file_rules"


async def test_its_state_is_seen_from_outside_without_starting_anything(new_dir: Path) -> None:
    unmade = status(new_dir)
    assert (unmade.dsn, unmade.postgres, unmade.keeper) == (None, None, None)
    assert not new_dir.exists()
    async with embedded(new_dir) as database:
        running = status(new_dir)
        assert running.dsn == database.dsn
        assert running.postgres is not None
        assert running.keeper is not None
