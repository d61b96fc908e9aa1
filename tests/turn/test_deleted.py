"""A conversation that is deleted on one server, and whoever listens to its turns on another; nobody is left waiting."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from podium.kit import ids
from tests.turn.home import Home, homes
from tests.turn.mortal import Heard, wait_for

SLOW = "[[tokens=2000 rate=100]]"


@pytest.fixture
async def pair(dsn: str) -> AsyncGenerator[list[Home], None]:
    async with homes(dsn, 2) as made:
        yield made


async def speaking(home: Home, conversation: str) -> Heard:
    heard = home.say(conversation, SLOW)
    await wait_for(lambda: heard.deltas > 3)
    return heard


def chatting(conversation: str, home: Home, text: str) -> "asyncio.Task[tuple[int, object]]":
    """A call over OpenAI's dialect that is not streamed, in a conversation."""
    body = {"messages": [{"role": "user", "content": text}], "x_podium": {"conversation": conversation}}
    return asyncio.create_task(home.ask("POST", "/v1/chat/completions", body))


async def wait_left(home: Home) -> None:
    await wait_for(lambda: not home.app.turns._listeners and not home.app._mirrors._mirrors)


@pytest.mark.promise("terminal")
async def test_who_follows_a_turn_elsewhere_hears_that_its_conversation_was_deleted(
    pair: list[Home],
) -> None:
    here, there = pair
    conversation = await here.conversation()
    heard = await speaking(here, conversation)
    far = [there.follow(str(heard.turn), after) for after in (0, 0, 3, 5000)]
    await wait_for(lambda: all(each.deltas > 3 for each in far[:3]))
    await here.good("DELETE", f"/v1/conversations/{conversation}")
    for each in (heard, *far):
        await each.done()
        assert each.frames[-1].kind == "turn.cancelled"
        assert each.end["id"] == heard.turn
        assert each.end["error"]["code"] == "cancelled"
        assert not each.broken
    for each, after in zip(far[:3], (0, 0, 3), strict=True):
        assert [frame.seq for frame in each.frames] == list(range(after + 1, after + len(each.frames) + 1))
        assert each.frames[:-1] == heard.frames[after : after + len(each.frames) - 1]
    await wait_left(there)


@pytest.mark.promise("terminal")
async def test_who_waits_elsewhere_in_a_deleted_conversation_is_answered(
    pair: list[Home], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though it looks so seldom that it never saw the turns of the queue come to their end."""
    here, there = pair
    conversation = await here.conversation()
    heard = await speaking(here, conversation)
    body = {"input": "next", "stream": False}
    native = asyncio.create_task(there.ask("POST", f"/v1/conversations/{conversation}/turns", body))
    streamed = there.say(conversation, "and then")
    await here.wait_turns(conversation, 3)
    dialect = chatting(conversation, there, "last")
    await here.wait_turns(conversation, 4)
    await wait_for(lambda: len(there.app._mirrors._mirrors) == 3)
    monkeypatch.setattr("podium.journal.mirror._TICK", 0.5)
    await here.good("DELETE", f"/v1/conversations/{conversation}")
    async with asyncio.timeout(10):
        status, told = await native
        assert (status, told["status"], told["error"]["code"]) == (200, "cancelled", "cancelled")
        status, told = await dialect
        assert 400 <= status < 500, told
        assert "cancelled" in str(told)
        await streamed.done()
        assert streamed.end["status"] == "cancelled"
        await heard.done()
    await wait_left(there)


@pytest.mark.promise("terminal")
async def test_who_could_not_read_while_it_was_deleted_hears_so_later(
    pair: list[Home], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mirror is slow, or its database was away: nothing of the turn is left when it looks again."""
    here, there = pair
    conversation = await here.conversation()
    heard = await speaking(here, conversation)
    far = there.follow(str(heard.turn))
    await wait_for(lambda: far.deltas > 3)
    with monkeypatch.context() as away:
        away.setattr(there.app._mirrors, "_read_once", lambda: asyncio.sleep(0.01))
        away.setattr("podium.journal.mirror._LOOK_SECONDS", 1000.0)
        await here.good("DELETE", f"/v1/conversations/{conversation}")
        await heard.done()
    await far.done()
    assert far.end["status"] == "cancelled"
    assert far.frames[:-1] == heard.frames[: len(far.frames) - 1]


async def test_nobody_waits_for_events_that_are_kept_no_longer(pair: list[Home]) -> None:
    here, there = pair
    heard = here.say(await here.conversation(), "[[say done]]")
    await heard.done()
    await here.app.database.fetch("SELECT journal_sweep($1, 1000)", ids.before("turn", -1))
    for home in pair:
        status, told = await home.ask("GET", f"/v1/turns/{heard.turn}/events")
        assert (status, told["error"]["code"]) == (410, "gone")
        assert await home.good("POST", f"/v1/turns/{heard.turn}/cancel") == heard.end
    # Whoever was let in before they went hears how it ended; and nobody waits for a turn that never was.
    for turn, end in ((str(heard.turn), "TurnCompleted"), (ids.new("turn"), "TurnCancelled")):
        async with asyncio.timeout(10):
            entries = [entry async for stretch in there.app.turns.follow(turn) for entry in stretch]
        assert [type(entry.event).__name__ for entry in entries] == [end]
