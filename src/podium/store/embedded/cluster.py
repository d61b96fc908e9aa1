"""The files of the database: made once, configured at each start.

A new cluster is made aside and moved into place when it is whole, so a death in between leaves no half of one.
"""

import logging
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from podium.store.embedded import setting
from podium.store.embedded.account import Account, make_database_account
from podium.store.embedded.address import DATABASE, ROLE, make_socket_directory
from podium.store.embedded.directory import DataDirectory
from podium.store.embedded.failure import Unstartable, find_complaint
from podium.store.embedded.wheel import programs_for

logger = logging.getLogger(__name__)

_ASIDE = "postgres.new-"

# The role that Podium uses owns its database and is no superuser: on a hosted Postgres it would not be one either, and
# a superuser may run programs and read files. It could not create pgvector itself, so every new database has it from
# the start.
_FIRST_STATEMENTS = f"""\
CREATE EXTENSION vector;
CREATE ROLE {ROLE} LOGIN CREATEDB IN ROLE pg_monitor;
CREATE DATABASE {DATABASE} OWNER {ROLE};
"""


def prepare(directory: DataDirectory) -> tuple[list[str], Account]:
    """Make whatever is missing and write the configuration; the command that starts Postgres, and who runs it.

    Raises:
        Unstartable: an account, a program or a cluster cannot be had.
    """
    account = make_database_account()
    if not account.is_me:
        os.chown(directory.path, 0, account.gid)
        directory.path.chmod(0o710)  # the account may pass through, not look around
    programs = programs_for(account, directory.path)
    for abandoned in directory.path.glob(f"{_ASIDE}*"):
        shutil.rmtree(abandoned, ignore_errors=True)  # what is still being written goes next time
    if not directory.cluster.exists():
        _create(directory, programs, account)
    _refuse_other_owner(directory, account)
    config = setting.write(directory, socket=make_socket_directory(directory, account))
    return [str(programs / "postgres"), "-D", str(directory.cluster), "-c", f"config_file={config}"], account


def spawn(
    command: list[str], account: Account, *, output: int, stdin: int = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    """Start a program under the account, in a session of its own: no terminal's Ctrl-C reaches it."""
    return subprocess.Popen(
        command,
        user=None if account.is_me else account.uid,
        group=None if account.is_me else account.gid,
        extra_groups=None if account.is_me else [],
        umask=0o077,
        stdin=stdin,
        stdout=output,
        stderr=output,
        cwd="/",
        # Nothing of the environment: PGDATA, PGPORT or PGOPTIONS would change what Postgres does.
        env={"LC_ALL": "C", "PATH": os.defpath},
        start_new_session=True,
    )


def _refuse_other_owner(directory: DataDirectory, account: Account) -> None:
    owner = directory.cluster.stat().st_uid
    if owner != account.uid:
        raise Unstartable(
            f"The database in {directory.cluster} belongs to {Account.of(owner).name}, not to {account.name}.",
            hint=f"Give it back: chown -R {account.name}: {directory.cluster}",
        )


def _create(directory: DataDirectory, programs: Path, account: Account) -> None:
    # Each try has a name of its own: the initdb of a keeper that was killed may still be writing.
    aside = Path(tempfile.mkdtemp(prefix=_ASIDE, dir=directory.path))
    if not account.is_me:
        os.chown(aside, account.uid, account.gid)
    logger.info("Making a new cluster")
    options = [
        "--username=postgres",
        "--auth=peer",
        "--encoding=UTF8",
        "--data-checksums",
        "--no-instructions",
    ]
    # Sorts by code point, the same on every system and after every upgrade of its libraries.
    locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    _run([str(programs / "initdb"), "-D", str(aside), *options, *locale], account)
    single = [str(programs / "postgres"), "--single", "-D", str(aside), "-c", "exit_on_error=on", "template1"]
    _run(single, account, _FIRST_STATEMENTS)
    aside.rename(directory.cluster)
    _sync(directory.path)


def _run(command: list[str], account: Account, text: str = "") -> None:
    with tempfile.TemporaryFile() as said:
        with spawn(command, account, output=said.fileno(), stdin=subprocess.PIPE) as process:
            process.communicate(text.encode())
        said.seek(0)
        words = said.read().decode(errors="replace").strip()
    logger.info("%s said:\n%s", Path(command[0]).name, words)
    if process.returncode != 0:
        raise Unstartable(f"A new database could not be made: {find_complaint(words)}")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
