"""What a process owns and does not run is found and gone on with; what has ended leaves nothing in memory."""

import asyncio
import gc
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from podium.journal.log import Log
from podium.store.database import Lane
from podium.store.failure import ConnectionLost
from podium.turn.turn import Draft, Turn
from podium.turn.turns import Turns
from tests.turn.home import Home, homes
from tests.turn.mortal import wait_for

HANG = "[[say at last]][[fault hang after=request times=1]]"


@pytest.fixture
async def pair(dsn: str) -> AsyncGenerator[list[Home], None]:
    async with homes(dsn, 2, lease_seconds=2) as made:
        yield made


def lose_answers(monkeypatch: pytest.MonkeyPatch, statement: str, times: int) -> None:
    """The statement is done, and its answer lost with the connection."""
    fetch, left = Lane.fetch, [times]

    async def losing(self: Lane, sql: str, *arguments: object, **more: Any) -> Any:
        rows = await fetch(self, sql, *arguments, **more)
        if statement in sql and left[0] and (rows or statement == "turn_record"):
            left[0] -= 1
            raise ConnectionLost("cut by the test")
        return rows

    monkeypatch.setattr(Lane, "fetch", losing)


@pytest.mark.promise("terminal", "message")
async def test_a_turn_whose_opening_was_never_answered_for_runs_all_the_same(
    pair: list[Home], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, _ = pair
    conversation = await here.conversation()
    here.app._opening._kept._patience = 0.3
    lose_answers(monkeypatch, "turn_open", 1_000)
    refused = here.say(conversation, "[[say done]]")
    await refused.done()
    assert refused.status == 503
    monkeypatch.undo()
    [turn] = await here.ended(conversation)
    assert (turn["status"], turn["output_text"]) == ("completed", "done")


@pytest.mark.promise("terminal")
@pytest.mark.parametrize("statement", ["turn_open", "turn_record", "turn_load", "journal_put"])
async def test_an_answer_that_is_lost_is_asked_for_again(
    pair: list[Home], monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    here, _ = pair
    conversation = await here.conversation()
    lose_answers(monkeypatch, statement, 3)
    listeners = [here.say(conversation, "[[tokens=20 rate=60]]") for _ in range(3)]
    for heard in listeners:
        await heard.done()
        assert heard.end["status"] == "completed"
        assert heard.frames == await here.events(str(heard.turn))
    assert [role for role, _ in await here.items(conversation)] == ["user", "assistant"] * 3
    assert len(here.host.oracle.calls) == 3


@pytest.mark.promise("terminal", "prefix")
async def test_a_turn_that_was_taken_over_unknowingly_is_gone_on_with(
    pair: list[Home], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = pair
    silent = here.say(await here.conversation(), HANG)
    spoken = here.say(await here.conversation(), "[[tokens=500 rate=50]]")
    stateless = here.chat("[[tokens=500 rate=50]]")
    await wait_for(lambda: spoken.deltas > 3 and len(here.host.oracle.running) == 3)
    lose_answers(monkeypatch, "journal_seize", 1)
    await judge(here)
    for heard in (silent, spoken, stateless):
        await heard.done()
    assert silent.end["status"] == "completed"
    assert spoken.end["status"] == "interrupted"
    for heard in (silent, spoken):
        assert heard.frames == await there.events(str(heard.turn))
    assert (await there.ended_turn(str(stateless.turn)))["status"] == "interrupted"


async def judge(home: Home) -> None:
    """Have it judged dead."""
    await home.app.database.fetch("UPDATE processes SET over = true WHERE id = $1", home.app._lease.owner)


@pytest.mark.promise("terminal", "prefix")
async def test_a_process_that_was_judged_dead_goes_on_under_another_name(pair: list[Home]) -> None:
    here, _ = pair
    conversation = await here.conversation()
    silent = here.say(conversation, HANG)
    spoken = here.say(await here.conversation(), "[[tokens=500 rate=50]]")
    stateless = here.chat("[[tokens=500 rate=50]]")
    await wait_for(lambda: spoken.deltas > 3 and len(here.host.oracle.running) == 3)
    name = here.app._lease.owner
    await judge(here)
    for heard in (silent, spoken, stateless):
        await heard.done()
    assert (silent.end["status"], spoken.end["status"]) == ("completed", "interrupted")
    await wait_for(lambda: here.app._lease.owner != name)
    again = here.say(conversation, "[[say on]]")
    await again.done()
    assert again.text == "on"
    await wait_for(lambda: not here.host.oracle.running)
    assert [heard.frames for heard in (silent, spoken)] == [
        await here.events(str(heard.turn)) for heard in (silent, spoken)
    ]


@pytest.mark.promise("terminal")
async def test_a_new_name_is_not_given_up_when_a_late_beat_tells_of_the_old(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch, beating, released = Lane.fetch, asyncio.Event(), asyncio.Event()

    async def late(self: Lane, sql: str, *arguments: object, **more: Any) -> Any:
        if "process_beat" in sql and not beating.is_set():
            beating.set()
            await released.wait()
        return await fetch(self, sql, *arguments, **more)

    async with homes(dsn, lease_seconds=10) as [here]:
        monkeypatch.setattr(Lane, "fetch", late)
        conversation, name = await here.conversation(), here.app._lease.owner
        await wait_for(beating.is_set)
        await judge(here)
        spoken = here.say(conversation, "[[tokens=100 rate=50]]")
        await wait_for(lambda: spoken.deltas > 3)
        taken = here.app._lease.owner
        assert taken != name
        released.set()
        await spoken.done()
        assert spoken.end["status"] == "completed"
        assert here.app._lease.owner == taken


async def test_a_turn_that_is_let_go_of_before_its_first_step_leaves_nothing(
    pair: list[Home], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process takes another name between a turn's start and its first step."""
    here, _ = pair
    start, name, begun = Turns._start, here.app._lease.owner, asyncio.Event()

    def starting(self: Turns, turn: Turn, draft: Draft) -> None:
        start(self, turn, draft)
        if not begun.is_set():
            begun.set()
            self._lease.owner = f"{name}_another"
            self._let_go()
            self._lease.owner = name

    monkeypatch.setattr(Turns, "_start", starting)
    heard = here.chat("[[say done]]")
    await begun.wait()
    await heard.done()
    await wait_for(lambda: not here.app.turns.running, within=5)


@pytest.mark.promise("terminal")
async def test_a_turn_that_is_stopped_while_it_is_loaded_calls_no_host(
    pair: list[Home], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has the floor, so its row alone says that it was stopped."""
    here, there = pair
    fetch, loading, released = Lane.fetch, asyncio.Event(), asyncio.Event()

    async def held(self: Lane, sql: str, *arguments: Any, **more: Any) -> Any:
        if "turn_load" in sql:
            loading.set()
            await released.wait()
        return await fetch(self, sql, *arguments, **more)

    monkeypatch.setattr(Lane, "fetch", held)
    conversation = await here.conversation()
    first = here.say(conversation, "[[tokens=20 rate=60]]")
    await wait_for(lambda: first.deltas > 2)
    second = here.say(conversation, "[[tokens=200 rate=50]]")
    await loading.wait()
    stopping = asyncio.create_task(there.good("POST", f"/v1/turns/{second.turn}/cancel"))
    await wait_stopped(there, str(second.turn))
    released.set()
    await second.done()
    assert (second.end["status"], (await stopping)["status"]) == ("cancelled", "cancelled")
    assert not (await here.story(str(second.turn)))["attempts"]


async def wait_stopped(home: Home, turn: str) -> None:
    async with asyncio.timeout(10):
        while not await home.app.database.value(  # noqa: ASYNC110  # the database knows it alone
            "SELECT stop IS NOT NULL FROM turns WHERE id = $1", turn
        ):
            await asyncio.sleep(0.01)


@pytest.mark.promise("message")
async def test_a_turn_whose_predecessor_cannot_be_interrupted_is_accepted_all_the_same(
    pair: list[Home], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = pair
    conversation = await here.conversation()
    first = there.say(conversation, "[[tokens=40 rate=40]]")
    await wait_for(lambda: first.deltas > 2)
    fetch = Lane.fetch

    async def broken(self: Lane, sql: str, *arguments: Any, **more: Any) -> Any:
        if "turn_stop" in sql:
            raise ConnectionLost("cut by the test")
        return await fetch(self, sql, *arguments, **more)

    monkeypatch.setattr(Lane, "fetch", broken)
    second = here.say(conversation, "[[say now]]", on_busy="interrupt")
    await second.done()
    assert (second.status, second.text) == (200, "now")
    assert first.end["status"] == "completed"


async def test_what_has_ended_leaves_nothing_in_memory(pair: list[Home]) -> None:
    here, there = pair
    conversations = [await here.conversation() for _ in range(20)]
    for wave in range(10):
        calls = [here.chat(f"call {wave} {number}") for number in range(50)]
        turns = [here.say(each, "[[tokens=5]]") for each in conversations[: 10 + wave]]
        cut = here.chat("[[tokens=500 rate=100]]")
        broken = here.chat("x [[fault 500]]")
        for heard in (*calls, *turns, broken):
            await heard.done()
        follower = there.follow(str(turns[0].turn))
        await follower.done()
        assert cut.task is not None
        await wait_for(lambda cut=cut: cut.status == 200)  # type: ignore[misc]  # mypy cannot infer a lambda's default
        cut.task.cancel()
    await wait_for(lambda: not here.host.oracle.running)
    for home in pair:
        journal, turns_ = home.app._journal, home.app.turns
        await wait_for(lambda turns_=turns_: not turns_._live)  # type: ignore[misc]  # as above
        assert not any((journal._live, journal._stored, journal._dirty, journal._flying))
        assert not any((journal._mirrors._mirrors, journal._mirrors._followers))
        assert not home.app._recovery._strays
    await asyncio.sleep(0)
    gc.collect()
    left = [type(each).__name__ for each in gc.get_objects() if isinstance(each, Log | Draft | Turn)]
    assert len(left) < 5, f"{len(left)} left of 700 turns"
