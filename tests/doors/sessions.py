"""Callers of the two doors that have sessions, over plain HTTP.

ann = await caller(server, "ann")                    # with a key of her own
told = await ann.ask("POST", "/chat", {"message": "hello"})
told.status, told.json, told.events …
"""

from dataclasses import dataclass, field
from typing import Any

import aiohttp
import asyncpg
import msgspec

from tests.doors.podium import Podium


@dataclass(frozen=True)
class Told:
    """An answer: of a stream what each event's `data` holds, else the JSON."""

    status: int
    headers: dict[str, str]
    json: Any = None
    events: list[Any] = field(default_factory=list)

    @property
    def error(self) -> Any:
        return self.json["error"]

    @property
    def text(self) -> str:
        return "".join(event["text"] for event in self.events if event["type"] == "delta")


@dataclass(frozen=True)
class Caller:
    """Somebody with a key."""

    server: Podium
    key: str

    async def ask(self, method: str, path: str, body: object = None, **headers: str) -> Told:
        """One request, heard to its end."""
        sent = {"authorization": f"Bearer {self.key}", **{k.replace("_", "-"): v for k, v in headers.items()}}
        more: dict[str, Any] = {"json": body} if body is not None else {}
        async with (
            aiohttp.ClientSession() as http,
            http.request(method, self.server.url + path, headers=sent, **more) as answer,
        ):
            data = await answer.read()
            said = {name.lower(): value for name, value in answer.headers.items()}
            if "event-stream" not in said["content-type"]:
                return Told(answer.status, said, msgspec.json.decode(data))
        frames = [frame for frame in data.split(b"\n\n") if frame.startswith(b"data: ")]
        events = [msgspec.json.decode(frame.removeprefix(b"data: ")) for frame in frames]
        return Told(answer.status, said, events=events)

    async def good(self, method: str, path: str, body: object = None, **headers: str) -> Any:
        """The JSON of a good answer."""
        told = await self.ask(method, path, body, **headers)
        assert told.status == 200, told
        return told.json


async def caller(server: Podium, user: str, *, tenant: str = "acme", scope: str = "member") -> Caller:
    """A caller with a new key."""
    wanted = {"tenant": tenant, "user": user, "scope": scope, "tier": "unlimited"}
    made = await server.call("POST", "/v1/keys", json=wanted)
    return Caller(server, made["key"])


async def let_hours_pass(dsn: str, hours: float = 2.0) -> None:
    """Make everything that was said that much older."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(
            "UPDATE conversations SET updated_at = updated_at - $1 * interval '1 hour'", hours
        )
    finally:
        await connection.close()
