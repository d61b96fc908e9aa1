"""Where the embedded database listens, and what it answers there.

Its life is judged by this answer. A pid tells nothing: after a crash the number in `postmaster.pid` may be that of any
other process.
"""

import contextlib
import os
import shutil
import socket
import stat
import tempfile
from enum import Enum
from pathlib import Path
from urllib.parse import quote

from podium.store.embedded.account import Account, find_closed_parent
from podium.store.embedded.directory import DataDirectory

PORT = 5432  # of a socket it is only a part of the name
ROLE = DATABASE = "podium"

_NAME = f".s.PGSQL.{PORT}"
_LONGEST = 103  # bytes of a socket's path that every system takes (Linux 107, macOS 103)
_SILENCE = 2.0  # seconds

# PostgreSQL's protocol 3.0: the messages StartupMessage, Terminate, ReadyForQuery, and the SQLSTATE cannot_connect_now.
_HELLO = b"\0\3\0\0" + f"user\0{ROLE}\0database\0{DATABASE}\0application_name\0podium keeper\0\0".encode()
_BYE = b"X\0\0\0\4"
_READY = b"Z\0\0\0\5I"
_NOT_NOW = b"\0C57P03\0"


class Answer(Enum):
    """What the socket says."""

    READY = "ready"
    BUSY = "starting, stopping or silent"
    NOTHING = "nobody listens"


def make_socket_directory(directory: DataDirectory, account: Account) -> Path:
    """The directory for the socket, private to the account; below the system's temporary one if the path is too long.

    There its name is random, so that nobody can take it first, and a symbolic link in the data directory leads to it.
    """
    here = directory.socket
    if here.is_symlink():
        if not _is_owned(here.readlink(), account):
            here.unlink()
    elif not _fits(here):
        shutil.rmtree(here, ignore_errors=True)
    if not here.exists():
        if _fits(here):
            here.mkdir(mode=0o700)
        else:
            here.symlink_to(_make_short(account))
    place = here.resolve()
    if not account.is_me:
        os.chown(place, account.uid, account.gid)
    place.chmod(0o700)
    return place


def drop_short_directory(directory: DataDirectory) -> None:
    """Remove what a long path left outside the data directory."""
    if directory.socket.is_symlink():
        with contextlib.suppress(OSError):
            directory.socket.readlink().rmdir()
            directory.socket.unlink()


def dsn(directory: DataDirectory) -> str:
    """How asyncpg and libpq connect. Says the port, lest PGPORT in somebody's environment choose another socket."""
    host = quote(str(directory.socket.resolve()), safe="")
    return f"postgresql:///{DATABASE}?host={host}&port={PORT}&user={ROLE}"


def has_socket(directory: DataDirectory) -> bool:
    """Whether the socket's file is there; one of a dead Postgres is, too."""
    return (directory.socket / _NAME).exists()


def ask(directory: DataDirectory) -> Answer:
    """Knock at the socket; takes two seconds at most.

    Whatever refuses us for another reason than "not now" (too many connections, say) is alive and ready.
    """
    if not has_socket(directory):
        return Answer.NOTHING
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_SILENCE)
        try:
            connection.connect(str(directory.socket.resolve() / _NAME))
            connection.sendall((len(_HELLO) + 4).to_bytes(4, "big") + _HELLO)
            return _read_answer(connection)
        except (FileNotFoundError, ConnectionRefusedError):
            return Answer.NOTHING
        except (TimeoutError, ConnectionError, BlockingIOError):
            return Answer.BUSY


def _read_answer(connection: socket.socket) -> Answer:
    heard = b""
    while _READY not in heard:
        piece = connection.recv(4096)
        heard += piece
        if not piece:
            return Answer.BUSY if not heard or _NOT_NOW in heard else Answer.READY
    connection.sendall(_BYE)  # or Postgres would note a broken connection
    return Answer.READY


def _fits(path: Path) -> bool:
    # Both asyncpg and Postgres read a comma as the end of one directory and the start of another.
    text = str(path / _NAME)
    return len(text.encode()) <= _LONGEST and "," not in text and '"' not in text


def _make_short(account: Account) -> Path:
    place = Path(tempfile.gettempdir()).resolve()
    if not _fits(place / "podium-xxxxxxxx") or find_closed_parent(place / "podium", account) is not None:
        place = Path("/tmp")  # noqa: S108  # what is made there is private and has a random name
    return Path(tempfile.mkdtemp(prefix="podium-", dir=place))


def _is_owned(path: Path, account: Account) -> bool:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == account.uid
