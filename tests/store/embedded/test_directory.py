"""A data directory that cannot serve is refused in plain words, and nothing in it is touched."""

import os
from pathlib import Path

import pytest

from podium.store.embedded.account import Account, find_closed_parent
from podium.store.embedded.attach import Outcome, embedded, status, wait_stopped
from podium.store.embedded.directory import at, claim
from podium.store.embedded.failure import Unusable
from tests.store.embedded.user import wait_nothing_left


def names(path: Path) -> set[str]:
    return {entry.name for entry in path.iterdir()}


@pytest.mark.parametrize("name", ["letters.txt", "postgres", ".git"])
def test_a_directory_with_other_things_is_refused(place: Path, name: str) -> None:
    (place / name).mkdir()
    with pytest.raises(Unusable, match=f"is not Podium's: it holds {name}") as told:
        claim(place)
    assert "--data-dir" in (told.value.hint or "")
    assert names(place) == {name}


def test_what_an_operator_puts_there_before_the_first_start_is_no_hindrance(place: Path) -> None:
    for name in ("admin.key", "podium.toml"):
        (place / name).touch()
    (place / "lost+found").mkdir()
    claim(place)
    (place / "anything else").touch()
    claim(place)  # Podium's now, whatever it holds


def test_a_file_in_place_of_the_directory_is_told(place: Path) -> None:
    (place / "data").touch()
    with pytest.raises(Unusable, match=r"data cannot be used: File exists"):
        claim(place / "data")


def test_a_file_among_the_parents_is_told(place: Path) -> None:
    (place / "file").touch()
    with pytest.raises(Unusable, match=r"data cannot be used: Not a directory"):
        claim(place / "file" / "data")


async def test_another_major_version_is_refused_with_the_command_that_exports_it(data_dir: Path) -> None:
    async with embedded(data_dir):
        pass
    await wait_nothing_left(data_dir)
    (at(data_dir).cluster / "PG_VERSION").write_text("17\n")
    before = names(data_dir)
    with pytest.raises(Unusable, match="written by PostgreSQL 17; this Podium brings 18") as told:
        async with embedded(data_dir):
            pass
    assert "pg_dump --format=custom" in (told.value.hint or "")
    assert "pg_restore" in (told.value.hint or "")
    assert names(data_dir) == before


def test_a_directory_that_is_closed_to_an_account_is_found(place: Path) -> None:
    stranger = Account("stranger", 54321, 54321)
    inner = place / "closed" / "open" / "data"
    inner.parent.mkdir(parents=True)
    inner.parent.chmod(0o755)
    (place / "closed").chmod(0o750)
    assert find_closed_parent(inner, stranger) == place / "closed"
    assert find_closed_parent(inner, Account("owner", os.geteuid(), os.getegid())) is None
    assert find_closed_parent(inner, Account("friend", 54321, (place / "closed").stat().st_gid)) is None
    (place / "closed").chmod(0o751)
    assert find_closed_parent(inner, stranger) is None


async def test_looking_at_a_directory_leaves_nothing_in_it(place: Path) -> None:
    assert status(place).keeper is None
    assert await wait_stopped(place, within=1) is Outcome.STOPPED
    assert await wait_stopped(place / "absent", within=1) is Outcome.STOPPED
    assert not names(place)
