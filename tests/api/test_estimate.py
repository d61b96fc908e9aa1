"""What a call would cost, told before it is made."""

from collections.abc import AsyncGenerator
from dataclasses import replace

import asyncpg
import pytest

from podium.catalogue.catalogue import Catalogue
from podium.catalogue.endpoint import Endpoint
from podium.catalogue.profile import Price
from podium.simulator import Simulator
from tests.doors.podium import Podium, catalogue_of, podium

PATH = "/v1/estimate"
PRICE = Price(input=150_000, output=600_000)


@pytest.fixture
async def server(dsn: str) -> AsyncGenerator[Podium, None]:
    async with podium(dsn) as opened:
        yield opened


async def test_an_estimate_is_tokens_times_prices(server: Podium) -> None:
    told = await server.call(
        "POST", PATH, json={"model": "lab/small", "input": "Hello there", "max_tokens": 100}
    )
    assert told["estimated_cost"] == f"{(told['input_tokens'] * 150 + 100 * 600) / 1e9:.9f}".rstrip("0")
    assert told["model"] == "lab/small"
    assert told["counting_method"] in ("local_exact", "estimate")
    assert (told["allowed"], told["message"]) == (True, "No budget limits this call.")
    said = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello there"}]
    more = await server.call("POST", PATH, json={"input": said, "max_tokens": 100})
    assert more["input_tokens"] > told["input_tokens"]


async def test_an_estimate_says_whether_budgets_would_let_the_call_be_made(server: Podium) -> None:
    body = {"model": "lab/small", "input": "Hello there", "max_tokens": 1000}
    budget = {"scope": {"type": "tenant", "id": "default"}, "limit": "0.001", "period": "month"}
    made = await server.call("POST", "/v1/budgets", json=budget)

    async def judged(limit: str) -> tuple[bool, str]:
        await server.call("PATCH", f"/v1/budgets/{made['id']}", json={"limit": limit})
        told = await server.call("POST", PATH, json=body)
        return told["allowed"], told["message"].split(":")[0]

    assert await judged("1") == (True, "Within the budgets")
    assert await judged("0.0004") == (True, "Its answer may be cut short")
    assert await judged("0.00001") == (False, "Budget limit exceeded")


async def test_what_a_user_has_by_default_counts_before_the_first_call(dsn: str) -> None:
    async with podium(dsn, default_daily_budget="0.00001", default_user_budget="7") as server:
        told = await server.call("POST", PATH, json={"input": "Hello there", "max_tokens": 1000})
        assert not told["allowed"]
        assert told["message"].startswith(
            "Budget limit exceeded: 0.00001 dollars are left of the user's budget"
        )
        key = {"tenant": "default", "user": "ann", "scope": "member"}
        headers = {"authorization": f"Bearer {(await server.call('POST', '/v1/keys', json=key))['key']}"}
        left = await server.call("GET", "/budgets/status/s-1", headers=headers)
        assert (left["user"]["budget_limit"], left["user"]["reset_period"]) == ("0.00001", "daily")
        assert (await server.call("GET", "/v1/budgets"))["data"] == [], "asking gives nobody anything"


async def test_what_nobody_knows_is_not_told_as_nothing(server: Podium) -> None:
    body = {"model": "lab/dark", "input": "Hello there", "max_tokens": 1000}
    told = await server.call("POST", PATH, json=body)
    assert (told["estimated_cost"], told["allowed"]) == (None, True)
    assert "No price is known for lab/dark" in told["message"]
    asked = {"model": "lab/dark", "message": "hello"}
    async with server.http.post(f"{server.url}/chat", json=asked) as answer:
        assert (await answer.json())["cost_info"]["tracking_status"] == "failed"
        assert "x-podium-cost" not in answer.headers
    [entry] = (await server.call("GET", "/v1/ledger"))["data"]
    assert entry["tariff"] == {"input": "0", "output": "0", "source": "no price is known"}


async def test_nothing_is_called_held_or_entered(server: Podium, dsn: str) -> None:
    await server.call("POST", PATH, json={"input": "Hello there"})
    assert not server.host.oracle.calls
    connection = await asyncpg.connect(dsn)
    for table in ("holds", "ledger_entries"):
        assert await connection.fetchval(f"SELECT count(*) FROM {table}") == 0
    await connection.close()


async def test_a_wrong_member_is_named(server: Podium) -> None:
    for body, status, param in (
        ({}, 400, "input"),
        ({"input": []}, 400, "input"),
        ({"input": "x", "max_tokens": 0}, 400, "max_tokens"),
        ({"input": "x", "model": "nobody/knows"}, 404, "model"),
        ({"input": [1]}, 400, "input[0]"),
        ({"input": [{"role": "user"}]}, 400, "input[0].content"),
        ({"input": [{"role": "user", "content": "messages"}, {"content": "x"}]}, 400, "input[1].role"),
    ):
        async with server.http.post(server.url + PATH, json=body) as answer:
            told = await answer.json()
            assert (answer.status, told["error"]["param"]) == (status, param), told


def counting(host: Simulator) -> Catalogue:
    """The simulator as a host that counts, and is to be asked."""
    known = catalogue_of(host)
    claude = Endpoint("claude", "anthropic", host.root, "sk-x", price=PRICE, count_tokens=True)
    return replace(known, endpoints={**known.endpoints, "claude": claude})


async def test_a_host_that_counts_is_asked_where_its_endpoint_says_so(dsn: str) -> None:
    async with podium(dsn, catalogue=counting) as server:
        body = {"model": "claude/any", "input": "Hello there", "max_tokens": 100}
        told = await server.call("POST", PATH, json=body)
        said = {"model": "claude/any", "messages": [{"role": "user", "content": "Hello there"}]}
        counted = await server.call("POST", "/v1/messages/count_tokens", json=said)
        assert (told["counting_method"], told["input_tokens"]) == ("real_api", counted["input_tokens"])
        await server.call("POST", PATH, json={**body, "input": "[[fault 500]]"})
        # Near a limit the call itself is held for by the host's count, and served.
        limit = f"{((counted['input_tokens'] * 51 // 50 + 16) * 150 + 256 * 600) / 1e9:.9f}"
        budget = {"scope": {"type": "tenant", "id": "default"}, "limit": limit, "period": "total"}
        await server.call("POST", "/v1/budgets", json=budget)
        answer = await server.call("POST", "/v1/messages", json={**said, "max_tokens": 4000})
        assert answer["content"]
