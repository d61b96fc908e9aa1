"""The server processes of one `podium serve`: started, started again when they die, stopped together."""

import asyncio
import contextlib
import logging
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from podium.cli.link import Link
from podium.config.place import Place
from podium.errors import OperatorError, PodiumError
from podium.kit import clock

if TYPE_CHECKING:
    from podium.config.settings import Settings  # pydantic takes as long as all the rest of this file

logger = logging.getLogger(__name__)

WRONG_INSTALLATION = 2
"""The exit status of a server process that has told the operator what to mend."""

STOP_SECONDS = 8.0
"""Beyond the drain time: for turns that take too long to be stopped, and their listeners told."""

# Seconds.
_MARGIN = STOP_SECONDS + 2.0  # for a process to end by itself
_YOUNG = 10.0
_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 15.0
_TRIES = 3

ModelAddress = Callable[[], Awaitable[str]]
"""Starts the local model if it does not run, and gives its base URL; raises PodiumError where it cannot."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What every server process of a crew is told: its settings, where and under which lock it serves, who it is."""

    settings: "Settings"
    home: str
    boot: str
    listening: socket.socket
    lock: int
    model: ModelAddress | None


class Crew:
    """Server processes, one for each slot.

    They are started before anything else is known, since loading their code takes longer than all the rest; then they
    wait for their orders.
    """

    def __init__(self) -> None:
        self._orders: asyncio.Future[Orders] = asyncio.get_running_loop().create_future()
        self._processes: dict[int, asyncio.subprocess.Process] = {}
        self._slots: list[asyncio.Task[None]] = []
        self._ready: list[asyncio.Event] = []
        self._leaving = asyncio.Event()

    def enlist(self, number: int) -> None:
        """Have this many server processes."""
        for slot in range(len(self._slots), number):
            self._ready.append(asyncio.Event())
            self._slots.append(asyncio.create_task(self._keep(slot), name=f"server {slot}"))

    async def go(self, orders: Orders) -> None:
        """Let them serve; returns when all do.

        Raises:
            OperatorError: one of them cannot.
        """
        self._orders.set_result(orders)
        ready = asyncio.create_task(self._wait_ready())
        await asyncio.wait((ready, *self._slots), return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        for slot in self._slots:
            if slot.done():
                await slot

    async def stop(self, hurry: asyncio.Event) -> None:
        """Let all finish their turns, within the drain time or until `hurry`; then end what is left."""
        self._leaving.set()
        self._signal(signal.SIGTERM)
        hurried = asyncio.create_task(hurry.wait())
        slots = asyncio.gather(*self._slots, return_exceptions=True)
        await asyncio.wait((slots, hurried), timeout=self._patience(), return_when=asyncio.FIRST_COMPLETED)
        hurried.cancel()
        self._signal(signal.SIGKILL)
        await slots
        self._orders.cancel()

    def _patience(self) -> float:
        has_orders = self._orders.done() and not self._orders.cancelled()
        return _MARGIN + (self._orders.result().settings.server.drain_seconds if has_orders else 0.0)

    async def _wait_ready(self) -> None:
        for event in self._ready:
            await event.wait()

    def _signal(self, number: signal.Signals) -> None:
        for process in self._processes.values():
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(number)

    async def _keep(self, slot: int) -> None:
        """Have one server process in this slot until the crew leaves."""
        young_deaths = 0
        while not self._leaving.is_set():
            began = clock.monotonic()
            status = await self._serve(slot)
            if self._leaving.is_set():
                return
            young_deaths = young_deaths + 1 if clock.monotonic() - began < _YOUNG else 0
            if not self._ready[slot].is_set() and (status == WRONG_INSTALLATION or young_deaths >= _TRIES):
                raise OperatorError(
                    "The server cannot start."
                    if status == WRONG_INSTALLATION
                    else f"The server process died {_TRIES} times while it started ({_how(status)})."
                )
            pause = 0.0 if young_deaths < 2 else min(_FIRST_PAUSE * 2 ** (young_deaths - 1), _LONGEST_PAUSE)
            logger.warning("Server process %d %s; the next one starts in %.1f s", slot, _how(status), pause)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._leaving.wait(), pause)

    async def _serve(self, slot: int) -> int:
        """Run one server process to its end; its exit status."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                "-m",
                "podium.cli.server",
                str(theirs.fileno()),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,  # Ctrl-C in our terminal is for the parent, which lets turns finish
            )
        self._processes[slot] = process
        if self._leaving.is_set():
            self._signal(signal.SIGTERM)
        link = await Link.over(ours)
        instructing = asyncio.create_task(self._instruct(link, slot))

        def stop_if_failed(done: asyncio.Task[None]) -> None:
            if _has_failed(done):
                process.kill()  # one that is never told what to do would wait for ever

        instructing.add_done_callback(stop_if_failed)
        try:
            await self._attend(link, slot)
            if _has_failed(instructing):
                instructing.result()
            return await process.wait()
        finally:
            instructing.cancel()
            link.close()

    async def _instruct(self, link: Link, slot: int) -> None:
        orders = await asyncio.shield(self._orders)
        place = Place(home=orders.home, boot=orders.boot, slot=slot)
        link.hand_over(orders.listening.fileno(), orders.lock)
        await link.send(settings=orders.settings.model_dump(mode="json"), place=asdict(place))

    async def _attend(self, link: Link, slot: int) -> None:
        """Do what the process asks until it is gone."""
        asked: set[asyncio.Task[None]] = set()
        try:
            async with contextlib.aclosing(link.messages()) as messages:
                async for message in messages:
                    if "ready" in message:
                        self._ready[slot].set()
                    elif "model" in message:
                        task = asyncio.create_task(self._tell_model(link))
                        asked.add(task)
                        task.add_done_callback(asked.discard)
        finally:
            for task in asked:
                task.cancel()

    async def _tell_model(self, link: Link) -> None:
        address = self._orders.result().model
        try:
            url = await address() if address is not None else None
        except PodiumError as error:
            await link.send(model=None, why=error.message)
        else:
            await link.send(model=url, why="There is no local model here.")


def _how(status: int) -> str:
    if status < 0:
        return f"was killed by {signal.Signals(-status).name}"
    return f"ended with status {status}"


def _has_failed(task: asyncio.Task[None]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is not None
