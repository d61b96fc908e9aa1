"""A network that breaks when a request has been delivered: a relay before a server that cuts answers off."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

LONG = 30.0


@dataclass
class Relay:
    """Carries calls to the server. Of these it cuts the next `cuts`.

    It cuts at the first byte of the answer, or before that, as soon as `when` is true.
    """

    server: str
    cuts: int = 0
    when: Callable[[], bool] | None = None
    asked: int = 0
    url: str = ""

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, for one call."""
        parts = urlsplit(self.server)
        far_reader, far_writer = await asyncio.open_connection(parts.hostname, parts.port)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                await self._carry(reader, writer, (far_reader, far_writer))
        finally:
            writer.close()
            far_writer.close()

    async def _carry(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        far: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        length = next(
            (int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length:")), 0
        )
        self.asked += 1
        is_cut, self.cuts = self.cuts > 0, max(self.cuts - 1, 0)
        head = head[:-2] + b"connection: close\r\n\r\n"
        far[1].write(head + await reader.readexactly(length))
        if is_cut and self.when is not None:
            await wait_until(self.when)
            return
        while data := await far[0].read(1 << 16):
            if is_cut:
                return
            writer.write(data)
            await writer.drain()


async def wait_until(sees: Callable[[], object]) -> None:
    """Return when it is so."""
    async with asyncio.timeout(LONG):
        while not sees():  # noqa: ASYNC110  # what a test sees is seldom anybody's event
            await asyncio.sleep(0.01)


@asynccontextmanager
async def relay(server: str) -> AsyncGenerator[Relay, None]:
    """A relay on a port of its own."""
    made = Relay(server)
    tasks: set[asyncio.Task[None]] = set()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        await made.carry(reader, writer)

    listening = await asyncio.start_server(carry, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        listening.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
