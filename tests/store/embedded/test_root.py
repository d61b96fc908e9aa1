"""As root: the database runs under an account of its own, which gets to what it needs and to nothing else."""

import os
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from podium.store.embedded.account import database_account
from podium.store.embedded.attach import embedded
from podium.store.embedded.directory import at, claim
from podium.store.embedded.failure import Unusable
from podium.store.embedded.wheel import find_programs
from tests.store.embedded.user import User, pid_of_keeper, pid_of_postgres, value, wait_nothing_left

StartUser = Callable[..., Awaitable[User]]


async def test_the_account_owns_cluster_and_socket_and_nothing_else(new_dir: Path) -> None:
    async with embedded(new_dir):
        account = database_account()
        assert account.name == "podium"
        assert Path(f"/proc/{pid_of_postgres(new_dir)}").stat().st_uid == account.uid
        assert os.getgrouplist("podium", account.gid) == [account.gid]
        owned = {path.name for path in new_dir.iterdir() if path.stat().st_uid == account.uid}
        assert owned == {"postgres", "socket"}
        assert new_dir.stat().st_uid == 0
        assert stat.S_IMODE(new_dir.stat().st_mode) == 0o710
        for path in (at(new_dir).keeper_log, at(new_dir).postgres_log, at(new_dir).keeper_lock):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_postgres_has_no_rights_left(data_dir: Path) -> None:
    async with embedded(data_dir):
        state = Path(f"/proc/{pid_of_postgres(data_dir)}/status").read_text()
        lines = dict(line.split(":", 1) for line in state.splitlines())
        account = database_account()
        assert set(lines["Uid"].split()) == {str(account.uid)}
        assert set(lines["Gid"].split()) == {str(account.gid)}
        assert lines["Groups"].split() == []
        assert int(lines["CapEff"], 16) == 0
        assert Path(f"/proc/{pid_of_keeper(data_dir)}").stat().st_uid == 0


def test_a_path_that_the_account_cannot_reach_is_told_with_the_closed_parent(place: Path) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(Unusable) as told:
        claim(closed / "inner" / "data")
    assert f"{closed} (mode 0700) is closed to it" in told.value.message
    assert f"chmod o+x {closed}" in (told.value.hint or "")
    assert not list(closed.iterdir())
    closed.chmod(0o711)
    claim(closed / "inner" / "data")


async def test_parents_made_under_a_strict_umask_are_told_too(place: Path) -> None:
    before = os.umask(0o077)
    try:
        with pytest.raises(Unusable, match=r"inner .mode 0700. is closed to it"):
            claim(place / "inner" / "data")
    finally:
        os.umask(before)


def test_a_directory_of_another_account_is_told_with_both_names(place: Path) -> None:
    (place / "data").mkdir()
    os.chown(place / "data", 65534, 65534)
    with pytest.raises(Unusable, match="belongs to nobody, and Podium runs as root") as told:
        claim(place / "data")
    assert "Run Podium as nobody" in (told.value.hint or "")


async def test_programs_out_of_reach_are_copied_once(
    place: Path, new_dir: Path, start_user: StartUser
) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    package = find_programs().parent.parent
    for source in package.parent.glob(f"{package.name}*"):
        (closed / source.name).symlink_to(source)
    first = await start_user(PYTHONPATH=str(closed))
    assert await value(await first.dsn(), "SELECT '[1,2]'::vector::text") == "[1,2]"
    [copy] = new_dir.glob("programs-*")
    assert Path(f"/proc/{pid_of_postgres(new_dir)}/exe").readlink().is_relative_to(copy)
    made = copy.stat().st_mtime_ns
    await first.leave()
    await wait_nothing_left(new_dir)
    second = await start_user(PYTHONPATH=str(closed))
    await second.dsn()
    assert [path.stat().st_mtime_ns for path in new_dir.glob("programs-*")] == [made]
    assert all(path.stat().st_uid == 0 for path in copy.rglob("*"))
