"""Make, list and revoke keys: through the server where one serves, else in the database itself."""

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
from podium.cli.target import NotServing, Target
from podium.config.load import load
from podium.errors import InvalidRequest
from podium.identity import Key, Keyring, Keys, NewKey
from podium.kit import clock, ids
from podium.store.database import Database
from podium.store.embedded.attach import embedded
from podium.store.migrate import is_current, migrate

Done = TypeVar("Done")


def create_key(target: Target, wanted: Json) -> Json:
    """Make a key; `wanted` and the answer as `POST /v1/keys` has them.

    Raises:
        InvalidRequest: a member is wrong.
    """
    try:
        given = KeyGiven.model_validate(wanted)
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidRequest(f"--{first['loc'][0]}: {first['msg']}.".replace("_at", "")) from error

    async def make(keys: Keys) -> Json:
        issued = await keys.create(NewKey(**given.model_dump()))
        return {**_shown(issued.key), "key": issued.secret}

    try:
        made: Json = target.client().ask("POST", "/v1/keys", given.model_dump(mode="json"))
    except NotServing:
        return asyncio.run(_directly(target, make))
    return made


def list_keys(target: Target) -> list[Json]:
    """Every key, newest first."""

    async def find(keys: Keys) -> list[Json]:
        found: list[Key] = []
        while page := await keys.list(None, before=found[-1].id if found else None, limit=100):
            found += page
        return [_shown(key) for key in found]

    try:
        return list(target.client().pages("/v1/keys"))
    except NotServing:
        return asyncio.run(_directly(target, find))


def revoke_key(target: Target, key_id: str) -> None:
    """End a key.

    Raises:
        Unknown, Refused: there is none of this id.
    """

    async def end(keys: Keys) -> None:
        await keys.revoke(key_id, None)

    try:
        name = key_id if ids.is_id("key", key_id) else ids.nobody("key")
        target.client().ask("DELETE", f"/v1/keys/{name}")
    except NotServing:
        asyncio.run(_directly(target, end))


def _shown(key: Key) -> Json:
    expires_at = clock.rfc3339(key.expires_at) if key.expires_at else None
    return {**asdict(key), "created_at": clock.rfc3339(key.created_at), "expires_at": expires_at}


async def _directly(target: Target, do: Callable[[Keys], Awaitable[Done]]) -> Done:
    """Do it in the database, which is started for the purpose and made if it is not there."""
    async with _dsn(target.data_dir) as dsn:
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
