"""A real `podium serve` that can be killed at any step, a simulator as its model, and clients that keep all they hear.

async with mortal() as podium:
    listener = podium.listen(conversation, "hello")
    podium.order("server after turn_open 1")
    …
"""

import asyncio
import os
import re
import signal
import subprocess
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from podium.simulator import Simulator
from tests.cli.installation import Installation, installed
from tests.simulator.serving import simulator

KILLING = Path(__file__).parent / "killing"
LONG = 30.0
ENDS = {"completed", "failed", "cancelled", "interrupted"}

_FRAME = re.compile(rb"id: (\d+)\nevent: ([a-z_.]+)\ndata: (\{.*\})\Z")


@dataclass(frozen=True)
class Frame:
    """One event as it came over the wire."""

    seq: int
    kind: str
    data: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.data)


@dataclass
class Heard:
    """What a client of a stream has received so far."""

    frames: list[Frame] = field(default_factory=list)
    turn: str | None = None
    status: int | None = None
    error: Any = None
    broken: bool = False
    task: "asyncio.Task[None] | None" = None

    @property
    def text(self) -> str:
        return "".join(frame.json["text"] for frame in self.frames if frame.kind == "text.delta")

    @property
    def deltas(self) -> int:
        return sum(frame.kind == "text.delta" for frame in self.frames)

    @property
    def end(self) -> Any:
        """The turn that the terminal event carries; None as long as there is none."""
        if self.frames and self.frames[-1].kind.removeprefix("turn.") in ENDS:
            return self.frames[-1].json["turn"]
        return None

    async def done(self) -> None:
        assert self.task is not None
        async with asyncio.timeout(LONG):
            await self.task


async def wait_for(sees: Callable[[], object], *, within: float = LONG) -> None:
    async with asyncio.timeout(within):
        while not sees():  # noqa: ASYNC110  # what a test sees is seldom anybody's event
            await asyncio.sleep(0.005)


