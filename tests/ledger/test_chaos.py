"""Short forms of the chaos that `make chaos` runs at length: whatever dies, the ledger says what was served."""

from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio

from tests.ledger import chaos
from tests.ledger.load import Report
from tests.serving import Cluster, running_cluster

pytestmark = pytest.mark.promise("booked", "limit")


@pytest_asyncio.fixture
async def own_cluster() -> AsyncGenerator[Cluster, None]:
    """A Postgres that may be harmed."""
    async with running_cluster() as running:
        yield running


def check(report: Report) -> None:
    assert not report.wrong, report
    assert report.faults.total(), report


@pytest.mark.promise("postgres", "terminal")
async def test_postgres_is_stopped_at_once_and_its_connections_are_killed(own_cluster: Cluster) -> None:
    report = await chaos.postgres(own_cluster, 4.0, every=(0.5, 1.0), away=0.6)
    check(report)
    assert report.faults["immediate stops"]
    assert report.reckoning.sources["provider"]


@pytest.mark.promise("redis", "rate")
async def test_redis_forgets_everything_again_and_again(cluster: Cluster) -> None:
    report = await chaos.redis(cluster, 2.0, every=(0.6, 0.6), requests=1)
    check(report)
    assert report.statuses["429 rate_limit_exceeded"]


async def test_clients_leave_before_the_first_byte_at_each_chunk_and_before_the_usage(
    cluster: Cluster,
) -> None:
    report = await chaos.leaving(cluster, 0.0, rounds=1)
    check(report)
    assert report.faults.total() == len(chaos.LEAVINGS)
    assert set(report.reckoning.sources) == {"provider", "estimate", "none"}


@pytest.mark.promise("terminal")
async def test_a_server_sleeps_past_its_lease_with_money_held_and_wakes(cluster: Cluster) -> None:
    report = await chaos.stopped(cluster, 2.0, every=(0.3, 0.5))
    check(report)
    assert report.reckoning.corrected, "nothing was known better later"


async def test_the_ledger_is_followed_and_verified_at_full_speed(cluster: Cluster) -> None:
    report = await chaos.ledger(cluster, 0.5, window=0.5)
    assert not report.wrong, report
    assert report.faults["verifications"]
