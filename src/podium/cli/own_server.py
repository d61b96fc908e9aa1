"""The server that a chat starts where none serves, and stops when it ends."""

import contextlib
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from types import TracebackType
from typing import IO, Self

from podium.cli.client import Client
from podium.cli.target import Target
from podium.errors import OperatorError

_SERVE = ("-P", "-m", "podium.cli", "serve", "--port", "0")
_TICK = 0.05  # seconds
_STOP_SECONDS = 60.0


class OwnServer:
    """`podium serve` on any free port, in a process that Ctrl-C in this terminal does not reach.

    Use as a context: at its end the server stops, if one was started.
    """

    def __init__(self, target: Target, told: Callable[[str], None]) -> None:
        self._target = target
        self._told = told
        self._process: subprocess.Popen[bytes] | None = None
        self._said: IO[bytes] | None = None
        self._has_served = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self._told("Stopping the server that was started for this chat.")
            self._process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOP_SECONDS)
        if self._said is not None:
            self._said.close()

    def client(self) -> Client:
        """A client of the server that is there; where none is, of one that is started now.

        Raises:
            OperatorError: none can be started; what it said is in the message.
        """
        if self._target.url is None:
            self._ensure()
        return self.find()

    def find(self) -> Client:
        """A client of the server that is there; none is started.

        Raises:
            NotServing: there is none.
        """
        return self._target.client()

    def _ensure(self) -> None:
        """Return when a server serves from the data directory."""
        while (occupant := self._target.occupant()) is None or not occupant.url:
            if occupant is None and (self._process is None or self._process.poll() is not None):
                self._start()
            time.sleep(_TICK)  # noqa: TID251  # nobody shares this thread
        self._has_served = True

    def _start(self) -> None:
        if self._process is not None and not self._has_served:
            raise OperatorError(f"The server for this chat does not run.\n{self._last_words()}".rstrip())
        self._told("No server serves here, so this chat starts one and stops it at the end.")
        if self._said is not None:
            self._said.close()
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  # closed at the end of the chat
        self._has_served = False
        self._process = subprocess.Popen(
            [sys.executable, *_SERVE, "--data-dir", str(self._target.data_dir)],
            stdin=subprocess.DEVNULL,
            stdout=self._said,
            stderr=self._said,
            start_new_session=True,
        )

    def _last_words(self) -> str:
        if self._said is None:
            return ""
        self._said.seek(0)
        return self._said.read().decode(errors="replace").strip()
