"""An idempotency key whose turn's server died before a word was shown is free again; else the turn is told as it is."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from podium.kit import ids
from podium.store.database import Lane
from tests.turn.home import Home, homes
from tests.turn.mortal import LONG, Heard, wait_for
from tests.turn.test_strays import judge

pytestmark = pytest.mark.promise("terminal")


@pytest.fixture
async def pair(dsn: str) -> AsyncGenerator[list[Home], None]:
    async with homes(dsn, 2, lease_seconds=5) as made:
        yield made


async def said_again(home: Home, text: str, key: str, *, stream: bool) -> Heard:
    again = home.chat(text, key=key, stream=stream)
    await again.done()
    return again


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_call_of_which_nothing_was_shown_is_done_when_it_comes_again(
    pair: list[Home], *, stream: bool
) -> None:
    here, there = pair
    fault = f"[[fault hang after=request seconds=60 times=1 key={ids.new('fault')}]]"
    text, key = f"[[say one two]] {fault}", ids.new("key")
    first = here.chat(text, key=key, stream=stream)
    await wait_for(lambda: here.host.oracle.running)
    await judge(here)
    await first.done()
    assert (first.status, first.error["error"]["code"]) == (503, "interrupted")
    assert (await there.ended_turn(str(first.turn)))["status"] == "failed"
    again = await said_again(there, text, key, stream=stream)
    assert (again.status, again.turn == first.turn) == (200, False)
    replayed = await said_again(here, text, key, stream=stream)
    assert (replayed.status, replayed.turn) == (200, again.turn)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_call_that_broke_off_is_told_again_to_whom_it_was_shown(
    pair: list[Home], monkeypatch: pytest.MonkeyPatch, *, stream: bool
) -> None:
    here, there = pair
    text, key, name = "[[say one two]]", ids.new("key"), here.app._lease.owner
    fetch, holding, released = Lane.fetch, asyncio.Event(), asyncio.Event()

    async def held(lane: Lane, sql: str, *arguments: Any, **more: Any) -> Any:
        if "turn_record" in sql and arguments[0] == name:
            holding.set()
            await released.wait()
        return await fetch(lane, sql, *arguments, **more)

    monkeypatch.setattr(Lane, "fetch", held)
    first = here.chat(text, key=key, stream=stream)
    async with asyncio.timeout(LONG):
        await holding.wait()
    await judge(here)
    released.set()
    await first.done()
    assert first.status == (200 if stream else 503)
    told = await there.ended_turn(str(first.turn))
    assert (told["status"], told["output_text"]) == ("interrupted", "one two")
    again = await said_again(there, text, key, stream=stream)
    assert (again.status, again.turn == first.turn) == (200, stream)
    ended = await there.ended_turn(str(again.turn))
    assert ended["status"] == ("interrupted" if stream else "completed")
