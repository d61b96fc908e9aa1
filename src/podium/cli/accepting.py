"""Take the connections that wait at a listening socket, many at a time.

libuv takes one in each round of the loop. Where rounds are long, because there is much to do, those who come anew would
wait unseen for seconds, and could not even be told that there is no room.
"""

import asyncio
import logging
import socket
from collections.abc import Callable

logger = logging.getLogger(__name__)

_MOST = 64  # in one round: what comes in a burst is to be shared among processes
_PAUSE = 0.25  # seconds, where the machine has no descriptor left for another


class Accepting:
    """Gives each connection to a protocol of its own; made in a running loop."""

    def __init__(self, listening: socket.socket, protocol: Callable[[], asyncio.Protocol]) -> None:
        listening.setblocking(False)
        self._listening = listening
        self._protocol = protocol
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[object]] = set()
        self._pause: asyncio.TimerHandle | None = None
        self._begin()

    def close(self) -> None:
        """Take no more. The socket is its owner's to close."""
        self._loop.remove_reader(self._listening)
        if self._pause is not None:
            self._pause.cancel()

    def _begin(self) -> None:
        self._loop.add_reader(self._listening, self._take)

    def _take(self) -> None:
        for _ in range(_MOST):
            try:
                taken, _ = self._listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                logger.warning("connection.not_taken", extra={"error": str(error)})
                self._loop.remove_reader(self._listening)
                self._pause = self._loop.call_later(_PAUSE, self._begin)
                return
            taken.setblocking(False)
            given = self._loop.connect_accepted_socket(self._protocol, taken)
            task: asyncio.Task[object] = self._loop.create_task(given, name="connection")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
