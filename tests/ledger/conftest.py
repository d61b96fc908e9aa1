"""A desk for every file that asks for one."""

from collections.abc import AsyncGenerator

import pytest_asyncio

from tests.ledger.desk import Desk, desk
from tests.serving import Cluster, fresh_database


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(cluster: Cluster) -> AsyncGenerator[Desk, None]:
    """One database and one till for the whole file."""
    async with fresh_database(cluster) as dsn, desk(dsn) as opened:
        yield opened
