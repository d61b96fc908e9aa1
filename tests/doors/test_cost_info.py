"""What a turn cost is told in its answer: natively in full, in every dialect in a header."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from podium.catalogue.catalogue import Catalogue
from podium.simulator import Simulator
from tests.doors.podium import Podium, catalogue_of, podium
from tests.serving import Cluster, fresh_database
from tests.turn.mortal import wait_for

ASKED = [{"role": "user", "content": "hello"}]
DOORS: list[tuple[str, dict[str, Any]]] = [
    ("/v1/chat/completions", {"model": "lab/small", "messages": ASKED}),
    ("/v1/messages", {"model": "lab/small", "max_tokens": 99, "messages": ASKED}),
    ("/v1beta/models/lab/small:generateContent", {"contents": [{"parts": [{"text": "hello"}]}]}),
    ("/llm/chat/", {"user_id": "00000000-0000-0000-0000-000000000000", "initial_message": "hello"}),
    ("/chat", {"message": "hello"}),
]


def worth(server: Podium) -> Decimal:
    """What the last call was worth at the price of `lab/small`."""
    call = server.host.oracle.calls[-1]
    return (call.input * Decimal("0.15") + (call.output + call.reasoning) * Decimal("0.60")) / 10**6


@pytest.mark.parametrize(("path", "body"), DOORS, ids=[path for path, _ in DOORS])
async def test_every_door_tells_the_cost_in_a_header(server: Podium, path: str, body: dict[str, Any]) -> None:
    async with server.http.post(server.url + path, json=body) as answer:
        assert answer.status == 200, await answer.text()
        assert Decimal(answer.headers["x-podium-cost"]) == worth(server)


async def test_a_native_turn_tells_it_whole_and_streamed_and_later(server: Podium) -> None:
    path = f"/v1/conversations/{await server.conversation()}/turns"
    text = "[[reason tokens=40]] [[tokens=9]]"
    async with server.http.post(server.url + path, json={"input": text}) as answer:
        whole = await answer.json()
        assert answer.headers["x-podium-cost"] == whole["cost_info"]["total_cost"] == whole["cost"]
    cost, call = whole["cost_info"], server.host.oracle.calls[-1]
    assert Decimal(cost["total_cost"]) == worth(server)
    assert (cost["tracking_status"], cost["token_details"]["counting_method"]) == ("success", "real_api")
    assert cost["token_details"]["thinking_tokens"] == call.reasoning > 0
    assert cost["token_details"]["output_tokens"] == call.output
    assert (await server.call("GET", f"/v1/turns/{whole['id']}"))["cost_info"] == cost

    async with server.http.post(server.url + path, json={"input": "hello", "stream": True}) as answer:
        assert "x-podium-cost" not in answer.headers
        last = (await answer.read()).rstrip().rpartition(b"data: ")[2]
    streamed = msgspec.json.decode(last)["turn"]
    assert Decimal(streamed["cost_info"]["total_cost"]) == worth(server)


async def test_the_parts_of_a_cost_are_the_whole_of_it(server: Podium) -> None:
    path = f"/v1/conversations/{await server.conversation()}/turns"
    text = "[[cached=3]] [[reason tokens=40]] [[tokens=9]]"
    cost = (await server.call("POST", path, json={"input": text}))["cost_info"]
    parts = {name: Decimal(part) for name, part in cost["cost_breakdown"].items()}
    assert sum(parts.values()) == Decimal(cost["total_cost"])
    assert all(parts[name] > 0 for name in ("input_cost", "output_cost", "thinking_cost", "cached_cost"))


async def test_a_turn_that_runs_has_no_cost_yet(server: Podium) -> None:
    path = f"/v1/conversations/{await server.conversation()}/turns"
    async with server.http.post(
        server.url + path, json={"input": "[[tokens=40 rate=20]]", "stream": True}
    ) as answer:
        await wait_for(lambda: server.host.oracle.running)
        turn = await server.call("GET", f"/v1/turns/{answer.headers['x-podium-turn']}")
        assert turn["cost_info"]["tracking_status"] == "pending"
        assert turn["cost_info"]["total_cost"] == "0"
        await server.call("POST", f"/v1/turns/{turn['id']}/cancel")


async def test_a_turn_that_was_cancelled_in_the_queue_cost_nothing(server: Podium) -> None:
    path = f"/v1/conversations/{await server.conversation()}/turns"
    slow = {"input": "[[tokens=40 rate=20]]", "stream": True}
    async with server.http.post(server.url + path, json=slow) as first:
        async with server.http.post(server.url + path, json={"input": "hello", "stream": True}) as second:
            turn = await server.call("POST", f"/v1/turns/{second.headers['x-podium-turn']}/cancel")
        assert (turn["cost_info"]["tracking_status"], turn["cost_info"]["total_cost"]) == ("success", "0")
        await server.call("POST", f"/v1/turns/{first.headers['x-podium-turn']}/cancel")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def priced(cluster: Cluster) -> AsyncGenerator[Podium, None]:
    """One for all of them, where a model with a vocabulary has a price."""

    def catalogue(host: Simulator) -> Catalogue:
        known = catalogue_of(host)
        exact = replace(known.profiles["lab/small"], model="gpt-4o")
        return replace(known, profiles={**known.profiles, exact.name: exact})

    async with fresh_database(cluster) as dsn, podium(dsn, catalogue=catalogue) as running:
        yield running


@pytest.mark.parametrize(
    ("model", "text", "status", "method"),
    [
        ("lab/small", "hello", "success", "real_api"),
        ("lab/small", "[[usage=absent]] hello", "estimated", "estimate"),
        ("lab/gpt-4o", "[[usage=absent]] hello", "estimated", "local_exact"),
        ("lab/gpt-4o", "[[usage=absent]] [[reason tokens=9]] hello", "estimated", "estimate"),
        ("lab/dark", "hello", "failed", "real_api"),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_cost_says_how_well_it_is_known(
    priced: Podium, model: str, text: str, status: str, method: str
) -> None:
    body = {"model": model, "message": text}
    async with priced.http.post(f"{priced.url}/chat", json=body) as answer:
        cost = (await answer.json())["cost_info"]
        assert (cost["tracking_status"], cost["token_details"]["counting_method"]) == (status, method)
        assert ("x-podium-cost" in answer.headers) == (status != "failed")
        assert (Decimal(cost["total_cost"]) > 0) == (status != "failed")


@pytest.mark.parametrize(
    "ends", ["[[fault reset after=request times=3]]", "[[fault reset after=request times=1]]"]
)
async def test_what_may_still_be_owed_is_no_known_cost(server: Podium, ends: str) -> None:
    """A host that was asked and said nothing may have worked; whether or not another try went well."""
    path = f"/v1/conversations/{await server.conversation()}/turns"
    async with server.http.post(server.url + path, json={"input": f"hello {ends}"}) as answer:
        turn = await server.call("GET", f"/v1/turns/{answer.headers['x-podium-turn']}")
    assert turn["cost_info"]["tracking_status"] == "failed"
