"""The simulator as a server: uvicorn's HTTP protocol on a socket of our own, with the bare connection in reach."""

import asyncio
import logging
import signal
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass

import uvicorn
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from podium.errors import OperatorError
from podium.simulator.app import Stage, staged
from podium.simulator.option import Options
from podium.simulator.oracle import Oracle
from podium.simulator.pipe import TRANSPORT

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Simulator:
    """A running simulator. `url` is what a wire's SDK takes as base URL, `refusing_url` refuses every connection.

    `connections` counts the open ones, idle or not.
    """

    root: str
    url: str
    refusing_url: str
    oracle: Oracle
    connections: Callable[[], int]


class _Protocol(HttpToolsProtocol):
    """uvicorn's protocol, which also hands out its transport."""

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {TRANSPORT: self.transport}  # type: ignore[dict-item]  # not ASGI's own


@asynccontextmanager
async def serving(
    options: Options, *, host: str = "127.0.0.1", port: int = 0, refusing_port: int = 0
) -> AsyncGenerator[Simulator, None]:
    """Serve in this event loop until the block ends; what is still being answered then is broken off.

    A port of 0 is any free one. `refusing_port` is held without being listened to, so that it refuses connections.

    Raises:
        OperatorError: a port is taken, or the script is wrong.
    """
    stage = Stage(options)
    config = uvicorn.Config(
        staged(stage), lifespan="off", access_log=False, log_config=None, ws="none", timeout_keep_alive=75
    )
    state = ServerState()
    with closing(_bound(host, port)) as ours, closing(_bound(host, refusing_port)) as refusing:
        server = await asyncio.get_running_loop().create_server(
            lambda: _Protocol(config, state, {}), sock=ours, backlog=2048
        )
        root = f"http://{_authority(ours)}"
        try:
            refused = f"http://{_authority(refusing)}/v1"
            yield Simulator(root, f"{root}/v1", refused, stage.oracle, lambda: len(state.connections))
        finally:
            server.close()
            for connection in list(state.connections):
                connection.transport.abort()
            while state.tasks:
                await asyncio.wait(state.tasks, timeout=1.0)
            stage.oracle.close()


async def serve(
    options: Options,
    *,
    host: str = "127.0.0.1",
    port: int = 8090,
    refusing_port: int = 0,
    started: Callable[[Simulator], None] | None = None,
) -> None:
    """Serve until cancelled, or told to stop by SIGINT or SIGTERM. `started` is called once it can be reached.

    Raises:
        OperatorError: as `serving`.
    """
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # where there are no signals, as on Windows
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with serving(options, host=host, port=port, refusing_port=refusing_port) as simulator:
        _log.info("simulator.started url=%s", simulator.url)
        if started is not None:
            started(simulator)
        await stop.wait()


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(
        family, socket.SOCK_STREAM, socket.IPPROTO_TCP
    )  # without it asyncio leaves Nagle on
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise OperatorError(
            f"The simulator cannot listen on {host}:{port}: {error.strerror}.", hint="Choose another --port."
        ) from None
    return bound


def _authority(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
