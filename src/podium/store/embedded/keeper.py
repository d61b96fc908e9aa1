"""The keeper: a small process of its own that looks after one data directory's Postgres.

    python -m podium.store.embedded.keeper DATA_DIR [LOCK]

It starts Postgres (or adopts the one that a dead keeper left behind), starts it again when it dies, and stops it when
no process holds the users' lock any more. It stands outside every other process of Podium, so the death of none of them
touches the database; if it dies itself, Postgres goes on, and whoever notices starts another keeper. LOCK is the
descriptor of the keeper's lock, taken by whoever starts it: so there is never a second one.

It imports little on purpose: it is there as long as anything of Podium is.
"""

import contextlib
import logging
import os
import shutil
import signal
import sys
import time
from pathlib import Path

from podium.errors import PodiumError
from podium.kit import clock
from podium.store.embedded import lock
from podium.store.embedded.address import Answer, ask, drop_short_directory, has_socket
from podium.store.embedded.directory import DataDirectory, claim
from podium.store.embedded.failure import Unstartable, Unusable, find_complaint
from podium.store.embedded.postmaster import Postmaster

logger = logging.getLogger(__name__)

# Seconds.
_GRACE = 0.3  # for commands that follow each other
_TICK = 0.2
_FIRST_TICK = 0.01  # when something has changed, growing to the above
_FIRST_PAUSE = 0.1  # between two starts, doubled each time
_LONGEST_PAUSE = 5.0
_DEAF = 2.0  # for a Postgres that runs without a socket
_REMINDER = 10.0

_TRIES = 5  # to start a Postgres that has never come up; one that recovers has all the time it needs
_LONGEST_LOG = 8 << 20  # bytes; the older half of a log is a second file of this size


class Keeper:
    """Looks after one Postgres until its users have left."""

    def __init__(self, directory: DataDirectory, held: int) -> None:
        """`held`: the descriptor that holds the keeper's lock."""
        self._directory = directory
        self._held = held
        self._postmaster = Postmaster(directory)
        self._is_ready = False
        self._was_ready = False
        self._starts = 0
        self._reminder = clock.monotonic() + _REMINDER
        self._tick = _FIRST_TICK
        self._pause = _FIRST_PAUSE
        self._next_start = 0.0
        self._quiet_since: float | None = None
        self._deaf_since: float | None = None
        self._users: int | None = None

    def run(self) -> None:
        """Return when the last user has left and Postgres has stopped.

        Raises:
            Unstartable: Postgres never came up.
        """
        while self._is_wanted():
            self._tend()
            _shorten(self._directory.postgres_log)
            time.sleep(self._tick)  # noqa: TID251  # this process runs no turns
            self._tick = min(1.2 * self._tick, _TICK)
        self._postmaster.stop()
        drop_short_directory(self._directory)

    def _is_wanted(self) -> bool:
        """Whether there are users, or were a moment ago.

        If not, nobody can become one from now on: we hold their lock to our end, and who comes meanwhile waits for
        the next keeper.
        """
        if not self._is_in_place():
            return False
        users = lock.take(self._directory.users_lock)
        now = clock.monotonic()
        if users is None:
            self._quiet_since = None
            return True
        if self._quiet_since is None:
            self._quiet_since, self._tick = now, _FIRST_TICK
        if now - self._quiet_since < _GRACE:
            os.close(users)
            return True
        self._users = users
        return False

    def _is_in_place(self) -> bool:
        """Whether the data directory is still the one that we look after, not removed or replaced by another."""
        try:
            return os.path.samestat(os.fstat(self._held), self._directory.keeper_lock.stat())
        except FileNotFoundError:
            logger.error("The data directory was removed")  # noqa: TRY400  # its traceback says nothing
            return False

    def _tend(self) -> None:
        if not self._postmaster.is_alive():
            self._is_ready = False
            if clock.monotonic() >= self._next_start:
                self._start()
        elif not self._is_ready or not has_socket(self._directory):
            self._look_whether_ready()

    def _start(self) -> None:
        now = clock.monotonic()
        if self._was_ready and not self._directory.cluster.exists():
            raise Unstartable(f"The database in {self._directory.cluster} was removed while it ran.")
        if not self._was_ready and self._starts == _TRIES:
            raise Unstartable(
                f"Postgres does not start: {find_complaint(_text_of(self._directory.postgres_log))}",
                hint=f"Its log: {self._directory.postgres_log}",
            )
        self._starts += 1
        self._tick = _FIRST_TICK
        self._next_start = now + self._pause
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        try:
            self._postmaster.start()
        except (PodiumError, OSError):
            if not self._was_ready:
                raise
            logger.exception("Postgres could not be started again; the next try is in %.1f s", self._pause)

    def _look_whether_ready(self) -> None:
        now = clock.monotonic()
        answer = ask(self._directory)
        self._deaf_since = (self._deaf_since or now) if answer is Answer.NOTHING else None
        if answer is Answer.READY:
            logger.info("Postgres is ready")
            self._is_ready = self._was_ready = True
            self._pause = _FIRST_PAUSE
        elif self._deaf_since is not None and now - self._deaf_since > _DEAF:
            # It makes its socket before anything that takes long: somebody has removed it.
            logger.warning("Postgres runs and cannot be reached: starting it anew")
            self._postmaster.stop()
            self._deaf_since = None
        elif now > self._reminder:
            logger.info(
                "Postgres is not ready yet; after a crash it may take long: %s", self._directory.postgres_log
            )
            self._reminder = now + _REMINDER


def main() -> int:
    """Keep the data directory that the command line names; the exit status."""
    directory = DataDirectory(Path(sys.argv[1]).resolve())
    if len(sys.argv) > 2:
        held = int(sys.argv[2])
        if os.fork():
            os._exit(0)  # the starter waits for this process, and the keeper belongs to nobody
    else:
        try:
            held = _claim_alone(directory)
        except Unusable as error:
            print(error, file=sys.stderr)  # noqa: T201  # run by hand, it speaks to people
            return 1
    return _keep(directory, held)


def _claim_alone(directory: DataDirectory) -> int:
    claim(directory.path)
    held = lock.take(directory.keeper_lock)
    if held is None:
        raise Unusable(f"Another keeper looks after {directory.path} already.")
    return held


def _keep(directory: DataDirectory, held: int) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s keeper %(process)d: %(message)s")
    os.umask(0o077)
    os.chdir("/")
    _shorten(directory.keeper_log)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, _stay)
    lock.write(held, f"{os.getpid()}\n")
    keeper = Keeper(directory, held)
    try:
        keeper.run()
    except (PodiumError, OSError) as error:
        logger.error("Gave up: %s", error)  # noqa: TRY400  # a message for people; its place in our code says nothing
        hint = error.hint if isinstance(error, PodiumError) else None
        lock.write(held, "\n".join([str(os.getpid()), _on_one_line(str(error)), _on_one_line(hint or "")]))
        return 1
    finally:
        os.close(held)  # before the users' lock: who waits for that one must find this one free
    return 0


def _stay(number: int, _frame: object) -> None:
    logger.info("%s: the keeper leaves when the last user has left, not before", signal.Signals(number).name)


def _shorten(log: Path) -> None:
    """Keep a log that others write to from growing for ever: copy it aside and empty it."""
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > _LONGEST_LOG:
            shutil.copyfile(log, log.with_suffix(".log.1"))
            os.truncate(log, 0)


def _on_one_line(text: str) -> str:
    return " ".join(text.split())


def _text_of(log: Path) -> str:
    return log.read_text(errors="replace").strip() if log.exists() else ""


if __name__ == "__main__":
    sys.exit(main())
