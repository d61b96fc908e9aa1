"""Whatever a request names, the server calls the hosts that its operator configured and nobody else."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from tests.doors.podium import Podium


@asynccontextmanager
async def bait() -> AsyncGenerator[tuple[str, list[bytes]], None]:
    """An address that nobody configured; what arrives there."""
    arrived: list[bytes] = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.append(await reader.read(1024))
        writer.close()

    server = await asyncio.start_server(note, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", arrived


@pytest.mark.promise("reach")
async def test_no_request_makes_the_server_call_an_address_of_the_callers(server: Podium) -> None:
    async with bait() as (url, arrived):
        image = {"type": "image_url", "image_url": {"url": f"{url}/cat.png"}}
        bodies = [
            {"model": "lab/small", "messages": [{"role": "user", "content": [image]}]},
            {
                "model": "lab/small",
                "messages": [{"role": "user", "content": "hi"}],
                "base_url": url,
                "api_base": url,
            },
            {"model": f"{url}/v1", "messages": [{"role": "user", "content": "hi"}]},
            {"model": "lab/../../" + url, "messages": [{"role": "user", "content": "hi"}]},
            {
                "model": "lab/small",
                "messages": [{"role": "user", "content": f"[[fault redirect to={url}/]]"}],
            },
        ]
        for body in bodies:
            async with server.http.post(f"{server.url}/v1/chat/completions", json=body) as answer:
                await answer.read()
                assert answer.status < 600
        conversation = await server.conversation()
        media = {"type": "image", "media": {"kind": "url", "value": f"{url}/cat.png"}}
        await server.call("POST", f"/v1/conversations/{conversation}/turns", json={"input": [media]})
        assert not arrived
