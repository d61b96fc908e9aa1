"""The parent of an installation's processes: database, server processes, local model. It serves nobody itself."""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncGenerator, Coroutine
from dataclasses import replace
from pathlib import Path

from podium.cli.banner import banner
from podium.cli.crew import Crew, Orders
from podium.cli.listening import listen, url_of
from podium.cli.logs import log_plainly
from podium.cli.occupancy import note, occupied
from podium.cli.wishes import Wishes
from podium.config.home import get_admin_key, get_home
from podium.config.load import Flags, load
from podium.config.settings import Settings
from podium.errors import OperatorError, Unavailable, ended
from podium.kit import clock, ids
from podium.providers.local.model import LocalModel
from podium.store.database import refuse_transaction_pooler
from podium.store.embedded.attach import Outcome, embedded, wait_stopped
from podium.store.embedded.directory import claim
from podium.store.migrate import migrate

logger = logging.getLogger(__name__)

_STOPPING = "Stopping: running turns may take {:.0f} s to end. Once more stops at once."
_LONG_START = 30.0  # seconds for a database of the operator's own to come up
_PAUSE = 1.0
_LONG_STOP = 60.0  # seconds for Postgres to write what it holds


async def supervise(crew: Crew, flags: Flags, wishes: Wishes) -> None:
    """Read the settings and serve until the operator wishes it to stop; return when everything has stopped.

    The crew may be loading its code already.

    Raises:
        OperatorError: the settings are wrong; the data directory, the port or the database cannot be used.
    """
    try:
        settings = load(flags, os.environ, Path.cwd())
        log_plainly(settings.server)
        crew.enlist(settings.server.workers)
        _make_directory(settings)
        async with occupied(settings.data_dir) as held:
            await _occupy(settings, crew, wishes, held)
    finally:
        await crew.stop(wishes.hurry)


async def _occupy(settings: Settings, crew: Crew, wishes: Wishes, held: int) -> None:
    """Serve from a data directory that is ours alone."""
    data_dir = settings.data_dir
    key = get_admin_key(data_dir, settings.admin_key)
    settings = settings.model_copy(update={"admin_key": key.value})
    model = _local_model(settings)
    async with contextlib.AsyncExitStack() as stack:
        listening = stack.enter_context(listen(settings.server.host, settings.server.port))
        url = url_of(listening)
        orders = Orders(
            settings=settings,
            home=get_home(data_dir),
            boot=ids.new("boot"),
            listening=listening,
            lock=held,
            model=model.address if model is not None else None,
        )
        try:
            if await _until(wishes.stop, _start(orders, crew, stack)):
                note(held, url)
                print(banner(settings, key, url), flush=True)
                await wishes.stop.wait()
                print(f"\n{_STOPPING.format(settings.server.drain_seconds)}", flush=True)
        finally:
            listening.close()  # who comes now is refused, not left waiting
            await crew.stop(wishes.hurry)
            if model is not None:
                await model.close()
    if settings.server.database_url is None:
        await _until(wishes.hurry, _wait_database(data_dir))


async def _start(orders: Orders, crew: Crew, stack: contextlib.AsyncExitStack) -> None:
    """Have a database that is up to date, and let the crew serve from it."""
    settings = orders.settings
    dsn = await stack.enter_async_context(_database(settings))
    await migrate(dsn)
    server = settings.server.model_copy(update={"database_url": dsn})
    await crew.go(replace(orders, settings=settings.model_copy(update={"server": server})))


@contextlib.asynccontextmanager
async def _database(settings: Settings) -> AsyncGenerator[str, None]:
    """The address of a database that answers."""
    if settings.server.database_url is not None:
        await _wait_answer(settings.server.database_url)
        yield settings.server.database_url
        return
    async with embedded(settings.data_dir) as database:
        watching = asyncio.create_task(database.watch(), name="watch the keeper")
        try:
            yield database.dsn
        finally:
            watching.cancel()
            await asyncio.wait((watching,))


async def _wait_answer(dsn: str) -> None:
    """Return when the operator's own database answers: machines may start it at the same time as this server.

    Raises:
        OperatorError: it does not within half a minute, or it is a pooler that cannot serve.
    """
    patient_until = clock.monotonic() + _LONG_START
    hint = f"Is DATABASE_URL right, and does it run? For {_LONG_START:.0f} s it may still come. "
    while True:
        try:
            await refuse_transaction_pooler(dsn)
        except Unavailable as error:
            if clock.monotonic() > patient_until:
                raise OperatorError(
                    ended(error.message),
                    hint="See to the database that DATABASE_URL names, or to DATABASE_URL.",
                ) from error
            logger.warning("%s %sTrying again.", ended(error.message), hint)
            hint = ""
            await asyncio.sleep(_PAUSE)
        else:
            return


async def _wait_database(data_dir: Path) -> None:
    outcome = await wait_stopped(data_dir, within=_LONG_STOP)
    if outcome is not Outcome.STOPPED:
        logger.warning("The database goes on for now: %s.", outcome.value)


def _make_directory(settings: Settings) -> None:
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
