"""The running Postgres of one data directory: started here, or found running and adopted.

It outlives whoever started it. A keeper that takes over knows it by its command line and its answer, never by a number
alone.
"""

import logging
import os
import signal
import subprocess
import time
from pathlib import Path

from podium.kit import clock
from podium.store.embedded.address import Answer, ask
from podium.store.embedded.cluster import prepare, spawn
from podium.store.embedded.directory import DataDirectory, open_log

logger = logging.getLogger(__name__)

_PROC = Path("/proc")
_REMINDER = 10.0  # seconds between two lines that say what is waited for


class Postmaster:
    """Postgres' first process, which starts and watches all others."""

    def __init__(self, directory: DataDirectory) -> None:
        self._directory = directory
        self._child: subprocess.Popen[bytes] | None = None

    def is_alive(self) -> bool:
        """Whether Postgres runs: as our child, as a process that can be seen, or as somebody who answers."""
        if self._child is not None:
            if self._child.poll() is None:
                return True
            logger.warning("Postgres ended with status %d", self._child.returncode)
            self._child = None
        return find_pid(self._directory) is not None or ask(self._directory) is not Answer.NOTHING

    def start(self) -> None:
        """Start Postgres; whether it comes up, its answer will say.

        Raises:
            Unstartable: something that it needs cannot be had.
        """
        command, account = prepare(self._directory)
        _drop_foreign_locks(self._directory)
        log = open_log(self._directory.postgres_log)
        try:
            self._child = spawn(command, account, output=log)
        finally:
            os.close(log)
        logger.info("Started Postgres, process %d", self._child.pid)

    def stop(self) -> None:
        """Break off what runs, write all to disk and wait for the end, however long it takes (a "fast" shutdown)."""
        reminder = clock.monotonic() + _REMINDER
        asked = False
        while self.is_alive():
            if not asked:
                pid = self._child.pid if self._child is not None else find_pid(self._directory)
                if pid is None:
                    logger.error(
                        "Postgres answers, but its process is not to be seen from here: it is left alone"
                    )
                    return
                os.kill(pid, signal.SIGINT)
                asked = True
            if clock.monotonic() > reminder:
                logger.warning("Still waiting for Postgres to stop")
                reminder += _REMINDER
            time.sleep(0.01)  # noqa: TID251  # the keeper's process runs no turns
        if asked:
            logger.info("Postgres has stopped")


def find_pid(directory: DataDirectory) -> int | None:
    """The process that runs this cluster, if it can be seen; not just any that bears the number written down."""
    pid = _written_pid(directory.cluster / "postmaster.pid")
    if pid is None:
        return None
    words = _command_line(pid)
    is_ours = str(directory.cluster) in words and Path(words[0]).name == "postgres"
    return pid if is_ours else None


def _drop_foreign_locks(directory: DataDirectory) -> None:
    """Remove lock files whose number is that of another process by now, or of a zombie that nobody buries.

    Postgres would take it for itself and give up. Only called when nobody answers and no process runs this cluster.
    Files of a dead process stay: Postgres judges them itself, and checks by what they say that no orphan of it still
    uses the shared memory.
    """
    locks = [directory.cluster / "postmaster.pid", *directory.socket.resolve().glob(".s.PGSQL.*.lock")]
    for lock in locks:
        pid = _written_pid(lock)
        if pid is not None and _is_taken(pid):
            logger.warning("Removing %s: process %d, which it names, is not Postgres any more", lock, pid)
            lock.unlink(missing_ok=True)


def _written_pid(path: Path) -> int | None:
    try:
        first = path.read_text(errors="replace").partition("\n")[0]
    except (FileNotFoundError, PermissionError):
        return None
    return abs(int(first)) if first.lstrip("-").isdigit() else None


def _is_taken(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _command_line(pid: int) -> list[str]:
    """The words that started a process; none if it is gone, a zombie, or not for us to see."""
    if _PROC.exists():
        try:
            return (_PROC / str(pid) / "cmdline").read_text(errors="surrogateescape").split("\0")[:-1]
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            return []
    said = subprocess.run(
        ["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return said.stdout.split()
