"""What the tests of the doors' surface share: the simulator as a host of each wire, and a host that is not there."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

from aiohttp import web

from podium.catalogue.catalogue import Catalogue
from podium.catalogue.endpoint import Endpoint, Resilience
from podium.catalogue.profile import Profile
from podium.simulator import Simulator

WIRES = ("openai_chat", "anthropic", "gemini")


def hosts(host: Simulator) -> Catalogue:
    """Endpoints named like their wires, asked once and never given up on; a route, a listed model, a dead endpoint."""
    once = Resilience(attempts=1, breaker_failures=0)
    bases = {"openai_chat": host.url, "anthropic": host.root, "gemini": host.root}
    endpoints = [Endpoint(name=wire, wire=wire, base_url=bases[wire], resilience=once) for wire in WIRES]
    gone = host.refusing_url.removesuffix("/v1")
    dead = [replace(each, name=f"dead_{each.name}", base_url=gone) for each in endpoints]
    small = Profile(endpoint="openai_chat", model="small", context_window=128_000, output_limit=4_000)
    return Catalogue(
        endpoints={each.name: each for each in (*endpoints, *dead)},
        profiles={small.name: small},
        routes={
            "fast": ("openai_chat/small", "gemini/small"),
            "none": ("dead_openai_chat/a", "dead_gemini/b"),
        },
        default_model="openai_chat/small",
        allow_unpriced=True,
    )


@asynccontextmanager
async def playing(bodies: Mapping[str, bytes], *, status: int = 200) -> AsyncGenerator[str, None]:
    """A host that answers each path with the same bytes, JSON or events, always; its address."""

    async def speak(http: web.Request) -> web.Response:
        body = bodies[http.path]
        kind = "text/event-stream" if body.startswith(b"data:") else "application/json"
        return web.Response(status=status, body=body, content_type=kind)

    app = web.Application()
    for path in bodies:
        app.router.add_post(path, speak)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
