"""What an installation keeps besides its database."""

import stat
from pathlib import Path

import pytest

from podium.config.home import get_admin_key, get_home
from podium.errors import OperatorError


def test_a_data_directory_keeps_its_name(tmp_path: Path) -> None:
    assert get_home(tmp_path) == get_home(tmp_path)
    (tmp_path / "other").mkdir()
    assert get_home(tmp_path / "other") != get_home(tmp_path)


def test_a_key_is_made_once_and_kept_for_its_owner_alone(tmp_path: Path) -> None:
    first, second = get_admin_key(tmp_path, None), get_admin_key(tmp_path, None)
    assert first.path is not None
    assert (first.is_new, second.is_new) == (True, False)
    assert first.value == second.value
    assert stat.S_IMODE(first.path.stat().st_mode) == 0o600
    assert first.value not in repr(first)


def test_a_key_file_that_was_cut_short_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "admin.key").touch()
    assert get_admin_key(tmp_path, None).is_new


def test_a_given_key_is_used_and_not_written_down(tmp_path: Path) -> None:
    assert get_admin_key(tmp_path, "mine").value == "mine"
    assert list(tmp_path.iterdir()) == []


def test_a_key_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "admin.key").mkdir()
    with pytest.raises(OperatorError, match=r"admin\.key cannot be read"):
        get_admin_key(tmp_path, None)
