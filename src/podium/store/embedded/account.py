"""Who runs the database: the caller himself or, where that is root, an account made for it.

Postgres refuses to run as root, and rightly. The account owns the cluster and the socket and nothing else: not the data
directory around them, so that whoever takes over the database cannot lay traps for root there.
"""

import logging
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from podium.store.embedded.failure import Unstartable

logger = logging.getLogger(__name__)

_NAME = "podium"
_NOBODY = -1  # an account that is yet to be made: no file belongs to it


@dataclass(frozen=True)
class Account:
    """An account of the operating system."""

    name: str
    uid: int
    gid: int

    @classmethod
    def of(cls, uid: int) -> "Account":
        """The account of this number; one without a name is named by its number."""
        try:
            entry = pwd.getpwuid(uid)
        except KeyError:
            return cls(str(uid), uid, os.getegid())
        return cls(entry.pw_name, entry.pw_uid, entry.pw_gid)

    @property
    def is_me(self) -> bool:
        """Whether this process runs under it already."""
        return self.uid == os.geteuid()


def database_account() -> Account:
    """The account that runs the database; as root one that may be yet to be made."""
    if os.geteuid() != 0:
        return Account.of(os.geteuid())
    return _find(_NAME) or Account(_NAME, _NOBODY, _NOBODY)


def make_database_account() -> Account:
    """The same, made if it was not there.

    Raises:
        Unstartable: it cannot be made, or who runs Podium has no name (peer authentication needs one).
    """
    account = database_account()
    if account.uid == _NOBODY:
        return _make()
    if account.name == str(account.uid):
        raise Unstartable(
            f"The user id {account.uid} has no name, and PostgreSQL needs one.",
            hint=f"Add it to /etc/passwd (useradd --uid {account.uid} podium), or set DATABASE_URL.",
        )
    return account


def find_closed_parent(path: Path, account: Account) -> Path | None:
    """The outermost directory above `path`, of those that exist, that this account cannot pass through, or None."""
    for parent in reversed(path.parents):
        if not parent.is_dir():
            return None
        if not may_pass(parent, account):
            return parent
    return None


def may_pass(path: Path, account: Account) -> bool:
    """Whether the account may pass through this directory, or run this program."""
    found = path.stat()
    if found.st_uid == account.uid:
        return bool(found.st_mode & 0o100)
    if found.st_gid == account.gid:
        return bool(found.st_mode & 0o010)
    return bool(found.st_mode & 0o001)


def _find(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _make() -> Account:
    where = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
    program = shutil.which("useradd", path=where)
    if program is None:
        raise Unstartable(
            f"As root, Podium runs its database under the account {_NAME}; it is missing, and so is useradd.",
            hint=f"Make the account (on Alpine: adduser -S -D -H {_NAME}), run Podium as an ordinary user,"
            " or set DATABASE_URL.",
        )
    nowhere = shutil.which("nologin", path=where) or "/bin/false"
    options = [
        "--system",
        "--user-group",
        "--no-create-home",
        "--home-dir",
        "/nonexistent",
        "--shell",
        nowhere,
    ]
    done = subprocess.run([program, *options, _NAME], capture_output=True, text=True, check=False)
    account = _find(_NAME)  # another keeper may have been quicker
    if account is None:
        raise Unstartable(
            f"As root, Podium runs its database under the account {_NAME}, which could not be made:"
            f" {done.stderr.strip()}",
            hint="Make it by hand, run Podium as an ordinary user, or set DATABASE_URL.",
        )
    logger.info("Made the account %s", _NAME)
    return account
