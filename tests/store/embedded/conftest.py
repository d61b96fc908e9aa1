"""Data directories of the tests' own, and processes that use them."""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from podium.errors import OperatorError
from podium.store.embedded.attach import embedded, status
from tests.store.embedded.user import User, wait_nothing_left

# What differs where Podium runs as root can be seen as root alone.
collect_ignore = [] if os.geteuid() == 0 else ["test_root.py"]


@pytest.fixture(scope="session")
def made() -> Generator[Path, None, None]:
    """A data directory with a cluster in it, at rest; to be copied, which is quicker than to make one for each test."""
    with _place() as path:
        asyncio.run(_make(path / "data"))
        yield path / "data"


async def _make(path: Path) -> None:
    async with embedded(path):
        pass
    await wait_nothing_left(path)


@pytest.fixture
def place() -> Generator[Path, None, None]:
    """An empty directory that the database's account can pass through; pytest's own ones are closed to it."""
    with _place() as path:
        yield path


@contextmanager
def _place() -> Generator[Path, None, None]:
    path = Path(tempfile.mkdtemp(prefix="podium-test-", dir=_quick_disk()))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def _quick_disk() -> str:
    """Memory where there is enough of it: a hundred clusters of 60 MB are a long wait for a small machine's disk."""
    try:
        memory = os.statvfs("/dev/shm")
    except FileNotFoundError:
        return "/tmp"
    is_large = memory.f_bavail * memory.f_frsize > 2 << 30
    return "/dev/shm" if is_large and not memory.f_flag & os.ST_NOEXEC else "/tmp"


@pytest.fixture
async def new_dir(place: Path) -> AsyncGenerator[Path, None]:
    """A data directory that is yet to be made; whatever a test does, nothing of it runs afterwards."""
    path = place / "data"
    yield path
    await end(path)


@pytest.fixture
async def data_dir(made: Path, new_dir: Path) -> Path:
    """A data directory with a cluster, at rest."""
    subprocess.run(["cp", "-a", made, new_dir], check=True)
    return new_dir


async def end(path: Path) -> None:
    """Fail if something still runs without users, but not before it is ended."""
    try:
        if path.exists():
            await wait_nothing_left(path)
    finally:
        end_by_force(path)


def end_by_force(path: Path) -> None:
    try:
        left = status(path)
    except OperatorError:
        return
    for pid in (left.keeper, left.postgres):
        if pid is not None:
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
async def start_user(new_dir: Path) -> AsyncGenerator[Callable[[], Awaitable[User]], None]:
    """Starts processes that use the test's data directory; those that are left are killed in the end."""
    users: list[User] = []

    async def start(**env: str) -> User:
        users.append(await User.start(new_dir, **env))
        return users[-1]

    yield start
    for user in users:
        await user.kill()
