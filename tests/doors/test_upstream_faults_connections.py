"""Hosts that cannot be reached, or fall silent: what a client of the same dialect sees, and what is asked how often.

Each heading is a fault of the fault model (docs/faults.md).
"""

import asyncio
import socket
import time
from collections.abc import AsyncGenerator
from contextlib import closing
from dataclasses import replace

import pytest

from podium.catalogue.catalogue import Catalogue
from podium.simulator import Simulator
from tests.doors.clients import WIRES, ask
from tests.doors.podium import Podium, podium
from tests.doors.upstream import HASTY, breakers, follow, services, three_hosts, turn
from tests.simulator.serving import simulator, wait_for

pytestmark = pytest.mark.filterwarnings(
    "ignore:Inheritance class:DeprecationWarning"
)  # Google's SDK does that


@pytest.fixture
async def house(dsn: str) -> AsyncGenerator[Podium, None]:
    async with podium(dsn, catalogue=three_hosts) as running:
        yield running


@pytest.fixture(params=WIRES)
def wire(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[True, False], ids=["streamed", "whole"])
def stream(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


# ── U1, U2: no connection ────────────────────────────────────────────────────────────────────────────────


async def test_a_host_that_refuses_connections_is_a_503_that_says_when_to_come_again(
    house: Podium, wire: str, stream: bool
) -> None:
    told = await ask(house.url, wire, f"dead-{wire}/any", "hello", stream=stream)
    assert told.status == 503
    assert (told.headers["retry-after"], told.headers["x-should-retry"]) == ("1", "true")
    assert not house.host.oracle.calls
    assert "Nothing was sent" in told.message


async def test_past_a_host_that_refuses_connections_the_route_answers(
    house: Podium, wire: str, stream: bool
) -> None:
    told = await ask(house.url, wire, f"past-{wire}", "hello", stream=stream)
    assert (told.text, told.error) == ("You said: hello", None)


async def test_a_host_whose_name_nobody_knows_is_a_503(house: Podium, wire: str) -> None:
    told = await ask(house.url, wire, f"nameless-{wire}/any", "hello")
    assert told.status == 503
    assert "cannot be resolved" in told.message
    assert (await services(house))[f"nameless-{wire}"]["last_error"] == "upstream_unreachable"


async def test_a_host_that_takes_no_connection_is_a_503_after_the_connect_timeout(
    dsn: str, wire: str
) -> None:
    loop = asyncio.get_running_loop()
    with closing(socket.create_server(("127.0.0.1", 0), backlog=0)) as full:
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:  # fills the queue of connections that nobody accepts
            each.setblocking(False)
            asyncio.ensure_future(loop.sock_connect(each, ("127.0.0.1", port))).add_done_callback(
                lambda _: None
            )
        await asyncio.sleep(0)

        def catalogue(host: Simulator) -> Catalogue:
            well = three_hosts(host).endpoints[f"once-{wire}"]
            away = replace(well, name="away", base_url=f"http://127.0.0.1:{port}/v1", patience=HASTY)
            return Catalogue(endpoints={"away": away}, allow_unpriced=True)

        async with podium(dsn, catalogue=catalogue) as house:
            told = await ask(house.url, wire, "away/any", "hello")
        for each in waiting:
            each.close()
    assert told.status == 503
    assert "in time" in told.message
    assert "Nothing was sent" in told.message


# ── U4, U5: silence before the first word ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("place", ["request", "headers"])
async def test_a_host_that_says_nothing_is_asked_twice_and_is_a_504(
    house: Podium, wire: str, place: str
) -> None:
    told = await ask(house.url, wire, f"hasty-{wire}/any", f"[[fault hang after={place}]]", stream=True)
    assert told.status == 504
    assert told.headers["x-should-retry"] == "true"
    oracle = house.host.oracle
    await wait_for(lambda: not oracle.running, within=30)
    assert [(each.ended, each.output) for each in oracle.calls] == [("client_gone", 0)] * 2


async def test_a_host_that_says_nothing_is_passed_over_in_a_route(house: Podium, wire: str) -> None:
    hang = "[[fault hang after=request times=2 key=shy]] [[say at last]]"
    told = await ask(house.url, wire, f"beyond-{wire}", hang, stream=True)
    assert (told.text, told.error) == ("at last", None)


# ── U6, U7: silence and slowness in the middle ───────────────────────────────────────────────────────────


@pytest.mark.parametrize("chunks", [1, 5])
async def test_a_host_that_falls_silent_leaves_what_it_said_and_the_turn_can_be_continued(
    house: Podium, wire: str, chunks: int
) -> None:
    said = "one two three four five six"
    asked = f"[[say {said}]] [[fault hang after={chunks} times=2 key=still]]"
    told = await ask(house.url, wire, f"hasty-{wire}/any", asked, stream=True)
    assert told.error is not None
    assert "silent" in told.message
    assert told.finish is None
    report, story = await turn(house, asked, f"hasty-{wire}/any")
    assert (report["status"], report["error"]["code"]) == ("interrupted", "upstream_timeout")
    words = " ".join(said.split()[:chunks])
    assert [told.text, report["output_text"]] == [words, words]
    assert len(story["attempts"]) == 1
    went_on = await house.call("POST", f"/v1/turns/{report['id']}/continue", json={"stream": False})
    assert went_on["status"] == "completed"


async def test_a_host_that_drips_is_cut_at_the_deadline_of_the_attempt(house: Podium, wire: str) -> None:
    began = time.monotonic()
    asked = "[[fault drip bytes=1 every=0.2]] hello"
    told = await ask(house.url, wire, f"hasty-{wire}/any", asked, stream=True)
    assert told.error is not None
    assert (told.finish, told.text) == (None, "")
    assert time.monotonic() - began >= HASTY.total
    await wait_for(lambda: not house.host.oracle.running, within=30)
    assert {each.ended for each in house.host.oracle.calls} == {"client_gone"}


# ── U21: redirects ───────────────────────────────────────────────────────────────────────────────────────


async def test_a_redirect_is_not_followed_and_the_key_goes_nowhere(house: Podium, wire: str) -> None:
    async with simulator() as elsewhere:
        to = f"{elsewhere.root}/v1/chat/completions"
        for status in (301, 302, 303, 307, 308):
            told = await ask(house.url, wire, f"{wire}/any", f"[[fault redirect status={status} to={to}]]")
            assert (told.status, told.headers["x-should-retry"]) == (502, "false")
            assert "redirect" in told.message
            assert to not in told.message
        assert not elsewhere.oracle.calls
    assert len(house.host.oracle.calls) == 5


# ── U22: a kept connection that dies as it is used again ─────────────────────────────────────────────────


async def test_a_connection_that_died_as_it_was_used_again_is_not_noticed(house: Podium, wire: str) -> None:
    for how in ("close", "reset"):
        for stream in (True, False):
            await ask(house.url, wire, f"once-{wire}/any", "warm up")
            asked = f"[[fault {how} after=request times=1 key={how}{stream}]] [[say done]]"
            told = await ask(house.url, wire, f"once-{wire}/any", asked, stream=stream)
            assert (told.text, told.error) == ("done", None)


async def test_a_new_connection_that_dies_is_an_attempt_that_failed(house: Podium, wire: str) -> None:
    told = await ask(house.url, wire, f"once-{wire}/any", "[[fault close after=request]]")
    assert told.status == 502
    assert len(house.host.oracle.calls) == 1


# ── U23: a key that is no longer good ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", [401, 403])
async def test_a_key_that_the_host_refuses_is_the_operators_business_and_a_route_goes_on(
    house: Podium, wire: str, status: int
) -> None:
    await follow(house, {"model": "flaky", "answer": f"[[fault {status}]]"})
    told = await ask(house.url, wire, f"{wire}/flaky", "hello")
    assert (told.status, told.headers["x-should-retry"]) == (502, "false")
    assert len(house.host.oracle.calls) == 1
    assert (await ask(house.url, wire, f"safe-{wire}", "hello")).text == "You said: hello"
    seen = (await services(house))[wire]
    assert (seen["healthy"], seen["last_error"]) == (False, f"upstream_rejected (status {status})")
    assert (await breakers(house))[wire]["state"] == "closed"
