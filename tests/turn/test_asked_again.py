"""An opening whose answer was lost is asked for again: its turn speaks once, whatever became of it meanwhile."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from podium.identity.quota import Limit, Limits
from podium.store.database import Lane
from podium.store.failure import ConnectionLost
from tests.turn.home import Home, homes
from tests.turn.mortal import Client, wait_for

pytestmark = pytest.mark.promise("message")


class Cut:
    """One server's way to the database: the first answer to an opening that is `word` is lost.

    The opening is asked for again when `again` is set; statements that say `held` go on when `released` is.
    """

    def __init__(self, home: Home, monkeypatch: pytest.MonkeyPatch, word: str) -> None:
        self.lost, self.again = asyncio.Event(), asyncio.Event()
        self.held, self.holding, self.released = "nothing", asyncio.Event(), asyncio.Event()
        home.app._opening._kept._patience = 30
        fetch = Lane.fetch

        async def cut(lane: Lane, sql: str, *arguments: Any, **more: Any) -> Any:
            is_ours = "turn_open" in sql and arguments[0] == home.app._lease.owner
            if is_ours and self.lost.is_set():
                await self.again.wait()
            if self.held in sql and not self.released.is_set():
                self.holding.set()
                await self.released.wait()
            rows = await fetch(lane, sql, *arguments, **more)
            if is_ours and not self.lost.is_set() and rows[0][0] == word:
                self.lost.set()
                raise ConnectionLost("cut by the test")
            return rows

        monkeypatch.setattr(Lane, "fetch", cut)


@pytest.fixture
async def pair(dsn: str) -> AsyncGenerator[list[Home], None]:
    async with homes(dsn, 2, lease_seconds=5) as made:
        yield made


async def statuses(home: Home, conversation: str) -> list[str]:
    return [turn["status"] for turn in await home.turns(conversation)]


async def wait_statuses(home: Home, conversation: str, *expected: str) -> None:
    async with asyncio.timeout(20):
        while await statuses(home, conversation) != list(expected):  # noqa: ASYNC110  # the server knows it alone
            await asyncio.sleep(0.02)


async def test_one_that_has_waited_and_ended_meanwhile(
    pair: list[Home], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, _ = pair
    cut, conversation = Cut(here, monkeypatch, "queued"), await here.conversation()
    first = here.say(conversation, "[[tokens=20 rate=60]]")
    await wait_for(lambda: first.deltas > 2)
    second = here.say(conversation, "[[say two]]")
    await cut.lost.wait()
    await wait_statuses(here, conversation, "completed", "completed")
    cut.again.set()
    await second.done()
    assert (second.end["status"], second.text) == ("completed", "two")
    third = here.say(conversation, "[[say three]]")
    await wait_for(lambda: third.end, within=10)
    assert [role for role, _ in await here.items(conversation)] == ["user", "assistant"] * 3


@pytest.mark.parametrize("on_busy", ["reject", "interrupt"])
async def test_one_that_ran_meanwhile_is_not_refused_for_another_and_breaks_off_none(
    pair: list[Home], monkeypatch: pytest.MonkeyPatch, on_busy: str
) -> None:
    here, there = pair
    cut, conversation = Cut(here, monkeypatch, "running"), await here.conversation()
    asked = here.say(conversation, "[[say one]]", on_busy=on_busy)
    await cut.lost.wait()
    await wait_statuses(there, conversation, "completed")
    other = there.say(conversation, "[[tokens=60 rate=60]]")
    await wait_for(lambda: other.deltas > 2)
    cut.again.set()
    await asked.done()
    assert (asked.status, asked.text) == (200, "one")
    await other.done()
    assert other.end["status"] == "completed"
    assert [role for role, _ in await here.items(conversation)] == ["user", "assistant"] * 2


async def test_one_that_waits_still_breaks_off_whom_it_was_to(
    pair: list[Home], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, _ = pair
    cut, conversation = Cut(here, monkeypatch, "queued"), await here.conversation()
    first = here.say(conversation, "[[tokens=2000 rate=50]]")
    await wait_for(lambda: first.deltas > 2)
    second = here.say(conversation, "[[say now]]", on_busy="interrupt")
    await cut.lost.wait()
    cut.again.set()
    await second.done()
    assert (first.end["status"], second.text) == ("cancelled", "now")


async def test_one_that_has_the_floor_and_is_not_loaded_yet_runs_with_its_input(
    pair: list[Home], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, _ = pair
    cut, conversation = Cut(here, monkeypatch, "queued"), await here.conversation()
    cut.held = "turn_load"
    first = here.say(conversation, "[[tokens=20 rate=60]]")
    await wait_for(lambda: first.deltas > 2)
    second = here.say(conversation, "[[recall]]")
    await cut.holding.wait()
    cut.again.set()
    await wait_for(lambda: second.status == 200)
    cut.released.set()
    await second.done()
    assert second.text.endswith(f"assistant: {first.text}\nuser: [[recall]]")
    assert [role for role, _ in await here.items(conversation)] == ["user", "assistant"] * 2
    assert len(here.host.oracle.calls) == 2


async def test_one_that_runs_already_is_counted_to_its_end(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with homes(dsn, limits=Limits(tenant=Limit(turns=5))) as [here]:
        member = {"tenant": "acme", "user": "ann", "scope": "member"}
        key = (await here.good("POST", "/v1/keys", member))["key"]
        ann = Client(here._http, here._url, key)
        cut, conversation = Cut(here, monkeypatch, "queued"), await ann.conversation()
        first = ann.say(conversation, "[[tokens=20 rate=60]]")
        await wait_for(lambda: first.deltas > 2)
        second = ann.say(conversation, "[[tokens=100 rate=50]]")
        await cut.lost.wait()
        await wait_for(lambda: first.end and here.host.oracle.running)
        cut.again.set()
        await wait_for(lambda: second.status == 200)
        admission = here.app.turns._admission
        assert second.end is None, "it does not run any more"
        seated = admission._quota._memory._seated
        assert (list(admission._running), set(seated.values())) == ([second.turn], {1})
        await second.done()
        await wait_for(lambda: not here.app.turns.running)
        assert not admission._running
        assert not seated
        await ann.close()
