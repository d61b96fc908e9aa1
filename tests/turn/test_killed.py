"""kill -9 at every step of a turn: what was accepted ends, what was seen is stored, and the conversation goes on."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from podium.kit import ids
from tests.turn.mortal import Client, Heard, Mortal, mortal, wait_for

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.promise("terminal", "message", "prefix")]

PROSE = "[[tokens=12 rate=60]]"
NO_HEADERS = "[[tokens=12 rate=60]][[fault hang after=request times=1 key={}]]"
PROMISED = 10.0  # seconds, from the moment that somebody serves again


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def podium() -> AsyncGenerator[Mortal, None]:
    async with mortal() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def prose(podium: Mortal) -> str:
    """What the simulator says when nothing happens to anybody."""
    heard = podium.say(await podium.conversation(), PROSE)
    await heard.done()
    assert heard.end["status"] == "completed"
    return heard.text


@dataclass(frozen=True)
class Step:
    """A moment of a turn; `attempts` is how often the host is asked until the turn ends with `status`."""

    name: str
    order: str | None  # for the server itself to strike; None: the test does
    status: str | None  # None: it was never accepted
    attempts: int


STEPS = [
    Step("before it is opened", "before turn_open", None, 0),
    Step("after it is opened", "after turn_open", "completed", 1),
    Step("before its attempt is stored", "before journal_put/attempt.started", "completed", 1),
    Step("after its attempt is stored", "after journal_put/attempt.started", "completed", 2),
    Step("before the request leaves", "before post", "completed", 2),
    Step("while the host is silent", None, "completed", 2),
    Step("after the headers", "after post", "completed", 2),
    Step("after the first chunk", None, "interrupted", 1),
    Step("after some chunks", None, "interrupted", 1),
    Step("before it is recorded", "before turn_record", "interrupted", 1),
    Step("after it is recorded", "after turn_record", "completed", 1),
]
CHUNKS = {"after the first chunk": 1, "after some chunks": 5}
MODES = {
    "stream": [step.name for step in STEPS],
    "json": [
        "after it is opened",
        "after its attempt is stored",
        "after some chunks",
        "before it is recorded",
    ],
    "key": [
        "before it is opened",
        "after it is opened",
        "after the headers",
        "after the first chunk",
        "after it is recorded",
    ],
    "stateless": [
        "after it is opened",
        "after the headers",
        "after some chunks",
        "before it is recorded",
        "after it is recorded",
    ],
}
CASES = [
    pytest.param(step, mode, "parent" if number % 3 == 2 else "server", id=f"{mode} {step.name}")
    for number, (step, mode) in enumerate(
        (step, mode) for mode, names in MODES.items() for step in STEPS if step.name in names
    )
]


def begin(podium: Mortal, conversation: str, mode: str, text: str, key: str) -> Heard:
    match mode:
        case "stateless":
            return podium.chat(text)
        case "json":
            return podium.say(conversation, text, stream=False)
        case "key":
            return podium.say(conversation, text, key=key)
        case _:
            return podium.say(conversation, text)


async def strike(podium: Mortal, step: Step, who: str, heard: Heard) -> None:
    """Bring the death about, and somebody who serves again."""
    if step.order is not None:
        await wait_for(lambda: podium.struck)
    elif step.name in CHUNKS:
        await wait_for(
            lambda: (
                heard.deltas >= CHUNKS[step.name]
                or any(call.chunks > CHUNKS[step.name] for call in podium.host.oracle.running)
            )
        )
        await podium.kill(who)
    else:
        await wait_for(lambda: podium.host.oracle.running)
        await podium.kill(who)
    await heard.done()
    await podium.revive()


@pytest.mark.parametrize(("step", "mode", "who"), CASES)
async def test_a_killed_server_keeps_its_word(
    podium: Mortal, prose: str, step: Step, mode: str, who: str
) -> None:
    text = NO_HEADERS.format(ids.new("k")) if step.name == "while the host is silent" else PROSE
    conversation = await podium.conversation()
    key = ids.new("key")
    before = len(podium.host.oracle.calls)
    if step.order is not None:
        podium.order(f"{who} {step.order}")
    heard = begin(podium, conversation, mode, text, key)
    await strike(podium, step, who, heard)
    if mode == "stateless":
        await check_stateless(podium, step, heard, text)
        return
    turns = await podium.ended(conversation, within=PROMISED)
    if step.status is None:
        assert turns == []
    else:
        [turn] = turns
        assert turn["status"] == step.status, turn
        await check_told(podium, heard, turn, prose)
        await check_attempts(podium, turn["id"], step)
        await wait_for(lambda: not podium.host.oracle.running)
        served = len(podium.host.oracle.calls) - before
        unsent = step.order in {"after journal_put/attempt.started", "before post"}
        assert served == step.attempts - unsent
    if mode == "key":
        await check_retry(podium, conversation, key, text, prose)
    await check_goes_on(podium, conversation, text)


async def check_told(client: Client, heard: Heard, turn: Any, prose: str) -> None:
    """What was heard is the beginning of what is stored, byte for byte, and what is stored is what was said."""
    stored = await client.events(turn["id"])
    assert [frame.seq for frame in stored] == list(range(1, len(stored) + 1))
    assert stored[: len(heard.frames)] == heard.frames
    assert [frame.kind.removeprefix("turn.") for frame in stored].count(turn["status"]) == 1
    assert stored[-1].kind == "turn." + turn["status"]
    assert stored[-1].json["turn"] == turn
    text = "".join(frame.json["text"] for frame in stored if frame.kind == "text.delta")
    assert turn["output_text"] == text
    assert prose.startswith(text)
    assert (text == prose) or turn["status"] != "completed"


async def check_attempts(client: Client, turn: str, step: Step) -> None:
    attempts = (await client.story(turn))["attempts"]
    assert len(attempts) == step.attempts
    for attempt in attempts[:-1]:
        assert attempt["failed"]["code"] == "owner_lost"
    last = attempts[-1]
    if step.status == "completed":
        assert last["ended"] is not None
    else:
        assert last["failed"] is not None or last["ended"] is not None


async def check_stateless(podium: Mortal, step: Step, heard: Heard, text: str) -> None:
    """It is never run again; the client, whose connection broke, finds how it ended."""
    newest = (await podium.good("GET", "/v1/turns?limit=1"))["data"][0]
    if step.status is None:
        assert newest["conversation_id"] is not None
        return
    assert heard.turn in (None, newest["id"])
    assert newest["conversation_id"] is None
    turn = await podium.ended_turn(newest["id"], within=PROMISED)
    assert turn["status"] == ("completed" if step.order == "after turn_record" else "interrupted")
    status, _ = await podium.ask("GET", f"/v1/turns/{turn['id']}/events")
    assert status == 410


async def check_retry(podium: Mortal, conversation: str, key: str, text: str, prose: str) -> None:
    """The same key joins or replays; it never starts another."""
    known = [turn["id"] for turn in await podium.turns(conversation)]
    again = podium.say(conversation, text, key=key)
    await again.done()
    assert again.end is not None
    assert [turn["id"] for turn in await podium.turns(conversation)] == (known or [again.turn])
    assert again.frames == await podium.events(str(again.turn))
    status, told = await podium.ask(
        "POST", f"/v1/conversations/{conversation}/turns", {"input": "other"}, {"idempotency-key": key}
    )
    assert (status, told["error"]["code"]) == (422, "idempotency_mismatch")


async def check_goes_on(podium: Mortal, conversation: str, text: str) -> None:
    """The next turn is answered, and the history reads u1 a1 u2 a2."""
    before = await podium.items(conversation)
    last = podium.say(conversation, "[[say and on]]")
    await last.done()
    assert last.end["status"] == "completed"
    items = await podium.items(conversation)
    assert items == [*before, ("user", "[[say and on]]"), ("assistant", "and on")]
    assert [role for role, _ in before] == ["user", "assistant"] * (len(before) // 2)
    assert all(said == text for role, said in before if role == "user")


async def test_a_queue_outlives_its_server(podium: Mortal, prose: str) -> None:
    """Killed at each moment of the hand-over: both turns end, in their order."""
    moments = [
        "after turn_open",
        "before turn_record",
        "after turn_record",
        "before turn_load",
        "after turn_load",
    ]
    for number, moment in enumerate(moments):
        conversation = await podium.conversation()
        first = podium.say(conversation, PROSE)
        await wait_for(lambda first=first: first.deltas)  # type: ignore[misc]  # mypy cannot infer a lambda's default
        podium.order(f"{'parent' if number % 3 == 2 else 'server'} {moment}")
        second = podium.say(conversation, PROSE)
        await wait_for(lambda: podium.struck)
        await asyncio.gather(first.done(), second.done())
        await podium.revive()
        one, two = await podium.ended(conversation, within=PROMISED)
        await check_told(podium, first, one, prose)
        await check_told(podium, second, two, prose)
        assert two["status"] == "completed", moment
        items = await podium.items(conversation)
        assert [role for role, _ in items] == ["user", "assistant", "user", "assistant"]
        await check_goes_on(podium, conversation, PROSE)


async def wait_said(listeners: list[Heard], deltas: int) -> None:
    await wait_for(lambda: sum(heard.deltas for heard in listeners) > deltas)


async def test_ten_streams_survive_kills_at_any_moment(podium: Mortal) -> None:
    """Five deaths in the middle of ten streams each."""
    for number in range(5):
        conversations = [await podium.conversation() for _ in range(10)]
        listeners = [podium.say(each, "[[tokens=120 rate=120]]") for each in conversations]
        await wait_said(listeners, 7 + 90 * number)
        await podium.kill("parent" if number % 2 else "server")
        await asyncio.gather(*(each.done() for each in listeners))
        await podium.revive()
        for conversation, heard in zip(conversations, listeners, strict=True):
            [turn] = await podium.ended(conversation, within=PROMISED)
            stored = await podium.events(turn["id"])
            assert stored[: len(heard.frames)] == heard.frames
            assert turn["status"] == ("interrupted" if heard.deltas else turn["status"])
            text = "".join(frame.json["text"] for frame in stored if frame.kind == "text.delta")
            assert turn["output_text"] == text
