"""A stand-in host: it answers each call on a lane with what was put there, and keeps what it was sent."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from tests.outside.exchange import Reply

_NOTHING = Reply(599, "text/plain", b"nothing was to be asked here")


@dataclass(frozen=True)
class Sent:
    """A request as it reached the host; `path` with its query, header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Lane:
    """One endpoint's place at the host: a call at a time."""

    reply: Reply = _NOTHING
    sent: list[Sent] = field(default_factory=list)


@dataclass
class Host:
    """The host; lanes come into being when they are named."""

    url: str = ""
    lanes: dict[str, Lane] = field(default_factory=dict)

    def lane(self, name: str) -> Lane:
        return self.lanes.setdefault(name, Lane())

    async def _answer(self, request: web.Request) -> web.Response:
        name, _, rest = request.raw_path.removeprefix("/").partition("/")
        lane = self.lane(name)
        headers = {key.lower(): value for key, value in request.headers.items()}
        lane.sent.append(Sent(f"/{rest}", headers, await request.read()))
        reply = lane.reply
        return web.Response(
            status=reply.status,
            body=reply.body,
            headers={"content-type": reply.kind, **dict(reply.headers)},
        )


@asynccontextmanager
async def hosting() -> AsyncGenerator[Host, None]:
    """A host on a free port."""
    host = Host()
    app = web.Application(client_max_size=64 << 20)
    app.router.add_route("*", "/{rest:.*}", host._answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield host
    finally:
        await runner.cleanup()
