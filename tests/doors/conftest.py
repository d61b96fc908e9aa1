"""A server for every test."""

from collections.abc import AsyncGenerator

import pytest
from openai import AsyncOpenAI

from tests.doors.podium import ADMIN_KEY, Podium, podium


@pytest.fixture
async def server(dsn: str) -> AsyncGenerator[Podium, None]:
    async with podium(dsn) as running:
        yield running


@pytest.fixture
async def client(server: Podium) -> AsyncGenerator[AsyncOpenAI, None]:
    async with AsyncOpenAI(base_url=f"{server.url}/v1", api_key=ADMIN_KEY, max_retries=0) as opened:
        yield opened
