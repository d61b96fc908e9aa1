"""Who speaks when: messages to a busy conversation, cancels, keys, and what is deleted meanwhile."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import aiohttp
import pytest

from podium.kit import ids
from podium.store.database import Lane
from tests.turn.home import Home, homes
from tests.turn.mortal import Heard, wait_for

SLOW = "[[tokens=400 rate=100]]"


@pytest.fixture
async def home(dsn: str) -> AsyncGenerator[Home, None]:
    async with homes(dsn) as [one]:
        yield one


async def speaking(home: Home, conversation: str, **members: Any) -> Heard:
    heard = home.say(conversation, SLOW, **members)
    await wait_for(lambda: heard.deltas > 3)
    return heard


async def queued(home: Home, conversation: str, text: str, **members: Any) -> Heard:
    """A turn that waits."""
    known = len(await home.turns(conversation))
    heard = home.say(conversation, text, **members)
    await home.wait_turns(conversation, known + 1)
    return heard


async def test_messages_that_come_while_it_speaks_are_answered_in_their_order(home: Home) -> None:
    conversation = await home.conversation()
    first = home.say(conversation, "[[tokens=40 rate=40]]")
    await wait_for(lambda: first.deltas > 3)
    rest = [await queued(home, conversation, f"[[say {number}]]") for number in range(5)]
    assert [turn["status"] for turn in await home.turns(conversation)] == ["running"] + ["queued"] * 5
    assert await home.items(conversation) == [("user", "[[tokens=40 rate=40]]")], "they wait outside"
    for heard in rest:
        await heard.done()
        assert heard.end["status"] == "completed"
    said = [text for _, text in await home.items(conversation)][2:]
    assert said == [text for number in range(5) for text in (f"[[say {number}]]", str(number))]


async def test_who_waits_is_told_where_and_for_how_long(home: Home) -> None:
    conversation = await home.conversation()
    first = await speaking(home, conversation)
    second = await queued(home, conversation, "[[say yes]]")
    await queued(home, conversation, "[[say no]]")
    turns = await home.turns(conversation)
    assert [turn["queue"] for turn in turns] == [
        None,
        {"position": 1, "depth": 2},
        {"position": 2, "depth": 2},
    ]
    assert turns[0]["waited_seconds"] == 0 < turns[2]["waited_seconds"] <= turns[1]["waited_seconds"]
    [listed] = (await home.good("GET", "/v1/conversations"))["data"]
    assert listed["queue"]["depth"] == 2
    assert listed["queue"]["waited_seconds"] >= turns[1]["waited_seconds"]
    told = await home.good("GET", "/health/turns")
    assert (told["running"], told["queued"]) == (1, 2)
    assert told["waited_seconds"] >= listed["queue"]["waited_seconds"]
    left = await home.good("POST", f"/v1/turns/{turns[2]['id']}/cancel")
    assert (left["queue"], left["started_at"]) == (None, None)
    assert left["waited_seconds"] >= turns[2]["waited_seconds"]
    await home.good("POST", f"/v1/turns/{first.turn}/cancel")
    await second.done()
    assert first.end["waited_seconds"] == 0
    assert second.end["queue"] is None
    assert second.end["waited_seconds"] >= turns[1]["waited_seconds"]
    assert second.end["created_at"] < second.end["started_at"] < second.end["ended_at"]
    assert second.end == await home.good("GET", f"/v1/turns/{second.turn}")
    assert (await home.good("GET", f"/v1/conversations/{conversation}"))["queue"]["depth"] == 0


async def test_each_turn_of_a_queue_sees_what_was_said_before_it(home: Home) -> None:
    conversation = await home.conversation()
    first = await speaking(home, conversation)
    second = await queued(home, conversation, "[[recall]]")
    await home.good("POST", f"/v1/turns/{first.turn}/cancel")
    await second.done()
    assert second.text.startswith(f"user: {SLOW}\nassistant: {first.text}\nuser: [[recall]]")


async def test_a_busy_conversation_refuses_who_wishes_it(home: Home) -> None:
    conversation = await home.conversation()
    await speaking(home, conversation)
    status, told = await home.ask(
        "POST", f"/v1/conversations/{conversation}/turns", {"input": "x", "on_busy": "reject"}
    )
    assert (status, told["error"]["code"]) == (409, "conversation_busy")
    assert "on_busy" in told["error"]["hint"]
    assert len(await home.turns(conversation)) == 1


async def test_who_interrupts_goes_first(home: Home) -> None:
    conversation = await home.conversation()
    first = await speaking(home, conversation)
    waiting = await queued(home, conversation, "[[say later]]")
    urgent = home.say(conversation, "[[say now]]", on_busy="interrupt")
    for heard in (first, waiting, urgent):
        await heard.done()
    assert first.end["status"] == "cancelled"
    assert [text for role, text in await home.items(conversation) if role == "assistant"] == [
        first.text,
        "now",
        "later",
    ]


async def test_a_turn_that_is_interrupted_before_its_first_step_ends_all_the_same(home: Home) -> None:
    """Of several that are opened by one statement, those that come after interrupt the first before it has begun."""
    for _ in range(5):
        conversation = await home.conversation()
        for _ in range(8):
            home.say(conversation, "[[tokens=20 rate=100]]", on_busy="interrupt")
        await home.wait_turns(conversation, 8)
        turns = await home.ended(conversation)
        assert {turn["status"] for turn in turns} <= {"completed", "cancelled"}


async def test_a_turn_that_waits_can_be_cancelled(home: Home) -> None:
    conversation = await home.conversation()
    first = await speaking(home, conversation)
    second = await queued(home, conversation, "[[say no]]")
    third = await queued(home, conversation, "[[say yes]]")
    turn = (await home.turns(conversation))[1]["id"]
    told = await home.good("POST", f"/v1/turns/{turn}/cancel")
    assert (told["status"], told["output_text"]) == ("cancelled", "")
    await second.done()
    assert [frame.kind for frame in second.frames] == ["turn.started", "turn.cancelled"]
    assert await home.events(turn) == second.frames
    await home.good("POST", f"/v1/turns/{first.turn}/cancel")
    await third.done()
    assert third.text == "yes"
    assert "[[say no]]" not in [text for _, text in await home.items(conversation)], "it was never said"


async def test_cancel_stops_the_host_within_a_second_and_keeps_the_text(home: Home) -> None:
    conversation = await home.conversation()
    heard = await speaking(home, conversation)
    told = await home.good("POST", f"/v1/turns/{heard.turn}/cancel")
    await wait_for(lambda: not home.host.oracle.running, within=1.0)
    assert home.host.oracle.calls[-1].ended == "client_gone"
    await heard.done()
    assert told["status"] == "cancelled"
    assert told["output_text"] == heard.text != ""
    assert (await home.items(conversation))[-1] == ("assistant", heard.text)
    again = await home.good("POST", f"/v1/turns/{heard.turn}/cancel")
    assert again == told
    [attempt] = (await home.story(str(heard.turn)))["attempts"]
    assert attempt["failed"]["code"] == "cancelled"


async def test_a_cancelled_turn_can_be_continued(home: Home) -> None:
    conversation = await home.conversation()
    heard = await speaking(home, conversation)
    await home.good("POST", f"/v1/turns/{heard.turn}/cancel")
    told = await home.good("POST", f"/v1/turns/{heard.turn}/continue", {})
    assert told["status"] == "completed"
    assert [role for role, _ in await home.items(conversation)] == ["user", "assistant", "assistant"]


async def test_a_turn_that_is_being_continued_is_not_continued_again(home: Home) -> None:
    script = {"rules": [{"match": "Continue", "answer": SLOW}]}
    async with aiohttp.request("PUT", f"{home.host.root}/script", json=script) as scripted:
        assert scripted.ok
    conversation = await home.conversation()
    heard = await speaking(home, conversation)
    await home.good("POST", f"/v1/turns/{heard.turn}/cancel")
    path = f"/v1/turns/{heard.turn}/continue"
    going_on = asyncio.create_task(home.good("POST", path, {}))
    await wait_for(lambda: len(home.host.oracle.calls) + len(home.host.oracle.running) == 2)
    status, told = await home.ask("POST", path, {})
    assert (status, told["error"]["code"]) == (409, "conversation_busy")
    assert told["error"]["hint"] == "Wait for the running turn."
    assert (await going_on)["status"] == "completed"


async def test_a_turn_that_was_continued_meanwhile_is_not_continued_again(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with homes(dsn, 2) as (here, there):
        fetch, held, released = Lane.fetch, asyncio.Event(), asyncio.Event()

        async def holding(lane: Lane, sql: str, *arguments: Any, **more: Any) -> Any:
            if "turn_open" in sql and arguments[0] == there.app._lease.owner:
                held.set()
                await released.wait()
            return await fetch(lane, sql, *arguments, **more)

        conversation = await here.conversation()
        heard = await speaking(here, conversation)
        await here.good("POST", f"/v1/turns/{heard.turn}/cancel")
        monkeypatch.setattr(Lane, "fetch", holding)
        path = f"/v1/turns/{heard.turn}/continue"
        late = asyncio.create_task(there.ask("POST", path, {}))
        async with asyncio.timeout(10):
            await held.wait()
        assert (await here.good("POST", path, {}))["status"] == "completed"
        released.set()
        status, told = await late
        assert (status, told["error"]["code"]) == (409, "conflict")
        assert told["error"]["message"] == "The conversation has gone on since this turn."
        assert [role for role, _ in await here.items(conversation)] == ["user", "assistant", "assistant"]


@pytest.mark.parametrize(("wish", "status"), [("cancel", "cancelled"), ("continue", "completed")])
async def test_a_client_that_leaves_has_its_wish(home: Home, wish: str, status: str) -> None:
    conversation = await home.conversation()
    heard = home.say(conversation, "[[tokens=60 rate=60]]", on_disconnect=wish)
    await wait_for(lambda: heard.deltas > 12)
    assert heard.task is not None
    heard.task.cancel()
    [turn] = await home.ended(conversation)
    assert turn["status"] == status
    stored = await home.events(str(heard.turn))
    assert stored[: len(heard.frames)] == heard.frames


async def test_a_stateless_client_that_leaves_ends_the_call(home: Home) -> None:
    heard = home.chat(SLOW)
    await wait_for(lambda: heard.status == 200)
    await wait_for(lambda: home.host.oracle.running and home.host.oracle.running[0].chunks > 20)
    assert heard.task is not None
    heard.task.cancel()
    await wait_for(lambda: not home.host.oracle.running, within=1.0)
    assert (await home.ended_turn(str(heard.turn)))["status"] == "cancelled"


@pytest.mark.promise("prefix")
async def test_reconnecting_from_any_event_gives_the_same_bytes(home: Home) -> None:
    conversation = await home.conversation()
    heard = home.say(conversation, "[[tokens=30 rate=60]]")
    await wait_for(lambda: heard.deltas > 3)
    running = [home.follow(str(heard.turn), after) for after in range(40)]
    await heard.done()
    for after, listener in enumerate(running):
        await listener.done()
        assert listener.frames == heard.frames[after:]
    for after in range(len(heard.frames) + 2):
        assert await home.events(str(heard.turn), after) == heard.frames[after:]


async def test_a_stateless_turns_events_are_gone(home: Home) -> None:
    heard = home.chat("hello")
    await heard.done()
    status, told = await home.ask("GET", f"/v1/turns/{heard.turn}/events")
    assert (status, told["error"]["code"]) == (410, "gone")


async def test_one_key_starts_one_turn_however_often_it_is_sent_at_once(home: Home) -> None:
    conversation, key = await home.conversation(), ids.new("key")
    listeners = [home.say(conversation, "[[tokens=20 rate=40]]", key=key) for _ in range(30)]
    for heard in listeners:
        await heard.done()
        assert heard.frames == listeners[0].frames
    assert len(await home.turns(conversation)) == 1
    assert len(home.host.oracle.calls) == 1


async def test_a_key_that_came_to_nothing_hangs_nobody(home: Home) -> None:
    """Sent many times at once to a conversation that refuses, or that does not exist."""
    conversation = await home.conversation()
    await speaking(home, conversation)
    for path, code in ((conversation, "conversation_busy"), (ids.new("conv"), "not_found")):
        key = {"idempotency-key": ids.new("key")}
        body = {"input": "x", "on_busy": "reject"}
        asked = [home.ask("POST", f"/v1/conversations/{path}/turns", body, key) for _ in range(20)]
        async with asyncio.timeout(10):
            answers = await asyncio.gather(*asked)
        assert {told["error"]["code"] for _, told in answers} == {code}


async def test_a_stateless_answer_with_a_key_is_replayed(home: Home) -> None:
    key = ids.new("key")
    body = {"messages": [{"role": "user", "content": "hello"}]}
    answers = [
        await home.good("POST", "/v1/chat/completions", body, headers={"idempotency-key": key})
        for _ in range(2)
    ]
    assert answers[0] == answers[1]
    assert len(home.host.oracle.calls) == 1


async def test_a_key_outlives_the_conversation_that_it_started_a_turn_in(home: Home) -> None:
    conversation, key = await home.conversation(), ids.new("key")
    heard = home.say(conversation, "hello", key=key)
    await heard.done()
    await home.good("DELETE", f"/v1/conversations/{conversation}")
    again = home.say(conversation, "hello", key=key)
    await again.done()
    assert again.status == 404


async def test_a_busy_conversation_can_be_deleted(home: Home) -> None:
    conversation = await home.conversation()
    heard = await speaking(home, conversation)
    waiting = await queued(home, conversation, "[[say no]]")
    await home.good("DELETE", f"/v1/conversations/{conversation}")
    await heard.done()
    await waiting.done()
    assert (heard.end["status"], waiting.end["status"]) == ("cancelled", "cancelled")
    await wait_for(lambda: not home.host.oracle.running, within=1.0)
    for path in (f"/v1/conversations/{conversation}", f"/v1/turns/{heard.turn}"):
        assert (await home.ask("GET", path))[0] == 404


@pytest.mark.promise("message")
@pytest.mark.parametrize(
    "text", ["NUL \0 in it", "\\u0000", 'quote " and \\ backslash', "\U0001f9d1‍🚀 \x7f \x01"]
)
async def test_strange_characters_come_back_as_they_went(home: Home, text: str) -> None:
    """From the user, and from the model, which says what it was given."""
    conversation = await home.conversation()
    heard = home.say(conversation, text)
    await heard.done()
    assert heard.status == 200, heard.error
    assert heard.end["status"] == "completed"
    assert heard.end["output_text"] == f"You said: {text}"
    assert await home.items(conversation) == [("user", text), ("assistant", f"You said: {text}")]
    assert await home.events(str(heard.turn)) == heard.frames
    again = home.say(conversation, "[[recall]]")
    await again.done()
    assert text in again.text
