"""The model in the house, called straight and through Podium: the same tests for both."""

import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import openai
import pytest
import pytest_asyncio

from podium.providers.local.model import LocalModel
from podium.providers.local.weights import get_weights
from tests.cli.installation import installed, processes

NAME = "smollm2-135m"


@dataclass
class Host:
    """Where the model answers, by which name, and its process."""

    address: Callable[[], Awaitable[str]]
    api_key: str
    model: str
    pid: Callable[[], int | None]

    @asynccontextmanager
    async def client(self) -> AsyncGenerator[openai.AsyncOpenAI, None]:
        """The official SDK on it, without retries of its own."""
        url = await self.address()
        async with openai.AsyncOpenAI(
            base_url=url, api_key=self.api_key, max_retries=0, timeout=90
        ) as client:
            yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["straight", "through Podium"])
async def host(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Host, None]:
    """A host for the module."""
    if request.param == "straight":
        log = tmp_path_factory.mktemp("local") / "local.log"
        async for each in _straight(log):  # aclosing: pytest runs it to its end
            yield each
    else:
        with installed(PODIUM_LOCAL="1") as installation:
            installation.serve()

            async def address() -> str:
                return f"{installation.url}/v1"

            def pid() -> int | None:
                parent = installation.pid
                models = [
                    one
                    for one, of, command in processes()
                    if of == parent and re.search("local.child", command)
                ]
                return models[0] if models else None

            yield Host(address, installation.key, f"local/{NAME}", pid)


async def _straight(log: Path) -> AsyncGenerator[Host, None]:
    model = LocalModel(get_weights(), "sesame", log=log)
    yield Host(model.address, "sesame", NAME, lambda: model.pid)
    await model.close()
    assert model.pid is None
