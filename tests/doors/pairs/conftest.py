"""One server, its hosts and the official SDKs for all tests of the nine pairs."""

from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI

from tests.doors.pairs.setting import WIRES, Clients, google, hosts
from tests.doors.podium import ADMIN_KEY, Podium, podium
from tests.serving import Cluster, fresh_database


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def house(cluster: Cluster) -> AsyncGenerator[Podium, None]:
    """A server with the simulator behind it."""
    async with fresh_database(cluster) as dsn, podium(dsn, catalogue=hosts) as running:
        yield running


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def clients(house: Podium) -> AsyncGenerator[Clients, None]:
    """The async clients, without retries of their own."""
    async with (
        AsyncOpenAI(base_url=f"{house.url}/v1", api_key=ADMIN_KEY, max_retries=0) as openai,
        AsyncAnthropic(base_url=house.url, api_key=ADMIN_KEY, max_retries=0) as anthropic,
    ):
        client = google(house.url)
        yield Clients(house.url, openai, anthropic, client)
        await client.aio.aclose()


@pytest.fixture(params=WIRES)
def wire(request: pytest.FixtureRequest) -> str:
    """The wire of the host."""
    return str(request.param)


@pytest.fixture
def model(wire: str) -> str:
    """A model whose host speaks this wire."""
    return f"{wire}/any"
