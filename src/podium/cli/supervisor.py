"""The parent of an installation's processes: database, server processes, local model. It serves nobody itself."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import AsyncGenerator, Coroutine
from pathlib import Path

from podium.cli.banner import banner
from podium.cli.crew import Berth, Crew
from podium.cli.listening import listen, url_of
from podium.cli.occupancy import note, occupied
from podium.config.home import get_admin_key, get_home
from podium.config.settings import Settings
from podium.errors import OperatorError
from podium.kit import ids
from podium.providers.local.model import LocalModel
from podium.store.embedded.attach import Outcome, embedded, wait_stopped
from podium.store.embedded.directory import claim
from podium.store.migrate import is_current

logger = logging.getLogger(__name__)

_LONG_STOP = 60.0  # seconds for Postgres to write what it holds


class Wishes:
    """What the operator wants: the first Ctrl-C or SIGTERM asks to stop, the second to stop at once."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.hurry = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._hear)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # which is how nohup says it
            loop.add_signal_handler(signal.SIGHUP, self._hear)

    def _hear(self) -> None:
        if self.stop.is_set():
            self.hurry.set()
        self.stop.set()


async def supervise(settings: Settings) -> None:
    """Serve until the operator wants it to stop, and return when everything has.

    Raises:
        OperatorError: the data directory, the port or the database cannot be used.
    """
    wishes = Wishes()
    data_dir = settings.data_dir
    _make(settings)
    async with occupied(data_dir) as held:
        with listen(settings.server.host, settings.server.port) as listening:
            key = get_admin_key(data_dir, settings.admin_key)
            settings = settings.model_copy(update={"admin_key": key.value})
            model = _local_model(settings)
            berth = Berth(settings, get_home(data_dir), ids.new("boot"), listening, held)
            crew = Crew(berth, model.address if model else None)
            async with contextlib.AsyncExitStack() as stack:
                crew.start()
                try:
                    if await _until(wishes.stop, _start(settings, crew, stack)):
                        note(held, url_of(listening))
                        print(banner(settings, key, url_of(listening)), flush=True)
                        await wishes.stop.wait()
                        _say_stopping(settings)
                finally:
                    listening.close()  # who comes now is refused, not left waiting
                    await crew.stop(wishes.hurry)
                    if model is not None:
                        await model.close()
        if settings.server.database_url is None:
            await _until(wishes.hurry, _wait_database(data_dir))


async def _start(settings: Settings, crew: Crew, stack: contextlib.AsyncExitStack) -> None:
    dsn = await stack.enter_async_context(_database(settings))
    if not await is_current(dsn):
        await _migrate(dsn)
    await crew.go(dsn)


@contextlib.asynccontextmanager
async def _database(settings: Settings) -> AsyncGenerator[str, None]:
    """The address of a database that answers."""
    if settings.server.database_url is not None:
        yield settings.server.database_url
        return
    async with embedded(settings.data_dir) as database:
        watching = asyncio.create_task(database.watch(), name="watch the keeper")
        try:
            yield database.dsn
        finally:
            watching.cancel()
            await asyncio.wait((watching,))


async def _migrate(dsn: str) -> None:
    command = (sys.executable, "-P", "-m", "podium.cli.migrate")
    environment = {**os.environ, "DATABASE_URL": dsn}
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdin=asyncio.subprocess.DEVNULL
    )
    try:
        if await process.wait():
            raise OperatorError("The database's schema could not be brought up to date; the reason is above.")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _wait_database(data_dir: Path) -> None:
    outcome = await wait_stopped(data_dir, within=_LONG_STOP)
    if outcome is not Outcome.STOPPED:
        logger.warning("The database goes on for now: %s.", outcome.value)


def _make(settings: Settings) -> None:
    """The data directory. Without a database in it nothing in it needs to be reached by another account."""
    if settings.server.database_url is None:
        claim(settings.data_dir)
        return
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise OperatorError(
            f"The data directory {settings.data_dir} cannot be made: {error.strerror}.",
            hint="Choose another with --data-dir or PODIUM_DATA_DIR.",
        ) from error


def _local_model(settings: Settings) -> LocalModel | None:
    if settings.weights is None:
        return None
    api_key = settings.catalogue.endpoints["local"].api_key or ""
    return LocalModel(settings.weights, api_key, log=settings.data_dir / "local.log")


def _say_stopping(settings: Settings) -> None:
    seconds = settings.server.drain_seconds
    print(f"\nStopping: running turns may take {seconds:.0f} s to end. Once more stops at once.", flush=True)


async def _until(event: asyncio.Event, doing: Coroutine[None, None, None]) -> bool:
    """Whether `doing` was done before the event came, at which it is cancelled. Raises what it raises."""
    task = asyncio.create_task(doing)
    waiting = asyncio.create_task(event.wait())
    try:
        await asyncio.wait((task, waiting), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
            return True
        return False
    finally:
        waiting.cancel()
        task.cancel()
        await asyncio.wait((task, waiting))
