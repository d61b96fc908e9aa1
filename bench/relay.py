"""The floor: the least that a Python server between a client and a model's host can do.

    python -m bench.relay PORT UPSTREAM

The same libraries as Podium's own front and back, and nothing between them.
"""

import contextlib
import sys
from collections.abc import AsyncGenerator

import aiohttp
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

_JSON = {"content-type": "application/json"}


def build(upstream: str) -> Starlette:
    """Send each body on and hand back what comes, as it comes."""

    @contextlib.asynccontextmanager
    async def session(app: Starlette) -> AsyncGenerator[None, None]:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as app.state.session:
            yield

    async def relay(request: Request) -> Response:
        session: aiohttp.ClientSession = request.app.state.session
        body = await request.body()
        answer = await session.post(f"{upstream}/chat/completions", data=body, headers=_JSON)
        media_type = answer.headers["content-type"]
        if media_type != "text/event-stream":
            return Response(await answer.read(), answer.status, media_type=media_type)
        return StreamingResponse(answer.content.iter_any(), answer.status, media_type=media_type)

    routes = [
        Route("/v1/chat/completions", relay, methods=["POST"]),
        Route("/ready", PlainTextResponse("ready")),
    ]
    return Starlette(routes=routes, lifespan=session)


if __name__ == "__main__":
    app = build(sys.argv[2])
    port = int(sys.argv[1])
    uvicorn.run(app, port=port, http="httptools", loop="uvloop", access_log=False, log_level="warning")
