"""The data directory: what lies where, whose it is, and whether Podium may use it.

Everything here belongs to whoever runs Podium, but for `postgres/` and the socket: those belong to the account that
runs the database, which is another one where Podium runs as root.
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from podium.store.embedded.account import Account, database_account, find_closed_parent
from podium.store.embedded.failure import Unusable
from podium.store.embedded.wheel import MAJOR

_MARK = ".podium"
_MARK_TEXT = (
    "The data of a Podium server. Without this file Podium refuses a directory that holds other things.\n"
)

# What an operator, or a freshly made file system, may have put there before Podium first runs.
# Also what a server keeps there that used a database elsewhere.
_MAY_PRECEDE = frozenset({_MARK, "admin.key", "home", "local.log", "lost+found", "podium.toml", "serve.lock"})


@dataclass(frozen=True)
class DataDirectory:
    """Where things lie below one absolute path without symbolic links."""

    path: Path

    @property
    def cluster(self) -> Path:
        """Postgres' own directory (PGDATA)."""
        return self.path / "postgres"

    @property
    def socket(self) -> Path:
        """The directory of the socket, or a symbolic link to it where this path is too long for one."""
        return self.path / "socket"

    @property
    def config(self) -> Path:
        """The files that configure Postgres, written anew at each start; `local.conf` is the operator's."""
        return self.path / "config"

    @property
    def users_lock(self) -> Path:
        """Held shared by every process that uses the database, exclusively by a keeper that stops it."""
        return self.path / "users.lock"

    @property
    def keeper_lock(self) -> Path:
        """Held by the keeper as long as it lives; says its pid and, if it gave up, why."""
        return self.path / "keeper.lock"

    @property
    def keeper_log(self) -> Path:
        """What the keeper did, and what initdb said."""
        return self.path / "keeper.log"

    @property
    def postgres_log(self) -> Path:
        """What Postgres says."""
        return self.path / "postgres.log"


def at(path: Path) -> DataDirectory:
    """The data directory at `path`, whether or not there is one."""
    return DataDirectory(path.expanduser().resolve())


def claim(path: Path) -> DataDirectory:
    """Make the data directory if it is not there, and mark it as Podium's.

    Raises:
        Unusable: it is somebody else's, holds other things, is out of reach, or is of another Postgres version.
    """
    directory = at(path)
    try:
        _make(directory.path)
        _refuse_strangers(directory.path)
        _mark(directory.path)
        refuse_other_version(directory)
    except OSError as error:
        raise Unusable(
            f"The data directory {directory.path} cannot be used: {error.strerror or error}.",
            hint="Choose another with --data-dir or PODIUM_DATA_DIR.",
        ) from error
    return directory


def open_log(path: Path) -> int:
    """A descriptor that writes to the end of a log, which nobody else may read: for children to inherit."""
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def refuse_other_version(directory: DataDirectory) -> None:
    """Raise Unusable if the cluster was written by another major version of Postgres."""
    try:
        version = (directory.cluster / "PG_VERSION").read_text().strip()
    except (FileNotFoundError, PermissionError):
        return  # PermissionError: Podium does not run as who owns it, which the keeper will say better
    if version != str(MAJOR):
        connection = f"'host={directory.socket} user=podium dbname=podium'"
        raise Unusable(
            f"The database in {directory.path} was written by PostgreSQL {version}; this Podium brings {MAJOR}.",
            hint="With the Podium that wrote it running, export it:"
            f" pg_dump --format=custom --file=podium.dump {connection}. Stop it, move the old cluster away"
            f" (mv {directory.cluster} {directory.path}/postgres-{version}), start this Podium once, and read the"
            f" export back: pg_restore --clean --if-exists --dbname={connection} podium.dump",
        )


def _make(path: Path) -> None:
    _refuse_closed_parents(path)
    try:
        path.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        if not path.is_dir():
            raise
    _refuse_closed_parents(path)  # of those just made, too: a strict umask closes them
    _refuse_other_owner(path)


def _refuse_other_owner(path: Path) -> None:
    owner, me = path.stat().st_uid, os.geteuid()
    if owner != me:
        name, my_name = Account.of(owner).name, Account.of(me).name
        raise Unusable(
            f"The data directory {path} belongs to {name}, and Podium runs as {my_name}.",
            hint=f"Run Podium as {name}, or choose another directory with --data-dir or PODIUM_DATA_DIR.",
        )


def _refuse_closed_parents(path: Path) -> None:
    account = database_account()
    closed = None if account.is_me else find_closed_parent(path, account)
    if closed is not None:
        mode = stat.S_IMODE(closed.stat().st_mode)
        raise Unusable(
            f"As root, Podium runs its database under the account {account.name}, which cannot get to {path}:"
            f" {closed} (mode {mode:04o}) is closed to it.",
            hint=f"Choose another directory with --data-dir or PODIUM_DATA_DIR, such as /var/lib/podium,"
            f" or open that one for passage: chmod o+x {closed}",
        )


def _refuse_strangers(path: Path) -> None:
    names = {entry.name for entry in path.iterdir()}
    if _MARK in names or names <= _MAY_PRECEDE:
        return
    others = sorted(names - _MAY_PRECEDE)
    shown = ", ".join(others[:3]) + (", …" if len(others) > 3 else "")
    raise Unusable(
        f"The directory {path} is not Podium's: it holds {shown}.",
        hint="Give Podium an empty directory, or a new one, with --data-dir or PODIUM_DATA_DIR.",
    )


def _mark(path: Path) -> None:
    mark = path / _MARK
    if not mark.exists():
        path.chmod(0o700)
        mark.write_text(_MARK_TEXT)
