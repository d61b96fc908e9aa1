"""A receiver of webhooks: it keeps all that it is sent, and answers as it is told."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import web

from podium.ledger.webhook import Webhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # no UTF-8, as most are not


@dataclass(frozen=True)
class Delivery:
    """One message as it came."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    def check(self) -> None:
        """Verify the signature by the words of the specification."""
        told = f"{self.id}.{self.headers['webhook-timestamp']}.".encode() + self.body
        key = base64.b64decode(SECRET.removeprefix("whsec_"))
        expected = base64.b64encode(hmac.new(key, told, hashlib.sha256).digest()).decode()
        assert self.headers["webhook-signature"] == f"v1,{expected}"


@dataclass
class Receiver:
    """Answers with `answers`, one after the other, then with 204; 0 is silence."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    freed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def webhook(self) -> Webhook:
        return Webhook(f"{self.url}/hook?token=hush", SECRET)

    async def take(self, request: web.Request) -> web.Response:
        self.deliveries.append(Delivery(request.path, request.headers.copy(), await request.read()))
        status = self.answers.pop(0) if self.answers else 204
        if not status:
            await self.freed.wait()
            status = 204
        return web.Response(
            status=status, headers={"location": f"{self.url}/elsewhere", "set-cookie": "seen=1"}
        )


@asynccontextmanager
async def receiving(*answers: int) -> AsyncGenerator[Receiver, None]:
    """Receive on a free port."""
    receiver = Receiver(answers=list(answers))
    app = web.Application()
    app.router.add_route("*", "/{any:.*}", receiver.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        receiver.url = f"http://localhost:{port}"  # cookies are kept for names alone
        yield receiver
    finally:
        receiver.freed.set()
        await runner.cleanup()
