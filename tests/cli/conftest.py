"""Installations, new for each test or shared by those that change nothing in it."""

from collections.abc import Iterator

import pytest

from tests.cli.installation import Installation, installed


@pytest.fixture
def installation() -> Iterator[Installation]:
    """A new one; nothing runs yet."""
    with installed() as new:
        yield new


@pytest.fixture(scope="module")
def running() -> Iterator[Installation]:
    """One that serves, for tests that leave it as it is."""
    with installed() as shared:
        shared.serve()
        yield shared