class Client:
    """Calls one server as its operator."""

    def __init__(self, http: aiohttp.ClientSession, url: Callable[[], str], key: str) -> None:
        self._http = http
        self._url = url
        self._headers = {"authorization": f"Bearer {key}"}
        self._tasks: set[asyncio.Task[Any]] = set()

    async def ask(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """Status and JSON."""
        more: dict[str, Any] = {"json": body} if body is not None else {}
        async with self._http.request(
            method, self._url() + path, headers={**self._headers, **(headers or {})}, **more
        ) as answer:
            data = await answer.read()
            return answer.status, msgspec.json.decode(data) if data else None

    async def good(self, method: str, path: str, body: object = None, **more: Any) -> Any:
        """The JSON of a good answer; while the server is away, tries again."""
        async with asyncio.timeout(LONG):
            while True:
                with suppress(aiohttp.ClientError, OSError):
                    status, told = await self.ask(method, path, body, **more)
                    if status != 503:
                        assert status < 300, (path, status, told)
                        return told
                await asyncio.sleep(0.05)  # sleep: between two tries

    async def conversation(self) -> str:
        return str((await self.good("POST", "/v1/conversations", {}))["id"])

    def say(self, conversation: str, text: str, *, key: str | None = None, **members: Any) -> Heard:
        """Start a turn and listen to it."""
        body = {"input": text, "stream": True, **members}
        headers = {"idempotency-key": key} if key else {}
        return self._hear("POST", f"/v1/conversations/{conversation}/turns", body, headers)

    def chat(self, text: str, *, key: str | None = None, **members: Any) -> Heard:
        """A stateless call over OpenAI's dialect; only its turn's id and status are kept."""
        body = {"messages": [{"role": "user", "content": text}], "stream": True, **members}
        return self._hear("POST", "/v1/chat/completions", body, {"idempotency-key": key} if key else {})

    def follow(self, turn: str, after: int = 0) -> Heard:
        """Listen to a turn from an event on."""
        return self._hear("GET", f"/v1/turns/{turn}/events?after={after}", None, {})

    async def events(self, turn: str, after: int = 0) -> list[Frame]:
        """All events of a turn to its end."""
        async with asyncio.timeout(LONG):
            while True:
                heard = self.follow(turn, after)
                await heard.done()
                if heard.status == 200 and not heard.broken:
                    return heard.frames
                await asyncio.sleep(0.05)  # sleep: between two tries

    async def turns(self, conversation: str) -> list[Any]:
        """A conversation's turns, oldest first."""
        page = await self.good("GET", f"/v1/turns?conversation={conversation}&limit=100")
        return list(reversed(page["data"]))

    async def wait_turns(self, conversation: str, number: int) -> None:
        """Return when the conversation has so many turns."""
        async with asyncio.timeout(LONG):
            while len(await self.turns(conversation)) < number:  # noqa: ASYNC110  # the server knows it alone
                await asyncio.sleep(0.01)

    async def ended(self, conversation: str, *, within: float = LONG) -> list[Any]:
        """The same, once all have ended."""
        async with asyncio.timeout(within):
            while True:
                turns = await self.turns(conversation)
                if all(turn["status"] in ENDS for turn in turns):
                    return turns
                await asyncio.sleep(0.02)  # sleep: between two looks

    async def ended_turn(self, turn: str, *, within: float = LONG) -> Any:
        """A turn, once it has ended."""
        async with asyncio.timeout(within):
            while True:
                seen = await self.good("GET", f"/v1/turns/{turn}")
                if seen["status"] in ENDS:
                    return seen
                await asyncio.sleep(0.02)  # sleep: between two looks

    async def items(self, conversation: str) -> list[tuple[str, str]]:
        """Role and text of each message, whose positions are checked to be gap-free."""
        page = await self.good("GET", f"/v1/conversations/{conversation}/items?limit=100")
        assert [item["position"] for item in page["data"]] == list(range(1, len(page["data"]) + 1))
        return [
            (item["role"], "".join(part.get("text", "") for part in item["parts"])) for item in page["data"]
        ]

    async def story(self, turn: str) -> Any:
        return await self.good("GET", f"/v1/turns/{turn}/explain")

    def _hear(self, method: str, path: str, body: object, headers: dict[str, str]) -> Heard:
        heard = Heard()
        heard.task = asyncio.create_task(self._listen(heard, method, path, body, headers))
        self._tasks.add(heard.task)
        heard.task.add_done_callback(self._tasks.discard)
        return heard

    async def _listen(
        self, heard: Heard, method: str, path: str, body: object, headers: dict[str, str]
    ) -> None:
        more: dict[str, Any] = {"json": body} if body is not None else {}
        try:
            async with self._http.request(
                method, self._url() + path, headers={**self._headers, **headers}, **more
            ) as answer:
                heard.status = answer.status
                heard.turn = answer.headers.get("x-podium-turn")
                if "event-stream" not in answer.headers["content-type"]:
                    heard.error = msgspec.json.decode(await answer.read())
                    return
                rest = b""
                async for chunk in answer.content.iter_any():
                    *whole, rest = (rest + chunk).split(b"\n\n")
                    for text in whole:
                        if found := _FRAME.match(text):
                            heard.frames.append(Frame(int(found[1]), found[2].decode(), found[3]))
        except (aiohttp.ClientError, OSError):
            heard.broken = True

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class Mortal(Client):
    """An installation that can be killed."""

    def __init__(self, installation: Installation, host: Simulator, http: aiohttp.ClientSession) -> None:
        self.installation = installation
        self.host = host
        self._order = installation.place / "kill"
        super().__init__(http, self._address, installation.key)
        self._known_url = installation.url

    def _address(self) -> str:
        return self._known_url

    def order(self, who_when_step: str, number: int = 1) -> None:
        """Have a process die: see killing/sitecustomize.py."""
        self._order.write_text(f"{who_when_step} {number}")

    @property
    def struck(self) -> bool:
        """Whether the order was carried out."""
        return not self._order.exists()

    def server(self) -> int:
        """The server process."""
        return self.installation.servers()[0]

    async def kill(self, who: str) -> None:
        """Kill the server process, or its parent, now."""
        os.kill(self.server() if who == "server" else self.installation.pid, signal.SIGKILL)

    async def revive(self) -> None:
        """Start the installation again if its parent is dead, else its parent does it; return when somebody serves."""
        process = self.installation.process
        assert process is not None
        with suppress(subprocess.TimeoutExpired):
            # A parent that was killed is seen dead at once.
            await asyncio.to_thread(process.wait, 0.15)
        if process.poll() is not None:
            await asyncio.to_thread(self.installation.serve)
            self.moved()
        await self.good("GET", "/v1/models")

    def moved(self) -> None:
        """A new parent serves on another port."""
        self._known_url = self.installation.url

    async def stopped(self) -> int:
        """End it as an operator does; its exit status."""
        return await asyncio.to_thread(self.installation.stop)


def session() -> aiohttp.ClientSession:
    """A client that opens a connection for each call: a kept one may lead to a process that is dead."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(force_close=True, limit=0),
        timeout=aiohttp.ClientTimeout(total=None, sock_read=LONG),
    )


def config(host: Simulator) -> str:
    return (
        'default_model = "lab/small"\nallow_unpriced = true\n'
        f'[endpoints.lab]\nwire = "openai_chat"\nbase_url = "{host.url}"\n'
        '[models."lab/small"]\ncontext_window = 128000\nprice = { input = "0.15", output = "0.60" }\n'
    )


@asynccontextmanager
async def mortal(
    *, host: Simulator | None = None, arguments: tuple[str, ...] = (), **environment: str
) -> AsyncGenerator[Mortal, None]:
    """A running installation."""
    async with simulator() as own:
        with installed(PYTHONPATH=str(KILLING), **environment) as installation:
            installation.environment["PODIUM_TEST_KILL"] = str(installation.place / "kill")
            (installation.place / "podium.toml").write_text(config(host or own))
            await asyncio.to_thread(installation.serve, *arguments)
            async with session() as http:
                podium = Mortal(installation, host or own, http)
                try:
                    yield podium
                finally:
                    await podium.close()
            await asyncio.to_thread(installation.end)
