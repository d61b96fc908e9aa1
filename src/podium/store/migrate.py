"""Bring the schema up to date: revisions are run once each, functions are replaced whenever they change.

Several servers may start at once: an advisory lock lets one work and the others find nothing left to do. A schema newer
than this code is refused, so that an old server never writes into tables that it does not understand.
"""

import hashlib
import re
from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable

import asyncpg

from podium.errors import OperatorError
from podium.store.connect import connect
from podium.store.failure import translated

_LOCK = 0x706F6469756D  # "podium"
_SCHEMA = "CREATE TABLE IF NOT EXISTS schema_revision (revision text NOT NULL, functions text NOT NULL)"
_TABLE = re.compile(r"^CREATE TABLE (\w+)", re.MULTILINE)
_TAKEN = """
SELECT min(relname) FROM pg_class WHERE relnamespace = to_regnamespace(current_schema()) AND relname = ANY ($1)
   AND to_regclass('schema_revision') IS NULL
"""  # said again: another server may have made all of it meanwhile
_FOREIGN = (asyncpg.DuplicateTableError, asyncpg.DuplicateObjectError, asyncpg.InvalidFunctionDefinitionError)


async def is_current(dsn: str) -> bool:
    """Whether nothing is left to do.

    Raises:
        OperatorError: the schema is newer than this code, or another program's.
        Unavailable: the database does not answer.
    """
    with translated():
        connection = await connect(dsn, timeout=10)
        try:
            return await _present(connection) == (_head(), _digest())
        finally:
            await connection.close()


async def migrate(dsn: str) -> None:
    """Run missing revisions and replace changed functions.

    Raises:
        OperatorError: the schema is newer than this code, or another program's, or the role may not change it.
        Unavailable: the database does not answer.
    """
    with translated():
        connection = await connect(dsn, timeout=10)
        try:
            await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
            present = await _present(connection)
            if present != (_head(), _digest()):
                await _upgrade(connection, present[0])
        except _FOREIGN as error:
            raise _not_ours(f"part ({error})") from error
        except asyncpg.InsufficientPrivilegeError as error:
            raise OperatorError(
                f"The database role may not change the schema: {error}",
                hint="Give the role of DATABASE_URL the right CREATE on its database and schema.",
            ) from error
        finally:
            await connection.close()


async def _present(connection: asyncpg.Connection) -> tuple[str, str]:
    """The revision and the digest of the functions that are there; empty where there is nothing yet."""
    if await connection.fetchval("SELECT to_regclass('schema_revision')") is None:
        await _refuse_others(connection)
        return "", ""
    try:
        row = await connection.fetchrow("SELECT revision, functions FROM schema_revision")
    except asyncpg.UndefinedColumnError as error:
        raise _not_ours('table "schema_revision"') from error
    if row is None:
        return "", ""
    if row["revision"] > _head():
        raise OperatorError(
            f"The database's schema is at revision {row['revision']}, newer than this Podium, which knows {_head()}.",
            hint="Install the Podium that made it, or a newer one.",
        )
    return row["revision"], row["functions"]


async def _refuse_others(connection: asyncpg.Connection) -> None:
    """Raise OperatorError if tables of another program are where Podium's would be made."""
    made = [name for script in _all_scripts() for name in _TABLE.findall(script.read_text(encoding="utf-8"))]
    taken = await connection.fetchval(_TAKEN, made)
    if taken is not None:
        raise _not_ours(f'table "{taken}"')


def _not_ours(what: str) -> OperatorError:
    return OperatorError(
        f"The database is not empty and not Podium's: it holds another program's {what}.",
        hint="Name another database in DATABASE_URL, an empty one.",
    )


async def _upgrade(connection: asyncpg.Connection, present: str) -> None:
    async with connection.transaction():
        await connection.execute(_SCHEMA)
        for revision in _revisions():
            if revision.name > present:
                for script in _scripts(revision):
                    await connection.execute(script.read_text(encoding="utf-8"))
        for script in _functions():
            await connection.execute(script.read_text(encoding="utf-8"))
        await connection.execute("DELETE FROM schema_revision")
        await connection.execute("INSERT INTO schema_revision VALUES ($1, $2)", _head(), _digest())


def _revisions() -> list[Traversable]:
    folder = resources.files("podium.store.migrations")
    return sorted((each for each in folder.iterdir() if each.name[0].isdigit()), key=lambda each: each.name)


def _all_scripts() -> Iterator[Traversable]:
    """Those of every revision."""
    for revision in _revisions():
        yield from _scripts(revision)


def _head() -> str:
    return _revisions()[-1].name


def _functions() -> Iterator[Traversable]:
    for folder in sorted(resources.files("podium").iterdir(), key=lambda each: each.name):
        if folder.is_dir() and (folder / "sql").is_dir():
            yield from _scripts(folder / "sql")


def _scripts(folder: Traversable) -> list[Traversable]:
    return sorted(
        (each for each in folder.iterdir() if each.name.endswith(".sql")), key=lambda each: each.name
    )


def _digest() -> str:
    digest = hashlib.sha256()
    for script in _functions():
        digest.update(script.read_bytes())
    return digest.hexdigest()
