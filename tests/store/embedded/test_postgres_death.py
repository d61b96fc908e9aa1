"""Postgres may die at any moment, or leave anything behind: it comes back with all that was committed."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Awaitable, Callable, Generator
from pathlib import Path

import pytest

from podium.store.embedded.account import database_account
from podium.store.embedded.attach import embedded, status
from podium.store.embedded.directory import at
from podium.store.embedded.failure import Unstartable
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


async def test_a_killed_postgres_comes_back_with_its_data(data_dir: Path) -> None:
    async with embedded(data_dir) as database:
        await value(database.dsn, "CREATE TABLE kept AS SELECT 7 AS number")
        for _ in range(3):
            postgres, keeper = pid_of_postgres(data_dir), pid_of_keeper(data_dir)
            os.kill(postgres, signal.SIGKILL)
            await wait_until(lambda old=postgres: status(data_dir).postgres not in {None, old})  # type: ignore[misc]  # mypy cannot infer a lambda's default
            await database.ensure()
            assert await value(database.dsn, "SELECT number FROM kept") == 7
            assert pid_of_keeper(data_dir) == keeper


async def test_after_all_were_killed_the_next_user_finds_every_row(
    data_dir: Path, start_user: StartUser
) -> None:
    user = await start_user()
    await value(await user.dsn(), "CREATE TABLE kept AS SELECT 7 AS number")
    await kill_all(data_dir, user)
    async with embedded(data_dir) as database:
        assert await value(database.dsn, "SELECT number FROM kept") == 7


async def kill_all(data_dir: Path, user: User) -> None:
    """Kill user, keeper and Postgres, as an out-of-memory killer or a power cut does."""
    keeper, postgres = pid_of_keeper(data_dir), pid_of_postgres(data_dir)
    for pid in (keeper, postgres):
        os.kill(pid, signal.SIGKILL)
    await user.kill()
    await wait_until(lambda: is_gone(keeper) and is_gone(postgres))


@pytest.fixture
def innocent() -> Generator[int, None, None]:
    """A process of the database's account that has nothing to do with the database."""
    account = database_account()
    user = None if account.is_me else account.uid
    with subprocess.Popen(["sleep", "600"], user=user) as process:
        yield process.pid
        assert process.poll() is None, "the innocent process was harmed"
        process.kill()


async def test_lock_files_that_name_an_innocent_process_block_nothing_and_harm_nobody(
    data_dir: Path, start_user: StartUser, innocent: int
) -> None:
    user = await start_user()
    await user.dsn()
    await kill_all(data_dir, user)
    directory = at(data_dir)
    stale = [directory.cluster / "postmaster.pid", directory.socket / ".s.PGSQL.5432.lock"]
    for path in stale:
        _, _, rest = path.read_text().partition("\n")
        path.write_text(f"{innocent}\n{rest}")
    async with embedded(data_dir) as database:
        assert await value(database.dsn, "SELECT 1") == 1
        assert pid_of_postgres(data_dir) != innocent
    await wait_nothing_left(data_dir)
    assert directory.keeper_log.read_text().count("Removing") == len(stale)


async def test_a_number_of_an_innocent_process_is_not_taken_for_a_running_postgres(
    data_dir: Path, innocent: int
) -> None:
    async with embedded(data_dir):
        pass
    await wait_nothing_left(data_dir)
    (at(data_dir).cluster / "postmaster.pid").write_text(f"{innocent}\n{at(data_dir).cluster}\n")
    assert status(data_dir).postgres is None


async def test_nobody_loses_patience_while_postgres_recovers(data_dir: Path) -> None:
    async with embedded(data_dir) as database:
        postgres = pid_of_postgres(data_dir)
        os.kill(pid_of_keeper(data_dir), signal.SIGKILL)
        os.kill(postgres, signal.SIGSTOP)  # alive and silent, as in a long recovery
        try:
            waiting = asyncio.create_task(database.ensure())
            done, _ = await asyncio.wait({waiting}, timeout=3)
            assert not done
            assert pid_of_postgres(data_dir) == postgres
        finally:
            os.kill(postgres, signal.SIGCONT)
        async with asyncio.timeout(20):
            await waiting
        assert pid_of_postgres(data_dir) == postgres


async def test_a_socket_that_was_removed_comes_back(data_dir: Path) -> None:
    async with embedded(data_dir) as database:
        postgres = pid_of_postgres(data_dir)
        (at(data_dir).socket / ".s.PGSQL.5432").unlink()
        await wait_until(lambda: is_gone(postgres))
        await database.ensure()
        assert await value(database.dsn, "SELECT 1") == 1


async def test_a_postgres_that_cannot_start_is_told_with_its_own_words(data_dir: Path) -> None:
    async with embedded(data_dir):
        pass
    await wait_nothing_left(data_dir)
    local = at(data_dir).config / "local.conf"
    good = local.read_text()
    local.write_text("shared_buffers = lots\n")
    with pytest.raises(
        Unstartable, match=r"does not start: configuration file.*local.conf.*contains errors"
    ) as told:
        async with embedded(data_dir):
            pass
    assert str(at(data_dir).postgres_log) in (told.value.hint or "")
    local.write_text(good + "work_mem = '9MB'\n")
    async with embedded(data_dir) as database:
        assert await value(database.dsn, "SHOW work_mem") == "9MB"


async def test_a_log_does_not_grow_for_ever(data_dir: Path) -> None:
    async with embedded(data_dir):
        log = at(data_dir).postgres_log
        with log.open("a") as file:
            file.write("LOG:  something\n" * 600_000)
        await wait_until(lambda: log.stat().st_size < 100_000)
        assert log.with_suffix(".log.1").stat().st_size > 8_000_000
