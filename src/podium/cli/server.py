"""One server process, started by `podium serve` and never by hand.

    python -m podium.cli.server LINK

It inherits the link to its parent. It loads its code while its parent still reads the settings and starts the database,
waits for its orders, serves, and ends when it is told to or when its parent is gone.
"""

import asyncio
import contextlib
import ctypes
import gc
import logging
import math
import os
import signal
import socket
import sys
from dataclasses import replace

import uvicorn
import uvloop
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from podium.api.correlation import Correlated
from podium.api.entrance import entrance
from podium.app import App
from podium.cli.accepting import Accepting
from podium.cli.crew import STOP_SECONDS, WRONG_INSTALLATION
from podium.cli.link import Link, Message, take_over
from podium.cli.logs import log_plainly
from podium.cli.told import tell
from podium.config.hosts import SIMULATOR
from podium.config.place import Place
from podium.config.server import Server
from podium.config.settings import Settings
from podium.errors import OperatorError, PodiumError, Unreachable

_KEEP_ALIVE = 65  # seconds: more than the 60 after which common proxies close theirs
_CROWD = 100_000  # objects more than at the last look: what some hundred calls have in hand at once
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class ModelAsker:
    """Asks the parent where the local model is; the parent starts it if it does not run."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._answer: asyncio.Future[str] | None = None

    async def __call__(self) -> str:
        """Its base URL.

        Raises:
            Unreachable: it cannot be started.
        """
        if self._answer is None or self._answer.done():
            self._answer = asyncio.get_running_loop().create_future()
            await self._link.send(model=True)
        return await asyncio.shield(self._answer)

    def hear(self, message: Message) -> None:
        """Take the parent's answer."""
        if self._answer is None or self._answer.done():
            return
        if message["model"] is None:
            self._answer.set_exception(Unreachable(message["why"]))
            self._answer.exception()  # its askers may have left
        else:
            self._answer.set_result(message["model"])


class Serving(uvicorn.Server):
    """uvicorn's server: it takes connections many at a time, tells the parent when it is ready, ends turns first."""

    def __init__(self, config: uvicorn.Config, link: Link, app: App) -> None:
        super().__init__(config)
        self._link = link
        self._app = app
        self._accepting: list[Accepting] = []

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup([])
        if self.started:
            _spare_collector()
            _trust_generators()
            self._accepting = [Accepting(each, self._protocol) for each in sockets or ()]
            await self._link.send(ready=True)

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # At once, so that turns which take too long are stopped while those who listen to them can still be told.
        for each in self._accepting:
            each.close()
        self._app.is_draining = True
        draining = asyncio.create_task(self._app.turns.drain(self._app.settings.server.drain_seconds))
        await super().shutdown(sockets)
        await draining

    def _protocol(self) -> HttpToolsProtocol:
        return HttpToolsProtocol(self.config, self.server_state, self.lifespan.state)


def main() -> int:
    """Serve until told to stop; the exit status."""
    _die_with_parent()
    link_end = socket.socket(fileno=int(sys.argv[1]))
    inherited = take_over(link_end, 2)
    if len(inherited) < 2:
        return 0  # the parent is gone, or found that it has nothing to serve
    listening = socket.socket(fileno=inherited[0])  # the other is a lock, held by being open
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(link_end, listening))
    except PodiumError as error:
        tell(error)
        return WRONG_INSTALLATION if isinstance(error, OperatorError) else 1
    return 0


async def _serve(link_end: socket.socket, listening: socket.socket) -> None:
    link = await Link.over(link_end)
    orders = await link.receive()
    if orders is None:
        return
    settings, place = Settings.model_validate(orders["settings"]), Place(**orders["place"])
    log_plainly(settings.server, Correlated())
    logging.getLogger("uvicorn").setLevel(logging.WARNING)  # its steps are no news beside the parent's
    async with contextlib.AsyncExitStack() as stack:
        if settings.catalogue.default_model == SIMULATOR.name:
            settings = await _simulated(settings, stack)
        model = ModelAsker(link)
        hearing = asyncio.create_task(_hear(link, model))
        app = App(settings, place, model)
        await stack.enter_async_context(app.opened())  # here, so that what it raises is told plainly
        await Serving(_config(app), link, app).serve(sockets=[listening])
        hearing.cancel()


def _config(app: App) -> uvicorn.Config:
    return uvicorn.Config(
        entrance(app),
        access_log=False,
        http="httptools",
        lifespan="off",
        log_config=None,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=math.ceil(app.settings.server.drain_seconds + STOP_SECONDS),
        timeout_keep_alive=_KEEP_ALIVE,
        ws="none",
    )


async def _hear(link: Link, model: ModelAsker) -> None:
    async with contextlib.aclosing(link.messages()) as messages:
        async for message in messages:
            model.hear(message)
    os._exit(1)  # the parent was killed: its lock must not be held by who has nobody to stop it


async def _simulated(settings: Settings, stack: contextlib.AsyncExitStack) -> Settings:
    """Where no model is to be had, a simulator in this process answers, unless one was named."""
    from podium.simulator import Options, serving  # only here: most servers have a model

    if settings.server.simulator_url != Server.model_fields["simulator_url"].default:
        return settings
    simulator = await stack.enter_async_context(serving(Options()))
    catalogue = settings.catalogue
    endpoint = replace(catalogue.endpoints["simulator"], base_url=simulator.url)
    endpoints = {**catalogue.endpoints, "simulator": endpoint}
    return settings.model_copy(update={"catalogue": replace(catalogue, endpoints=endpoints)})


def _spare_collector() -> None:
    """Have the collector of cycles look seldom, and never at what is there when serving begins.

    Nearly all that a call leaves goes with its last reference. Left alone, the collector looks every 700 objects, which
    a few calls at once have in hand, and a look at everything stops the server for some 50 ms.
    """
    gc.freeze()
    gc.set_threshold(_CROWD, 10, 10)


def _trust_generators() -> None:
    """Have the loop keep no list of the generators to be closed at its end: who iterates ours closes them.

    A call takes about ten, each of which would be put on the list and struck off: a thirtieth of its time.
    """
    sys.set_asyncgen_hooks(firstiter=None)


def _die_with_parent() -> None:
    """On Linux the kernel ends this process with its parent, however that dies and whatever this process does then.

    Elsewhere, and if the parent died before this call, the end of the link does it.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
