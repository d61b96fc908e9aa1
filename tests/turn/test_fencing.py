"""A server that is stopped past its lease, while another goes on with its turns, writes nothing when it wakes."""

import os
import signal
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from typing import Any

import asyncpg
import pytest

from tests.simulator.serving import simulator
from tests.turn.mortal import Mortal, mortal, wait_for

LEASE = 2.0


@pytest.fixture
async def pair(dsn: str) -> AsyncGenerator[tuple[Mortal, Mortal], None]:
    """Two installations on one database, with one model's host."""
    async with AsyncExitStack() as stack:
        host = await stack.enter_async_context(simulator())
        more: dict[str, Any] = {
            "DATABASE_URL": dsn,
            "PODIUM_LEASE_SECONDS": str(LEASE),
            "PODIUM_ADMIN_KEY": "podium_one_key",
        }
        one = await stack.enter_async_context(mortal(host=host, **more))
        yield one, await stack.enter_async_context(mortal(host=host, **more))


async def cut_sessions(dsn: str) -> None:
    """Break every connection to the database."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await connection.close()


@pytest.mark.promise("prefix", "terminal")
@pytest.mark.parametrize("is_cut", [False, True], ids=["connected", "cut off"])
async def test_a_server_that_wakes_after_its_lease_writes_nothing(
    pair: tuple[Mortal, Mortal], dsn: str, *, is_cut: bool
) -> None:
    sleeper, other = pair
    spoken = await sleeper.conversation()
    silent = await sleeper.conversation()
    heard = sleeper.say(spoken, "[[tokens=2000 rate=50]]")
    unheard = sleeper.say(silent, "[[say at last]][[fault hang after=request seconds=6 times=1]]")
    stateless = sleeper.chat("[[tokens=2000 rate=50]]")
    queued = sleeper.say(spoken, "[[say next]]")
    await wait_for(lambda: heard.deltas > 3 and queued.frames == [] and len(sleeper.host.oracle.running) == 3)
    stopped = sleeper.server()
    os.kill(stopped, signal.SIGSTOP)
    try:
        if is_cut:
            await cut_sessions(dsn)
        first, second = await other.ended(spoken, within=6 * LEASE)
        [rerun] = await other.ended(silent, within=6 * LEASE)
        assert (first["status"], second["status"], rerun["status"]) == (
            "interrupted",
            "completed",
            "completed",
        )
        assert [role for role, _ in await other.items(spoken)] == ["user", "assistant"] * 2
        turns = [first["id"], second["id"], rerun["id"]]
        before = [await other.events(turn) for turn in turns]
    finally:
        os.kill(stopped, signal.SIGCONT)
    # It serves again; what it had under way is lost to it, and its listeners go on with what is stored.
    for listener in (heard, unheard, queued, stateless):
        await listener.done()
    assert [await sleeper.events(turn) for turn in turns] == before
    assert [await other.events(turn) for turn in turns] == before
    assert heard.frames == before[0]
    assert queued.frames == before[1]
    assert unheard.frames == before[2]
    await wait_for(lambda: not sleeper.host.oracle.running)
    assert stateless.turn is not None
    assert (await other.ended_turn(stateless.turn))["status"] == "interrupted"
    again = sleeper.say(spoken, "[[say and on]]")
    await again.done()
    assert again.end["status"] == "completed"


@pytest.mark.promise("terminal", "message")
async def test_a_server_that_dies_is_replaced_by_another_within_its_lease(
    pair: tuple[Mortal, Mortal],
) -> None:
    dying, other = pair
    conversation = await dying.conversation()
    heard = dying.say(conversation, "[[tokens=2000 rate=50]]")
    await wait_for(lambda: heard.deltas > 3)
    dying.say(conversation, "[[say next]]")
    await dying.wait_turns(conversation, 2)
    elsewhere = other.follow(str(heard.turn))
    await wait_for(lambda: elsewhere.deltas > 3)
    os.kill(dying.installation.pid, signal.SIGKILL)
    turns = await other.ended(conversation, within=6 * LEASE)
    assert [turn["status"] for turn in turns] == ["interrupted", "completed"]
    await elsewhere.done()
    assert elsewhere.frames == await other.events(turns[0]["id"])
    assert elsewhere.frames[: len(heard.frames)] == heard.frames


@pytest.mark.promise("prefix")
async def test_any_server_follows_and_stops_any_turn(pair: tuple[Mortal, Mortal]) -> None:
    here, there = pair
    heard = here.say(await here.conversation(), "[[tokens=2000 rate=50]]")
    await wait_for(lambda: heard.deltas > 3)
    elsewhere = there.follow(str(heard.turn))
    await wait_for(lambda: elsewhere.deltas > 3)
    told = await there.good("POST", f"/v1/turns/{heard.turn}/cancel")
    assert told["status"] == "cancelled"
    took = await wait_gone(here)
    assert took < 4.0, took
    await heard.done()
    await elsewhere.done()
    assert heard.frames == elsewhere.frames == await there.events(str(heard.turn))
    assert here.host.oracle.calls[-1].ended == "client_gone"


async def wait_gone(podium: Mortal) -> float:
    """How long the host still speaks."""
    began = os.times().elapsed
    await wait_for(lambda: not podium.host.oracle.running)
    return os.times().elapsed - began
