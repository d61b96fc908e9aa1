"""The database itself, for commands that read it past any server."""

import contextlib
import os
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path

from podium.config.load import load
from podium.store.database import Database
from podium.store.embedded.attach import embedded
from podium.store.migrate import is_current, migrate


@contextlib.asynccontextmanager
async def stored(options: Mapping[str, Path | None]) -> AsyncGenerator[Database, None]:
    """The database that the settings name; the embedded one is started for the purpose where it is not running.

    Raises:
        OperatorError: the installation is wrong.
        Unavailable: the database does not answer.
    """
    settings = load(dict(options), os.environ, Path.cwd())
    async with contextlib.AsyncExitStack() as stack:
        dsn = settings.server.database_url
        if dsn is None:
            dsn = (await stack.enter_async_context(embedded(settings.data_dir))).dsn
        if not await is_current(dsn):
            await migrate(dsn)
        database = Database(dsn, readers=1)
        await database.open()
        stack.push_async_callback(database.close)
        yield database
