"""The users' side: use the embedded database, and see whether it runs.

A user is any process that holds the users' lock shared. As long as one does, the keeper keeps Postgres running; if
there is no keeper, the user starts one.
"""

import asyncio
import contextlib
import logging
import os
import subprocess
import sys
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import NoReturn

from podium.kit import clock
from podium.store.embedded import address, lock
from podium.store.embedded.address import Answer
from podium.store.embedded.directory import DataDirectory, at, claim, open_log
from podium.store.embedded.failure import Unstartable, Unusable
from podium.store.embedded.postmaster import find_pid
from podium.store.embedded.wheel import find_programs

logger = logging.getLogger(__name__)

# Seconds.
_TICK = 0.02
_LONGEST_TICK = 0.5
_WATCH = 1.0
_LONG = 5.0

_SURE = 3  # looks
_TRIES = 3
_KEEPER = "podium.store.embedded.keeper"


@dataclass(frozen=True)
class Embedded:
    """A database that runs as long as this process wants it."""

    directory: DataDirectory
    dsn: str
    """For asyncpg, libpq and the programs below."""
    programs: Path
    """The directory of `psql`, `pg_dump` and their like, of the same version."""

    async def ensure(self) -> None:
        """Return when the database answers; a keeper is started if there is none. Waits as long as Postgres recovers.

        Raises:
            Unstartable: the keeper gave up.
        """
        await _ensure(self.directory)

    async def watch(self) -> NoReturn:
        """Replace the keeper whenever it has died, for ever; to be run as a task of a process that lives long."""
        while True:
            await asyncio.sleep(_WATCH)
            if not lock.is_free(self.directory.keeper_lock):
                continue
            logger.warning("The keeper of %s is gone; starting another", self.directory.path)
            try:
                await self.ensure()
            except (Unstartable, OSError) as error:
                logger.error("No database: %s", error)  # noqa: TRY400  # its place in our code says nothing


class Outcome(Enum):
    """What became of the database after its user left."""

    STOPPED = "stopped"
    IN_USE = "another process uses it"
    LATE = "it is still stopping"


@dataclass(frozen=True)
class Status:
    """What can be seen of an embedded database from outside, without starting anything."""

    directory: DataDirectory
    answer: Answer
    dsn: str | None
    """None unless it is ready."""
    postgres: int | None
    """The process, if it runs and can be seen."""
    keeper: int | None
    """The process, if it lives."""


@contextlib.asynccontextmanager
async def embedded(data_dir: Path) -> AsyncGenerator[Embedded, None]:
    """Use the embedded database of a data directory; it is made and started if need be.

    Raises:
        Unusable: the data directory cannot serve.
        Unstartable: Postgres could not be started.
    """
    directory = claim(data_dir)
    users = await _enter(directory)
    try:
        await _ensure(directory)
        try:
            yield Embedded(directory=directory, dsn=address.dsn(directory), programs=find_programs())
        finally:
            # If the keeper was killed, nobody else would stop Postgres. Of a removed directory nothing is left to stop.
            with contextlib.suppress(FileNotFoundError):
                await asyncio.to_thread(_start_keeper, directory)
    finally:
        os.close(users)


async def wait_stopped(data_dir: Path, *, within: float) -> Outcome:
    """Wait until the keeper has stopped the database, unless others use it; at most `within` seconds."""
    directory = at(data_dir)
    deadline = clock.monotonic() + within
    seen = 0
    while clock.monotonic() < deadline:
        if lock.is_free(directory.keeper_lock):
            return Outcome.STOPPED
        # More than once, because a keeper that looks whether all have left holds the lock for a moment, too.
        is_used = not lock.is_free(directory.users_lock) and lock.is_free(directory.users_lock, shared=True)
        seen = seen + 1 if is_used else 0
        if seen == _SURE:
            return Outcome.IN_USE
        await asyncio.sleep(_TICK)
    return Outcome.LATE


def status(data_dir: Path) -> Status:
    """Look at the embedded database of a data directory from outside. Takes two seconds at most.

    Raises:
        Unusable: the directory is closed to who asks.
    """
    directory = at(data_dir)
    try:
        answer = address.ask(directory)
        is_kept = not lock.is_free(directory.keeper_lock)
        return Status(
            directory=directory,
            answer=answer,
            dsn=address.dsn(directory) if answer is Answer.READY else None,
            postgres=find_pid(directory),
            keeper=_keeper_words(directory)[0] if is_kept else None,
        )
    except PermissionError as error:
        raise Unusable(
            f"The data directory {directory.path} is closed to you.", hint="Ask as who runs Podium there."
        ) from error


async def _enter(directory: DataDirectory) -> int:
    """Hold the users' lock. It is not to be had while a keeper stops the database, which may take a moment."""
    late = clock.monotonic() + _LONG
    while (users := lock.take(directory.users_lock, shared=True)) is None:
        if clock.monotonic() > late:
            logger.warning(
                "The database in %s is still stopping; see %s", directory.path, directory.keeper_log
            )
            late = clock.monotonic() + _LONG
        await asyncio.sleep(_TICK)
    return users


async def _ensure(directory: DataDirectory) -> None:
    tries = 0
    tick = _TICK
    late = clock.monotonic() + _LONG
    while True:
        if await asyncio.to_thread(_start_keeper, directory, tries=tries):
            tries += 1
        elif await asyncio.to_thread(address.ask, directory) is Answer.READY:
            return
        if clock.monotonic() > late:
            log = directory.postgres_log
            logger.warning("The database in %s is still starting; see %s", directory.path, log)
            late = clock.monotonic() + _LONG
        await asyncio.sleep(tick)
        tick = min(1.2 * tick, _LONGEST_TICK)


def _start_keeper(directory: DataDirectory, *, tries: int = 0) -> bool:
    """Start a keeper unless there is one; whether it did. Returns well before the database is ready.

    Raises:
        Unstartable: the last of so many tries of the same caller gave up, or all of them died.
    """
    held = lock.take(directory.keeper_lock)
    if held is None:
        return False
    log = open_log(directory.keeper_log)
    try:
        if tries:
            _raise_last_words(directory, tries)
        lock.write(held, "")
        subprocess.run(
            [sys.executable, "-P", "-m", _KEEPER, str(directory.path), str(held)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(held,),
            start_new_session=True,  # Ctrl-C in our terminal is not meant for it
            check=False,
        )
    finally:
        os.close(log)
        os.close(held)
    return True


def _raise_last_words(directory: DataDirectory, tries: int) -> None:
    """Raise Unstartable with what our last keeper said when it gave up; it was killed if it said nothing."""
    _, message, hint = _keeper_words(directory)
    if message or tries == _TRIES:
        raise Unstartable(
            message or f"The keeper of {directory.path} died {tries} times without a word.",
            hint=hint or f"Its log: {directory.keeper_log}",
        )


def _keeper_words(directory: DataDirectory) -> tuple[int | None, str, str]:
    """The pid of the last keeper, and why it gave up and what to do, if it did."""
    pid, message, hint = ((directory.keeper_lock.read_text() + "\n\n\n").split("\n"))[:3]
    return (int(pid) if pid.isdigit() else None), message, hint
