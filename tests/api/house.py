"""Podium's HTTP face on a real socket and a real database, and a client that keeps whole answers."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import msgspec

from podium.api.application import build
from podium.api.front import HotRoute
from podium.api.passage import Limits
from podium.api.services import Services
from podium.identity import Keyring, Keys, digest
from podium.store.database import Database
from tests.serving import serving

OPERATOR = "operators-own-words-as-a-key"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def error(self) -> dict[str, Any]:
        found = self.json["error"]
        assert set(found) == {"code", "message", "param", "hint", "turn_id"}
        return dict(found)


@dataclass
class House:
    """A server and everything a test needs to call it."""

    url: str
    database: Database
    keyring: Keyring
    http: aiohttp.ClientSession
    forgotten: list[str] = field(default_factory=list)

    async def call(
        self,
        method: str,
        path: str,
        key: str | None = OPERATOR,
        *,
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> Answer:
        sent = {**({"authorization": f"Bearer {key}"} if key else {}), **(headers or {})}
        async with self.http.request(method, self.url + path, headers=sent, **more) as answer:
            return Answer(
                answer.status, {k.lower(): v for k, v in answer.headers.items()}, await answer.read()
            )

    async def key(self, tenant: str, user: str, scope: str = "member", **more: Any) -> str:
        body = {"tenant": tenant, "user": user, "scope": scope, **more}
        answer = await self.call("POST", "/v1/keys", json=body)
        assert answer.status == 200, answer.body
        return str(answer.json["key"])

    async def conversation(self, key: str, **members: Any) -> str:
        answer = await self.call("POST", "/v1/conversations", key, json=members)
        assert answer.status == 200, answer.body
        return str(answer.json["id"])

    async def say(self, conversation: str, *texts: str, turn: str | None = None) -> None:
        """Put messages into a conversation, as a turn would."""
        for text in texts:
            parts = msgspec.json.encode([{"type": "text", "text": text}]).decode()
            await self.put(conversation, parts, turn=turn)

    async def put(self, conversation: str, parts: str, *, turn: str | None = None) -> None:
        await self.database.fetch(
            """
            WITH c AS (UPDATE conversations SET messages = messages + 1 WHERE id = $1 RETURNING messages)
            INSERT INTO messages (conversation_id, position, id, speaker, role, parts, turn_id)
            SELECT $1, c.messages, 'msg_' || md5($1 || c.messages), 'user', 'user', $2, $3 FROM c
            """,
            conversation,
            parts,
            turn,
        )


@asynccontextmanager
async def house(
    dsn: str, *, hot: Sequence[HotRoute] = (), limits: Limits | None = None, **more: Any
) -> AsyncGenerator[House, None]:
    database = Database(dsn)
    await database.open()
    keyring = Keyring(database, digest(OPERATOR))
    forgotten: list[str] = []

    async def forget(conversation: str) -> None:
        forgotten.append(conversation)

    services = Services(
        database=database,
        keyring=keyring,
        keys=Keys(database, keyring),
        forget_turns=forget,
        **more,
    )
    try:
        async with (
            serving(build(services, hot, limits=limits or Limits())) as url,
            aiohttp.ClientSession() as http,
        ):
            yield House(url, database, keyring, http, forgotten)
    finally:
        await keyring.close()
        await database.close()


async def raw(url: str, request: bytes) -> bytes:
    """Send these bytes and read until the server closes."""
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(request)
        await writer.drain()
        async with asyncio.timeout(10):
            return await reader.read()
    finally:
        writer.close()
