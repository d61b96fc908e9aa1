"""A server that is told to stop: turns end or are left whole to be run again, clients are told, nothing hangs."""

import asyncio
import signal
import time
from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio

from tests.turn.mortal import Mortal, mortal, wait_for

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.promise("terminal", "message", "prefix")]

DRAIN = 2.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def podium() -> AsyncGenerator[Mortal, None]:
    async with mortal(PODIUM_DRAIN_SECONDS=str(DRAIN)) as running:
        yield running


async def test_what_ends_in_time_ends_well_and_the_rest_is_told_or_left(podium: Mortal) -> None:
    short = podium.say(await podium.conversation(), "[[tokens=60 rate=60]]")
    spoken = await podium.conversation()
    long = podium.say(spoken, "[[tokens=5000 rate=50]]")
    stateless = podium.chat("[[tokens=5000 rate=50]]")
    silent = await podium.conversation()
    unheard = podium.say(silent, "[[say at last]][[fault hang after=request seconds=20 times=1]]")
    await wait_for(lambda: short.deltas > 3 and long.deltas > 3 and len(podium.host.oracle.running) == 4)
    waiting = podium.say(spoken, "[[say next]]")
    await podium.wait_turns(spoken, 2)
    began = time.monotonic()
    assert await podium.stopped() == 0
    assert time.monotonic() - began < DRAIN + 8.0
    for heard in (short, long, stateless, unheard, waiting):
        await heard.done()
    assert short.end["status"] == "completed"
    assert long.end["status"] == "interrupted", "its listener was told"
    assert (unheard.end, waiting.end) == (None, None), "nothing was seen of them: they are left"
    await asyncio.to_thread(podium.installation.serve)
    podium.moved()
    assert (await podium.ended(spoken))[0] == long.end
    assert [turn["status"] for turn in await podium.ended(spoken)] == ["interrupted", "completed"]
    assert [turn["status"] for turn in await podium.ended(silent)] == ["completed"]
    assert (await podium.ended_turn(str(stateless.turn)))["status"] == "interrupted"
    assert await podium.events(str(long.turn)) == long.frames


async def test_an_idle_server_stops_at_once(podium: Mortal) -> None:
    heard = podium.say(await podium.conversation(), "hello")
    await heard.done()
    began = time.monotonic()
    podium.installation.process.send_signal(signal.SIGTERM)  # type: ignore[union-attr]  # it runs
    assert await asyncio.to_thread(podium.installation.wait_end) == 0
    assert time.monotonic() - began < DRAIN + 3.0
    await asyncio.to_thread(podium.installation.serve)
    podium.moved()


async def test_whoever_asks_while_it_stops_is_refused_or_served_in_full(podium: Mortal) -> None:
    conversation = await podium.conversation()
    listeners = [podium.say(await podium.conversation(), "[[tokens=40 rate=40]]") for _ in range(5)]
    await wait_for(lambda: all(heard.deltas for heard in listeners))
    stopping = asyncio.create_task(podium.stopped())
    late = []
    while not stopping.done():
        late.append(podium.say(conversation, "[[say late]]"))
        await asyncio.sleep(0.1)  # sleep: one after the other
    for heard in (*listeners, *late):
        await heard.done()
    assert all(heard.end["status"] == "completed" for heard in listeners)
    assert all(heard.end is not None or heard.broken or heard.status in (None, 503) for heard in late)
    await asyncio.to_thread(podium.installation.serve)
    podium.moved()
    accepted = [heard for heard in late if heard.frames]
    turns = await podium.ended(conversation)
    assert len(turns) >= len(accepted)
    assert {turn["status"] for turn in turns} <= {"completed"}
