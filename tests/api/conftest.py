"""A house for every test."""

from collections.abc import AsyncGenerator

import pytest

from tests.api.house import House, house


@pytest.fixture
async def api(dsn: str) -> AsyncGenerator[House, None]:
    async with house(dsn) as opened:
        yield opened
