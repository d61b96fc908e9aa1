"""Who serves from a data directory: one `podium serve` at a time, known to commands beside it."""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncGenerator
from dataclasses import asdict, dataclass
from pathlib import Path

from podium.errors import OperatorError
from podium.kit import clock
from podium.store.embedded import lock

_FILE = "serve.lock"
# Seconds: the server processes of a killed parent follow it within a moment, and hold the lock until then.
_PATIENCE = 10.0
_SHORT_PATIENCE = 0.5
_TICK = 0.02


@dataclass(frozen=True, slots=True)
class Occupant:
    """A `podium serve`: its process and, once it listens, its URL."""

    pid: int
    url: str = ""


def find_occupant(data_dir: Path) -> Occupant | None:
    """Who serves from this data directory now, if anybody does. For commands that want to speak to it."""
    path = data_dir / _FILE
    if not path.exists() or lock.is_free(path):
        return None
    return _read(path)


@contextlib.asynccontextmanager
async def occupied(data_dir: Path) -> AsyncGenerator[int, None]:
    """Hold the data directory; gives the lock's descriptor, which server processes inherit.

    So the lock outlives a killed parent until its last server process is gone, and whoever holds it knows that no
    process of an earlier start still works.

    Raises:
        OperatorError: another server holds it.
    """
    path = data_dir / _FILE
    started = clock.monotonic()
    while (held := lock.take(path)) is None:
        occupant = _read(path)
        is_alive = occupant is not None and _is_alive(occupant.pid)
        if clock.monotonic() - started > (_SHORT_PATIENCE if is_alive else _PATIENCE):
            raise _told(data_dir, occupant)
        await asyncio.sleep(_TICK)
    try:
        note(held, "")
        yield held
    finally:
        os.close(held)


def note(held: int, url: str) -> None:
    """Say in the lock's file where this server listens."""
    lock.write(held, json.dumps(asdict(Occupant(os.getpid(), url))))


def _read(path: Path) -> Occupant | None:
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return Occupant(int(said["pid"]), str(said["url"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _told(data_dir: Path, occupant: Occupant | None) -> OperatorError:
    if occupant is None:
        who = "Another server"
    else:
        at = f" at {occupant.url}" if occupant.url else ""
        who = f"Another server (process {occupant.pid}){at}"
    return OperatorError(
        f"{who} already serves from the data directory {data_dir}.",
        hint="Use that one, stop it, or give this one another directory with --data-dir.",
    )
