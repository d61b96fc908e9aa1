"""Who asks for a dearer tier of service pays for it, at the door as in the ledger."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from decimal import Decimal

import pytest
import pytest_asyncio

from podium.catalogue.catalogue import Catalogue
from podium.catalogue.profile import Price, Variant
from podium.simulator import Simulator
from tests.doors.podium import Podium, catalogue_of, podium
from tests.serving import Cluster, fresh_database

pytestmark = pytest.mark.asyncio(loop_scope="module")

ASKED = [{"role": "user", "content": "hello"}]
USUAL = Price(input=150_000, output=600_000)
PRICE = replace(USUAL, variants=(Variant("priority", Price(input=300_000, output=1_200_000)),))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tiered(cluster: Cluster) -> AsyncGenerator[Podium, None]:
    def catalogue(host: Simulator) -> Catalogue:
        known = catalogue_of(host)
        small = replace(known.profiles["lab/small"], price=PRICE)
        return replace(known, profiles={"lab/small": small})

    async with fresh_database(cluster) as dsn, podium(dsn, catalogue=catalogue) as running:
        yield running


@pytest.mark.parametrize(("tier", "times"), [(None, 1), ("auto", 1), ("default", 1), ("priority", 2)])
async def test_a_tier_that_is_asked_for_and_not_denied_is_charged(
    tiered: Podium, tier: str | None, times: int
) -> None:
    body = {"model": "lab/small", "messages": ASKED, **({"service_tier": tier} if tier else {})}
    async with tiered.http.post(tiered.url + "/v1/chat/completions", json=body) as answer:
        assert answer.status == 200, await answer.text()
        cost = Decimal(answer.headers["x-podium-cost"])
    call = tiered.host.oracle.calls[-1]
    assert cost == times * (call.input * Decimal("0.15") + call.output * Decimal("0.60")) / 10**6
    entries = (await tiered.call("GET", "/v1/ledger"))["data"]
    assert Decimal(entries[-1]["amount"]) == cost
