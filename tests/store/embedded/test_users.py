"""The database runs as long as somebody uses it, and no longer."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest

from podium.store.embedded import lock
from podium.store.embedded.attach import Outcome, embedded, status, wait_stopped
from podium.store.embedded.directory import at
from tests.store.embedded.user import (
    User,
    is_gone,
    pid_of_keeper,
    pid_of_postgres,
    value,
    wait_nothing_left,
    wait_until,
)

StartUser = Callable[..., Awaitable[User]]


async def test_a_new_directory_becomes_a_database_that_is_ready_for_migrations(new_dir: Path) -> None:
    began = time.monotonic()
    async with embedded(new_dir) as database:
        assert time.monotonic() - began < 10  # about a second on an idle machine
        connection = await asyncpg.connect(database.dsn)
        assert await connection.fetchval("SHOW server_encoding") == "UTF8"
        assert await connection.fetchval("SHOW data_checksums") == "on"
        assert await connection.fetchval("SHOW fsync") == "on"
        assert await connection.fetchval("SHOW listen_addresses") == ""
        assert await connection.fetchval("SELECT lower('ÄÖ')") == "äö"
        assert not await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        await connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        await connection.execute("CREATE TABLE points (at vector(2))")
        assert (database.programs / "pg_dump").exists()
        await connection.close()


async def test_a_second_start_keeps_all_data(data_dir: Path) -> None:
    async with embedded(data_dir) as database:
        await value(database.dsn, "CREATE TABLE kept AS SELECT 7 AS number")
    await wait_nothing_left(data_dir)
    async with embedded(data_dir) as database:
        assert await value(database.dsn, "SELECT number FROM kept") == 7


async def test_a_user_that_leaves_takes_nothing_from_another(data_dir: Path, start_user: StartUser) -> None:
    first = await start_user()
    await first.dsn()
    async with embedded(data_dir) as database:
        postgres = pid_of_postgres(data_dir)
        assert await first.leave() == 0
        assert await wait_stopped(data_dir, within=5) is Outcome.IN_USE
        assert await value(database.dsn, "SELECT 1") == 1
        assert pid_of_postgres(data_dir) == postgres


async def test_a_killed_user_takes_nothing_from_another(data_dir: Path, start_user: StartUser) -> None:
    first = await start_user()  # the one that started the keeper
    await first.dsn()
    async with embedded(data_dir) as database:
        before = status(data_dir)
        connection = await asyncpg.connect(database.dsn)
        await first.kill()
        assert await connection.fetchval("SELECT 1") == 1
        assert status(data_dir) == before
        await connection.close()


async def test_when_the_last_user_is_killed_the_keeper_stops_the_database(
    data_dir: Path, start_user: StartUser
) -> None:
    user = await start_user()
    await user.dsn()
    postgres = pid_of_postgres(data_dir)
    await user.kill()
    await wait_nothing_left(data_dir)
    assert is_gone(postgres)
    assert "database system is shut down" in at(data_dir).postgres_log.read_text()


async def test_commands_that_follow_each_other_find_the_same_database(
    data_dir: Path, start_user: StartUser
) -> None:
    async with embedded(data_dir):
        postgres = pid_of_postgres(data_dir)
    async with embedded(data_dir):
        assert pid_of_postgres(data_dir) == postgres


async def test_eight_users_at_once_get_one_new_cluster(new_dir: Path, start_user: StartUser) -> None:
    users = [await start_user() for _ in range(8)]
    answers = [await user.said() for user in users]
    assert {answer.get("dsn") for answer in answers} == {status(new_dir).dsn}, answers
    log = at(new_dir).keeper_log.read_text()
    assert log.count("Making a new cluster") == 1
    assert log.count("Started Postgres") == 1
    assert not list(new_dir.glob("postgres.new*"))


async def test_who_comes_while_the_keeper_stops_waits_for_the_next_one(data_dir: Path) -> None:
    async with embedded(data_dir):
        keeper, postgres = pid_of_keeper(data_dir), pid_of_postgres(data_dir)
        os.kill(postgres, signal.SIGSTOP)  # so that it takes its time to stop
    try:
        users_lock = at(data_dir).users_lock
        await wait_until(lambda: not lock.is_free(users_lock, shared=True))
        assert await wait_stopped(data_dir, within=0.1) is Outcome.LATE
        async with asyncio.TaskGroup() as group:
            late = group.create_task(_keeper_seen_by_a_user(data_dir))
            done, _ = await asyncio.wait({late}, timeout=0.2)
            assert not done
            os.kill(postgres, signal.SIGCONT)
        assert late.result() != keeper
    finally:
        if not is_gone(postgres):
            os.kill(postgres, signal.SIGCONT)


async def _keeper_seen_by_a_user(data_dir: Path) -> int:
    async with embedded(data_dir) as database:
        assert await value(database.dsn, "SELECT 1") == 1
        return pid_of_keeper(data_dir)


async def test_users_that_come_and_go_at_every_moment_of_a_stop_all_get_a_database(data_dir: Path) -> None:
    async with embedded(data_dir) as database:
        await value(database.dsn, "CREATE TABLE visits (number int)")
    for number in range(12):
        await wait_stopped(data_dir, within=0.26 + number * 0.02)  # the grace is 0.3 s, a stop takes 0.1 s
        async with embedded(data_dir) as database:
            await value(database.dsn, "INSERT INTO visits VALUES ($1)", number)
    async with embedded(data_dir) as database:
        assert await value(database.dsn, "SELECT count(*) FROM visits") == 12


async def test_ctrl_c_in_a_terminal_reaches_neither_keeper_nor_database(
    data_dir: Path, start_user: StartUser
) -> None:
    user = await start_user()
    await user.dsn()
    async with embedded(data_dir) as database:
        before = status(data_dir)
        connection = await asyncpg.connect(database.dsn)
        await user.press_ctrl_c()
        assert await connection.fetchval("SELECT 1") == 1
        await connection.close()
        assert status(data_dir) == before


async def test_after_a_clean_exit_one_can_wait_for_the_end(data_dir: Path) -> None:
    async with embedded(data_dir):
        pass
    assert await wait_stopped(data_dir, within=10) is Outcome.STOPPED
    assert status(data_dir).dsn is None


async def test_an_error_of_the_user_still_frees_the_database(data_dir: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        async with embedded(data_dir):
            raise ZeroDivisionError
    await wait_nothing_left(data_dir)
