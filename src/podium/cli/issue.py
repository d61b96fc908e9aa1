"""Make, list and revoke keys in the database itself, where no server serves."""

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from podium.api.resources.keys import KeyGiven
from podium.cli.client import Json
from podium.config.load import load
from podium.errors import InvalidRequest
from podium.identity import Key, Keyring, Keys, NewKey
from podium.kit import clock
from podium.store.database import Database
from podium.store.embedded.attach import embedded
from podium.store.migrate import is_current, migrate

Done = TypeVar("Done")


def create_key(data_dir: Path, wanted: Json) -> Json:
    """Make a key; `wanted` and the answer as `POST /v1/keys` has them.

    Raises:
        InvalidRequest: a member is wrong.
    """
    try:
        given = KeyGiven.model_validate(wanted)
    except ValidationError as error:
        [first, *_] = error.errors()
        raise InvalidRequest(f"{first['loc'][0]}: {first['msg']}.", param=str(first["loc"][0])) from error

    async def make(keys: Keys) -> Json:
        issued = await keys.create(NewKey(**given.model_dump()))
        return {**_shown(issued.key), "key": issued.secret}

    return asyncio.run(_with_keys(data_dir, make))


def list_keys(data_dir: Path) -> list[Json]:
    """Every key, newest first."""

    async def find(keys: Keys) -> list[Json]:
        found: list[Key] = []
        while page := await keys.list(None, before=found[-1].id if found else None, limit=100):
            found += page
        return [_shown(key) for key in found]

    return asyncio.run(_with_keys(data_dir, find))


def revoke_key(data_dir: Path, key_id: str) -> None:
    """End a key.

    Raises:
        Unknown: there is none of this id.
    """

    async def end(keys: Keys) -> None:
        await keys.revoke(key_id, None)

    asyncio.run(_with_keys(data_dir, end))


def _shown(key: Key) -> Json:
    expires_at = clock.rfc3339(key.expires_at) if key.expires_at else None
    return {**asdict(key), "created_at": clock.rfc3339(key.created_at), "expires_at": expires_at}


async def _with_keys(data_dir: Path, do: Callable[[Keys], Awaitable[Done]]) -> Done:
    """Do it in the database, which is started for the purpose and made if it is not there."""
    async with _dsn(data_dir) as dsn:
        if not await is_current(dsn):
            await migrate(dsn)
        database = Database(dsn, readers=1)
        keyring = Keyring(database, None)
        await database.open()
        try:
            return await do(Keys(database, keyring))
        finally:
            await keyring.close()
            await database.close()


@contextlib.asynccontextmanager
async def _dsn(data_dir: Path) -> AsyncGenerator[str, None]:
    settings = load({"data_dir": data_dir}, os.environ, Path.cwd())
    if settings.server.database_url is not None:
        yield settings.server.database_url
        return
    async with embedded(data_dir) as database:
        yield database.dsn
