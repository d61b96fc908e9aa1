"""What every test shares: a database; and in CI an absent neighbour is a failure, not a skip."""

import os
import signal
from collections.abc import AsyncGenerator, Generator

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, Phase, settings

from tests.serving import Cluster, fresh_database, running_cluster

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started in the background: the processes under test would inherit deaf ears for Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How fast a machine is, and what else it does, is no matter of right and wrong.
settings.register_profile("podium", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("podium")
# For `make mutation`: the same examples each time, and no time spent on making a failure small.
settings.register_profile(
    "mutation",
    settings.get_profile("podium"),
    max_examples=10,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
)

# What starts and kills whole servers waits more than it reckons: begun first, it keeps no core idle at the end.
SLOW = tuple(f"tests/{name}" for name in ("api/test_str", "api/test_sch", "ledger", "turn", "cli", "local"))

REQUIRE_ALL = os.environ.get("PODIUM_REQUIRE_ALL") == "1"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow files first, else as they come."""
    items.sort(key=lambda item: not item.nodeid.startswith(SLOW))


def forbid_skipping(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure, unless its reason names PODIUM_TEST_DATA: recordings may be absent."""
    if not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if "PODIUM_TEST_DATA" not in reason:
        report.outcome = "failed"
        report.longrepr = f"PODIUM_REQUIRE_ALL=1, and yet: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Judge each test's report."""
    report = yield
    if REQUIRE_ALL:
        forbid_skipping(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Judge each file's report: a whole file may skip itself."""
    report = yield
    if REQUIRE_ALL:
        forbid_skipping(report)
    return report


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def cluster() -> AsyncGenerator[Cluster, None]:
    """A running Postgres, one for all tests of this process."""
    async with running_cluster() as running:
        yield running


@pytest.fixture
async def dsn(cluster: Cluster) -> AsyncGenerator[str, None]:
    """The address of an empty, up-to-date database of this test's own."""
    async with fresh_database(cluster) as made:
        yield made
