"""A user of the embedded database in a process of its own, and ways to look at the database from outside.

Run as a program (`user.py DATA_DIR`) it says how it fares in one line of JSON, holds the database until its standard
input ends, and leaves.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg

from podium.errors import PodiumError
from podium.store.embedded.attach import Outcome, embedded, status, wait_stopped

DEADLINE = 30.0


class User:
    """A process that uses the database; `dsn` once it is ready, or `error` and `hint`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._said: dict[str, str] | None = None

    @classmethod
    async def start(cls, data_dir: Path, **env: str) -> "User":
        """Start one in a process group of its own."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            __file__,
            str(data_dir),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, **env},
            process_group=0,
        )
        return cls(process)

    async def said(self) -> dict[str, str]:
        """Its address as `dsn`, or its `error` and `hint`; waits for it."""
        if self._said is None:
            assert self._process.stdout is not None
            async with asyncio.timeout(DEADLINE):
                self._said = json.loads(await self._process.stdout.readline())
        return self._said

    async def dsn(self) -> str:
        said = await self.said()
        assert "dsn" in said, said
        return said["dsn"]

    async def leave(self) -> int:
        """Let it go in peace; its exit status."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        return await self._gone()

    async def kill(self) -> None:
        """Kill it with -9, if it still lives."""
        if self._process.returncode is None:
            self._process.kill()
        await self._gone()

    async def press_ctrl_c(self) -> None:
        """Send SIGINT to the whole group, as a terminal does."""
        os.killpg(self._process.pid, signal.SIGINT)
        await self._gone()

    async def _gone(self) -> int:
        assert self._process.stdout is not None
        async with asyncio.timeout(DEADLINE):
            await self._process.stdout.read()
            return await self._process.wait()


async def wait_until(is_so: Callable[[], bool], *, within: float = DEADLINE) -> None:
    """Return when the condition holds, which other processes bring about; fail if it does not in time."""
    async with asyncio.timeout(within):
        while not is_so():  # noqa: ASYNC110  # no event of this process says so
            await asyncio.sleep(0.01)


async def value(dsn: str, sql: str, *args: object) -> Any:
    """The first column of the first row of one statement, over a connection of its own."""
    connection = await asyncpg.connect(dsn, timeout=DEADLINE)
    try:
        return await connection.fetchval(sql, *args)
    finally:
        await connection.close()


def pid_of_postgres(data_dir: Path) -> int:
    pid = status(data_dir).postgres
    assert pid is not None, "Postgres is not to be seen"
    return pid


def pid_of_keeper(data_dir: Path) -> int:
    pid = status(data_dir).keeper
    assert pid is not None, "there is no keeper"
    return pid


def is_gone(pid: int) -> bool:
    """Whether no such process runs any more; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


async def wait_nothing_left(data_dir: Path) -> None:
    """Return when neither keeper nor Postgres run any more."""
    assert await wait_stopped(data_dir, within=DEADLINE) is Outcome.STOPPED
    await wait_until(
        lambda: not processes_of(data_dir), within=5
    )  # the keeper's last act is to free its lock
    left = status(data_dir)
    assert (left.keeper, left.postgres, left.dsn) == (None, None, None)


def processes_of(data_dir: Path) -> list[str]:
    """The command lines of keepers and Postgres processes of this directory."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if str(data_dir) in line and ("keeper" in line or "postgres" in line):
            lines.append(line)
    return lines


async def _wait_for_end_of_input() -> None:
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), ended.set)  # nothing is ever written to it
    await ended.wait()


async def _use(data_dir: Path) -> None:
    try:
        async with embedded(data_dir) as database:
            print(json.dumps({"dsn": database.dsn}), flush=True)
            await _wait_for_end_of_input()
    except PodiumError as error:
        print(json.dumps({"error": error.message, "hint": error.hint}), flush=True)


if __name__ == "__main__":
    asyncio.run(_use(Path(sys.argv[1])))
