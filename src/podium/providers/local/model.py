"""The process of the local model: started when it is first needed, again when it has died, stopped with its owner."""

import asyncio
import contextlib
import json
import logging
import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

from podium.errors import Unreachable
from podium.providers.local.weights import CONTEXT_WINDOW, OUTPUT_LIMIT, Weights

logger = logging.getLogger(__name__)

SLOTS = 4
"""Answers at once; more wait for a slot."""
_MOST_THREADS = 8
_LONG_START = 300.0  # seconds; the small one takes one, a large file on a slow disk minutes
_STOP = 3.0
_BUSY = 2.0


class LocalModel:
    """One model in one process. It belongs to one owner, whose death ends it, however that comes."""

    def __init__(self, weights: Weights, api_key: str, *, log: Path) -> None:
        """`api_key` is what its callers must bring; `log` is written anew at each start."""
        self._weights = weights
        self._api_key = api_key
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self._url = ""
        self._starting = asyncio.Lock()
        self._is_closed = False

    @property
    def pid(self) -> int | None:
        """Its process, if it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def address(self) -> str:
        """Its base URL, once it answers; starts it if it does not run.

        Raises:
            Unreachable: it does not start; says why.
        """
        async with self._starting:
            if self.pid is None or not await self._is_well():
                await self._end()  # whose death is not known yet
                await self._start()
            return self._url

    async def close(self) -> None:
        """Stop it, and do not start it again."""
        self._is_closed = True
        async with self._starting:
            await self._end()

    async def _is_well(self) -> bool:
        """Whether it answers; known at once, while the news of a death takes its time.

        A dying process takes connections until its last thread is gone, and one that is only busy answers late.
        """
        url = urlsplit(self._url)
        try:
            reader, writer = await asyncio.open_connection(url.hostname, url.port)
            with contextlib.closing(writer):
                writer.write(b"GET /health HTTP/1.0\r\n\r\n")
                return bool(await asyncio.wait_for(reader.read(1), _BUSY))
        except TimeoutError:
            return True
        except OSError:
            return False

    async def _start(self) -> None:
        if self._is_closed:
            raise Unreachable("The local model is stopped: the server is going away.")
        if self._process is not None:
            logger.warning(
                "The local model ended with status %s; starting it again", self._process.returncode
            )
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                "-m",
                "podium.providers.local.child",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                start_new_session=True,  # Ctrl-C in our terminal is for its owner
            )
        try:
            async with asyncio.timeout(_LONG_START):
                self._url = await self._order(self._process)
        except TimeoutError:
            await self._end()
            raise Unreachable(f"The local model did not start within {_LONG_START:.0f} s.") from None
        except BaseException:
            await self._end()
            raise
        logger.info("The local model %s runs as process %s", self._weights.name, self.pid)

    async def _order(self, process: asyncio.subprocess.Process) -> str:
        order = {
            "name": self._weights.name,
            "path": str(self._weights.path),
            "api_key": self._api_key,
            "slots": SLOTS,
            "context_window": CONTEXT_WINDOW,
            "output_limit": OUTPUT_LIMIT,
            "threads": _threads(),
        }
        if process.stdin is None or process.stdout is None:
            raise Unreachable("The local model cannot be spoken to.")
        with contextlib.suppress(ConnectionError):
            process.stdin.write(json.dumps(order).encode() + b"\n")
            await process.stdin.drain()
        said = await process.stdout.readline()
        if not said:
            raise Unreachable(f"The local model did not start: {_last_line(self._log)}")
        return str(json.loads(said)["url"])

    async def _end(self) -> None:
        if self._process is None or self._process.returncode is not None:
            return
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(_STOP):
                await self._process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()


def _threads() -> int:
    """Half of the cores: the rest is for the server and its database.

    llama.cpp's threads wait for each other at every step. Measured on two cores with other work on them: one thread
    gave 34 tokens/s, two gave 3.
    """
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return max(1, min(cores // 2, _MOST_THREADS))


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return f"{lines[-1]} (its log: {log})" if lines else f"its log, {log}, says nothing"
