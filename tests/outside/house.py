"""Podium as its operator runs it, before the stand-in host, and a client that speaks to its doors over HTTP.

async with open_house() as house:
    passage = await house.pass_through(host_wire, door_request, reply)
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import aiohttp

from tests.cli.installation import installed
from tests.outside.exchange import WIRES, Reply, Wire
from tests.outside.host import Host, Sent, hosting

LANES = 4
"""Endpoints of each wire, so that as many calls run at a time."""

_BASE = {"openai_chat": "/v1", "anthropic": "", "gemini": ""}
_LONG = aiohttp.ClientTimeout(total=60)


@dataclass(frozen=True)
class Question:
    """What a client sends to a door. In `path` and `body`, the model is `{endpoint}/…`, filled in by the house."""

    path: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Got:
    """What the client gets; `broken` where the connection ended before the answer did."""

    status: int
    headers: dict[str, str]
    body: bytes
    broken: bool = False

    @property
    def dropped(self) -> list[str]:
        """The members that `x-podium-dropped` names."""
        return [each for each in self.headers.get("x-podium-dropped", "").split(", ") if each]


@dataclass(frozen=True)
class Passage:
    """One question on its way: what reached the host, and what came back to the client."""

    sent: tuple[Sent, ...]
    got: Got


@dataclass
class House:
    """A running Podium with its host."""

    url: str
    key: str
    host: Host
    http: aiohttp.ClientSession
    free: dict[Wire, asyncio.Queue[str]] = field(default_factory=dict)

    async def pass_through(self, wire: Wire, question: Question, reply: Reply) -> Passage:
        """Ask, on a lane of its own, and let the host reply so."""
        name = await self.free[wire].get()
        lane = self.host.lane(name)
        lane.reply, lane.sent = reply, []
        try:
            got = await self._ask(replace_model(question, name))
            return Passage(tuple(lane.sent), got)
        finally:
            self.free[wire].put_nowait(name)

    async def _ask(self, question: Question) -> Got:
        headers = {
            "authorization": f"Bearer {self.key}",
            "content-type": "application/json",
            **dict(question.headers),
        }
        async with self.http.post(
            self.url + question.path, data=question.body, headers=headers, timeout=_LONG
        ) as answer:
            said = {key.lower(): value for key, value in answer.headers.items()}
            body, broken = bytearray(), False
            try:
                async for piece in answer.content.iter_any():
                    body += piece
            except aiohttp.ClientError:
                broken = True
            return Got(answer.status, said, bytes(body), broken)


def replace_model(question: Question, endpoint: str) -> Question:
    """The question to a model at this endpoint."""
    mark = b"{endpoint}"
    return replace(
        question,
        path=question.path.replace(mark.decode(), endpoint),
        body=question.body.replace(mark, endpoint.encode(), 1),
    )


def _settings(host: Host) -> str:
    tables = ["allow_unpriced = true", "[resilience]", "attempts = 1", "breaker_failures = 0"]
    for wire in WIRES:
        for at in range(LANES):
            name = f"{wire}_{at}"
            tables += [
                f"[endpoints.{name}]",
                f'wire = "{wire}"',
                f'base_url = "{host.url}/{name}{_BASE[wire]}"',
            ]
    return "\n".join(tables) + "\n"


@asynccontextmanager
async def open_house() -> AsyncGenerator[House, None]:
    """`podium serve` in its own process, on a data directory of its own; nothing is left of it afterwards."""
    async with hosting() as host:
        with installed() as podium:
            (podium.place / "podium.toml").write_text(_settings(host))
            await asyncio.to_thread(podium.serve)
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
                house = House(podium.url, podium.key, host, http)
                for wire in WIRES:
                    house.free[wire] = asyncio.Queue()
                    for at in range(LANES):
                        house.free[wire].put_nowait(f"{wire}_{at}")
                yield house
