"""Hosts that say "too many", or that they are down: who is asked again, when, and what clients hear of it.

Each heading is a fault of the fault model (docs/faults.md).
"""

import asyncio
import time
from collections.abc import AsyncGenerator

import pytest

from tests.doors.clients import WIRES, ask
from tests.doors.podium import Podium, podium
from tests.doors.upstream import breakers, follow, three_hosts, turn
from tests.simulator.serving import wait_until_idle

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


@pytest.fixture(params=WIRES)
def door(request: pytest.FixtureRequest) -> str:
    return f"{request.param}"


# ── U11, U12: too many requests ──────────────────────────────────────────────────────────────────────────


async def test_a_short_pause_that_the_host_asks_for_is_waited_out_and_told(house: Podium, wire: str) -> None:
    for wish, least in (("retry-after=400ms", 0.4), ("retry-after=date", 1.0), ("retry-after=1", 1.0)):
        began = time.monotonic()
        asked = f"[[fault 429 {wish} times=1 key={least}{wish}]] [[say done]]"
        _, story = await turn(house, asked, f"{wire}/{wish.replace('=', '-')}")
        assert story["turn"]["output_text"] == "done"
        assert [each["step"] for each in story["decisions"]] == ["choose", "retry"]
        assert time.monotonic() - began >= least


async def test_a_pause_that_means_nothing_is_none_and_the_call_is_made_again(
    house: Podium, wire: str
) -> None:
    for number, wish in enumerate(("", "retry-after=-5", "retry-after=soon", "retry-after=9999999999999")):
        asked = f"[[fault 429 {wish} times=1 key={number}]] [[say done]]"
        told = await ask(house.url, wire, f"{wire}/any", asked, stream=True)
        assert (told.text, told.error) == ("done", None)


async def test_a_long_pause_is_handed_on_to_the_client_and_kept_for_the_model(
    house: Podium, door: str, wire: str
) -> None:
    told = await ask(house.url, door, f"{wire}/any", "[[fault 429 retry-after=60]]", stream=True)
    assert told.status == 429
    assert told.headers.get("retry-after") in ("60", None)  # Google's SDK shows no headers of errors
    again = await ask(house.url, door, f"{wire}/any", "hello")
    assert again.status == 429
    assert len(house.host.oracle.calls) == 1
    assert (await ask(house.url, door, f"{wire}/other", "hello")).text == "You said: hello"
    assert (await breakers(house))[wire]["state"] == "closed"


async def test_a_route_goes_on_past_a_host_that_says_too_many(house: Podium, wire: str) -> None:
    await follow(house, {"model": "flaky", "answer": "[[fault 429 retry-after=60]]"})
    for _ in range(3):
        told = await ask(house.url, wire, f"safe-{wire}", "hello", stream=True)
        assert (told.text, told.error) == ("You said: hello", None)
    assert [each.model for each in house.host.oracle.calls] == ["flaky", "steady", "steady", "steady"]


# ── U13: hosts that are down ─────────────────────────────────────────────────────────────────────────────


async def test_a_host_that_fails_twice_is_forgiven_and_one_that_goes_on_failing_is_a_503(
    house: Podium, wire: str
) -> None:
    for status in (
        500,
        502,
        503,
        504,
    ):  # eight retries; of the ten that a host is allowed at once two are left
        asked = f"[[fault {status} times=2 key=s{status}]] [[say done]]"
        assert (await ask(house.url, wire, f"{wire}/any", asked)).text == "done"
    house.host.oracle.forget()
    told = await ask(house.url, wire, f"{wire}/any", "[[fault 529 retry-after=1ms]]", stream=True)
    assert (told.status, told.headers["x-should-retry"]) == (503, "true")
    assert "3 attempts failed" in told.message
    assert len(house.host.oracle.calls) == 3
    assert all((each.input, each.output) == (0, 0) for each in house.host.oracle.calls)


async def test_a_host_that_is_down_is_passed_over_and_soon_not_asked(house: Podium, wire: str) -> None:
    await follow(house, {"model": "flaky", "answer": "[[fault 503]]"})
    told = await asyncio.gather(*(ask(house.url, wire, f"safe-{wire}", "hello") for _ in range(20)))
    assert {each.text for each in told} == {"You said: hello"}
    assert (await breakers(house))[wire]["state"] in ("open", "half_open")
    flaky = sum(each.model == "flaky" for each in house.host.oracle.calls)
    assert flaky <= 20 + 10, "each call once, and no more retries than may be saved up"


async def test_when_nobody_can_answer_it_is_a_503_with_all_that_was_tried_at_every_door(
    house: Podium, door: str, wire: str
) -> None:
    await follow(house, {"answer": "[[fault 503 retry-after=45]]"})
    for stream in (True, False):
        told = await ask(house.url, door, f"past-{wire}", "hello", stream=stream)
        assert told.status == 503
        assert "None of 2 models could answer" in told.message
        assert f"dead-{wire}/any" in told.message
        assert f"spare-{wire}/steady" in told.message
        assert told.headers.get("x-should-retry") in ("true", None)  # Google's SDK shows no headers of errors


async def test_a_refusal_of_the_request_is_the_callers_and_nobody_else_is_asked(
    house: Podium, wire: str
) -> None:
    for status in (400, 413, 422):
        await follow(house, {"answer": f"[[fault {status}]]"})
        for _ in range(10):
            told = await ask(house.url, wire, f"safe-{wire}", "hello")
            assert told.status == status
            assert f"status {status}" in told.message
    await wait_until_idle(house.host)
    assert {each.model for each in house.host.oracle.calls} == {"flaky"}
    assert len(house.host.oracle.calls) == 30
    seen = (await breakers(house))[wire]
    assert (seen["state"], seen["stats"]["consecutive_failures"]) == ("closed", 0)
