"""What Prometheus reads, and who may."""

import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

import aiohttp
import asyncpg
from prometheus_client.parser import text_string_to_metric_families

from podium.catalogue.profile import Price
from tests.journal.redis_server import running_redis
from tests.ledger.receiver import receiving
from tests.serving import linked
from tests.turn.home import Home, homes
from tests.turn.mortal import wait_for

CENT = Price(input=0, output=10_000_000_000)  # a token of output
SLOW = "[[tokens=400 rate=100]]"
ID = re.compile(r"[0-9a-f]{32}")
Found = Mapping[tuple[str, ...], float]


async def scrape(home: Home, key: str | None = None) -> tuple[int, str]:
    headers = home._headers if key is None else {"authorization": f"Bearer {key}"}
    async with home._http.get(f"{home._url()}/metrics", headers=headers) as answer:
        assert answer.headers["cache-control"] == "no-store"
        if answer.ok:
            assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        return answer.status, await answer.text()


async def read(home: Home) -> Found:
    """Each sample by its name and the values of its labels."""
    status, text = await scrape(home)
    assert status == 200
    families = list(text_string_to_metric_families(text))
    assert all(family.documentation and family.type != "unknown" for family in families)
    assert not ID.search(text)
    assert not [word for word in ("acme", "ann", "boss", "operator", "hush") if word in text]
    samples = [sample for family in families for sample in family.samples]
    found = {(sample.name, *sorted(sample.labels.values())): sample.value for sample in samples}
    assert len(found) == len(samples)
    return found


@asynccontextmanager
async def held_snapshot(dsn: str) -> AsyncGenerator[None, None]:
    connection = await asyncpg.connect(dsn)
    async with connection.transaction(isolation="repeatable_read"):
        await connection.fetch("SELECT count(*) FROM turns")
        yield
    await connection.close()


async def test_any_process_tells_what_is_true_of_all_of_them(dsn: str) -> None:
    async with (
        running_redis() as redis,
        receiving(*[500] * 100) as receiver,
        linked(dsn) as (far, link),
        homes(dsn, price=CENT, webhook=receiver.webhook, redis_url=redis.url) as [here],
        homes(far, price=CENT, webhook=receiver.webhook) as [there],
        held_snapshot(dsn),
    ):
        paid = await here.conversation()
        budget = {"scope": {"type": "session", "id": paid}, "limit": "0.01", "period": "day"}
        await here.good("POST", "/v1/budgets", budget)
        body = {"input": "[[tokens=1]]", "max_output_tokens": 1}
        await here.good("POST", f"/v1/conversations/{paid}/turns", body)
        busy = await here.conversation()
        speaking = here.say(busy, SLOW, max_output_tokens=400)
        await wait_for(lambda: speaking.deltas > 3)
        waiting = here.say(busy, "[[tokens=1]]")
        await here.wait_turns(busy, 2)
        for home in (here, there):
            found = await read(home)
            assert found["podium_turns_running",] == found["podium_turns_queued",] == 1
            assert 0 < found["podium_turns_queued_oldest_seconds",] < 60
            assert found["podium_holds",] == 1
            assert found["podium_holds_dollars",] == 4
            assert found["podium_suspenses_dollars",] == 0
            assert found["podium_budget_alerts_total", "day", "session"] == 1
            assert found["podium_budget_alerts_total", "day", "user"] == 0
            assert found["podium_budget_alerts_undelivered",] == 1
            assert found["podium_database_up",] == 1
            assert found["podium_database_oldest_snapshot_seconds",] > 0
            is_here = home is here
            assert found["podium_worker_turns_running", "0"] == is_here
            assert found["podium_worker_clients_waiting", "0"] == is_here
            assert found.get(("podium_worker_redis_up", "0")) == (1 if is_here else None)
            assert (found["podium_worker_batch_items_total", "0", "open"] >= 2) == is_here
        link.cut()
        found = await read(there)
        assert found["podium_database_up",] == 0
        assert ("podium_turns_running",) not in found
        assert found["podium_worker_turns_running", "0"] == 0
        link.mend()
        await here.good("POST", f"/v1/turns/{speaking.turn}/cancel")
        await waiting.done()


async def test_only_the_operator_may_read_them(dsn: str) -> None:
    async with homes(dsn) as [home]:
        for scope in ("member", "admin"):
            key = await home.good("POST", "/v1/keys", {"tenant": "acme", "user": "ann", "scope": scope})
            status, told = await scrape(home, key["key"])
            assert (status, "podium_" in told) == (403, False)
        async with aiohttp.ClientSession() as http, http.get(f"{home._url()}/metrics") as answer:
            assert answer.status == 401
