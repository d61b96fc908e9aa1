"""What CI relies on: with PODIUM_REQUIRE_ALL=1 nothing is skipped in silence."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
CONFTEST = Path(__file__).with_name("conftest.py")
SKIPS = """
import pytest

def test_that_has_its_neighbour(): ...

def test_that_misses_redis(): pytest.skip("no redis-server")

def test_that_misses_recordings(): pytest.skip("PODIUM_TEST_DATA is not set")

@pytest.mark.xfail(reason="known")
def test_that_is_known_to_fail(): raise AssertionError
"""
SKIPPED_FILE = """
import pytest

pytest.importorskip("no_such_module")
"""


def closing_line(folder: Path, source: str, *, require_all: str) -> str:
    """What pytest says at its end over this one file."""
    shutil.copy(CONFTEST, folder)
    (folder / "test_it.py").write_text(source, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--color=no", "-p", "no:cacheprovider", "."],
        cwd=folder,
        env=os.environ
        | {"PODIUM_REQUIRE_ALL": require_all, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    return run.stdout.splitlines()[-1].partition(" in ")[0]


def test_an_absent_neighbour_fails_ci_and_absent_recordings_do_not(tmp_path: Path) -> None:
    assert closing_line(tmp_path, SKIPS, require_all="1") == "1 failed, 1 passed, 1 skipped, 1 xfailed"


def test_a_whole_file_that_skips_itself_fails_ci(tmp_path: Path) -> None:
    assert closing_line(tmp_path, SKIPPED_FILE, require_all="1") == "1 error"


def test_an_absent_neighbour_skips_elsewhere(tmp_path: Path) -> None:
    assert closing_line(tmp_path, SKIPS, require_all="0") == "1 passed, 2 skipped, 1 xfailed"
