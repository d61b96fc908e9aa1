"""Bring the schema up to date: revisions by Alembic, functions by replacement.

Several servers may start at once: an advisory lock lets one work and the others find nothing left to do. A schema newer
than this code is refused, so that an old server never writes into tables that it does not understand.
"""

import hashlib
from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import asyncpg

from podium.errors import OperatorError
from podium.store.failure import translated

_LOCK = 0x706F6469756D  # "podium"
_VERSIONS = resources.files("podium.store.migrations") / "versions"


async def is_current(dsn: str) -> bool:
    """Whether nothing is left to do.

    Raises:
        OperatorError: the schema is newer than this code.
    """
    with translated():
        connection = await asyncpg.connect(dsn, timeout=10)
        try:
            return await _is_current(connection)
        finally:
            await connection.close()


async def migrate(dsn: str) -> None:
    """Run missing revisions and replace changed functions.

    Raises:
        OperatorError: the schema is newer than this code, or the role may not change it.
    """
    with translated():
        connection = await asyncpg.connect(dsn, timeout=10)
        try:
            await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
            if await _is_current(connection):
                return
            await _upgrade(dsn)
            await _replace_functions(connection)
        except asyncpg.InsufficientPrivilegeError as error:
            raise OperatorError(
                f"The database role may not change the schema: {error}",
                hint="Give the role of DATABASE_URL the right CREATE on its database and schema.",
            ) from error
        finally:
            await connection.close()


async def _is_current(connection: asyncpg.Connection) -> bool:
    if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
        return False
    there = await connection.fetchval("SELECT version_num FROM alembic_version")
    if there is not None and there > _head():
        raise OperatorError(
            f"The database's schema is at revision {there}, newer than this Podium, which knows {_head()}.",
            hint="Install the Podium that made it, or a newer one.",
        )
    digest = await connection.fetchval(
        "SELECT obj_description(to_regclass('alembic_version')::oid, 'pg_class')"
    )
    return bool(there == _head() and digest == _digest())


async def _upgrade(dsn: str) -> None:
    from alembic import command  # deferred: half a second and 30 MB that an up-to-date start does not need
    from alembic.config import Config
    from sqlalchemy.ext.asyncio import create_async_engine

    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(dsn, timeout=10)

    config = Config()
    with resources.as_file(resources.files("podium.store.migrations")) as folder:
        config.set_main_option("script_location", str(folder))
        engine = create_async_engine("postgresql+asyncpg://", async_creator=connect)

        def upgrade(connection: object) -> None:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

        async with engine.begin() as connection:
            await connection.run_sync(upgrade)
        await engine.dispose()


def execute_folder(revision_file: str) -> None:
    """Run the SQL files beside a revision, several statements each, within its transaction."""
    from alembic import op
    from sqlalchemy.util import await_only

    driver: Any = op.get_bind().connection.driver_connection
    for script in sorted(Path(revision_file).with_suffix("").glob("*.sql")):
        await_only(driver.execute(script.read_text(encoding="utf-8")))


async def _replace_functions(connection: asyncpg.Connection) -> None:
    async with connection.transaction():
        for script in _functions():
            await connection.execute(script.read_text(encoding="utf-8"))
        # The digest lives where no table is needed for it: in the comment of Alembic's own.
        await connection.execute(f"COMMENT ON TABLE alembic_version IS '{_digest()}'")


def _head() -> str:
    return max(entry.name[:4] for entry in _VERSIONS.iterdir() if entry.name.endswith(".py"))


def _functions() -> Iterator[Traversable]:
    for folder in sorted(resources.files("podium").iterdir(), key=lambda entry: entry.name):
        sql = folder / "sql"
        if folder.is_dir() and sql.is_dir():
            yield from sorted((s for s in sql.iterdir() if s.name.endswith(".sql")), key=lambda s: s.name)


def _digest() -> str:
    digest = hashlib.sha256()
    for script in _functions():
        digest.update(script.read_bytes())
    return digest.hexdigest()
