"""What the journal shows is stored; what a crash of Postgres takes back is written again, before more is shown."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from podium.errors import Lost
from podium.store.database import Lane
from podium.store.failure import ConnectionLost
from podium.vocabulary.event import TextDelta
from tests.turn.home import Home, homes
from tests.turn.mortal import Heard, wait_for

pytestmark = pytest.mark.promise("prefix")


@pytest.fixture
async def home(dsn: str) -> AsyncGenerator[Home, None]:
    async with homes(dsn) as [one]:
        yield one


async def take_back(home: Home, heard: Heard, after: int) -> None:
    """What a crash does: the connection breaks, and events beyond a number are gone."""
    lane = home.app._journal._lane
    async with lane._lock:
        assert lane._connection is not None
        lane._connection.terminate()
        await home.app.database.fetch(
            "DELETE FROM log_rows WHERE id = $1 AND last_seq > $2", heard.turn, after
        )


async def stored(home: Home, heard: Heard) -> int:
    """How far the database has it, in rows or folded."""
    last: int = await home.app.database.value(
        "SELECT max(first_seq + array_length(string_to_array(lines, E'\\n'), 1) - 1)"
        " FROM journal_read(ARRAY[$1::text], ARRAY[0])",
        heard.turn,
    )
    return last


async def wait_stored(home: Home, heard: Heard, upto: int) -> None:
    async with asyncio.timeout(10):
        while await stored(home, heard) < upto:  # noqa: ASYNC110  # the database knows it alone
            await asyncio.sleep(0.02)


async def test_what_is_heard_is_stored_already(home: Home) -> None:
    heard = home.say(await home.conversation(), "[[tokens=100 rate=200]]")
    await wait_for(lambda: heard.deltas)
    looks = 0
    while heard.end is None:
        known = len(heard.frames)
        assert await stored(home, heard) >= known
        looks += 1
    assert looks > 5


async def test_what_was_taken_back_of_a_speaking_turn_is_written_again(home: Home) -> None:
    heard = home.say(await home.conversation(), "[[tokens=200 rate=100]]")
    for seen in (10, 60, 110):
        await wait_for(lambda seen=seen: heard.deltas > seen)  # type: ignore[misc]  # mypy cannot infer a lambda's default
        await take_back(home, heard, after=5)
        await wait_stored(home, heard, len(heard.frames))
    await heard.done()
    assert heard.end["status"] == "completed"
    assert heard.frames == await home.events(str(heard.turn))
    assert [frame.seq for frame in heard.frames] == list(range(1, len(heard.frames) + 1))


async def test_what_was_taken_back_of_a_silent_turn_is_written_again(home: Home) -> None:
    heard = home.say(await home.conversation(), "[[tokens=20]][[fault hang after=10 seconds=20]]")
    await wait_for(lambda: heard.deltas >= 9)
    seen = len(heard.frames)
    await take_back(home, heard, after=5)
    assert await stored(home, heard) < seen
    await wait_stored(home, heard, seen)
    assert len(heard.frames) == seen, "the turn was not silent"


@pytest.mark.promise("terminal")
async def test_what_was_stored_though_its_answer_was_lost_is_shown(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the turn, which waits until it is stored that it calls its host, goes on."""
    fetch, cut = Lane.fetch, asyncio.Event()

    async def cutting(self: Lane, sql: str, *arguments: Any, **more: Any) -> Any:
        rows = await fetch(self, sql, *arguments, **more)
        if "journal_put" in sql and not cut.is_set() and "attempt.started" in "".join(arguments[4]):
            cut.set()
            assert self._connection is not None
            self._connection.terminate()
            raise ConnectionLost("cut by the test")
        return rows

    monkeypatch.setattr(Lane, "fetch", cutting)
    heard = home.say(await home.conversation(), "[[say done]]")
    await wait_for(lambda: heard.end, within=10)
    assert cut.is_set()
    assert heard.end["status"] == "completed"
    assert heard.frames == await home.events(str(heard.turn))


@pytest.mark.promise("terminal")
async def test_what_nobody_foresaw_does_not_end_the_writing(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch, met = Lane.fetch, asyncio.Event()

    async def strange(self: Lane, sql: str, *arguments: Any, **more: Any) -> Any:
        if "journal_put" in sql and not met.is_set() and "attempt.started" in "".join(arguments[4]):
            met.set()
            raise RuntimeError("by the test")
        return await fetch(self, sql, *arguments, **more)

    monkeypatch.setattr(Lane, "fetch", strange)
    heard = home.say(await home.conversation(), "[[say done]]")
    await wait_for(lambda: heard.end, within=10)
    assert met.is_set()
    assert heard.end["status"] == "completed"


async def test_a_turn_that_is_lost_is_not_heard_on(home: Home) -> None:
    """Its host speaks on until it is broken off; nobody stores that any more."""
    heard = home.say(await home.conversation(), "[[tokens=500 rate=50]]")
    await wait_for(lambda: heard.deltas > 3)
    journal = home.app._journal
    log = journal.find(str(heard.turn))
    assert log is not None
    journal.lose(log)
    shown = log.shown
    with pytest.raises(Lost):
        await journal.put(log, TextDelta(index=0, text="never stored"))
    assert log.shown == shown
    await heard.done()
    assert heard.end["status"] == "interrupted"
    assert heard.frames == await home.events(str(heard.turn))


async def test_an_end_is_not_shown_before_it_is_recorded(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even if a crash takes back what a turn had said, while it waits for its record."""
    fetch, released = Lane.fetch, asyncio.Event()

    async def held(self: Lane, sql: str, *arguments: object, **more: Any) -> Any:
        if "turn_record" in sql:
            await released.wait()
        return await fetch(self, sql, *arguments, **more)

    monkeypatch.setattr(Lane, "fetch", held)
    heard = home.say(await home.conversation(), "[[tokens=20 rate=100]]")
    other = home.say(await home.conversation(), "[[tokens=400 rate=100]]")
    try:
        await wait_for(lambda: heard.deltas > 3 and other.deltas > 3)
        log = home.app._journal.find(str(heard.turn))
        assert log is not None
        await wait_for(lambda: log.sealed)
        await take_back(home, heard, after=2)
        said = other.deltas
        await wait_for(lambda: other.deltas > said + 50)
        assert not [frame for frame in heard.frames if frame.kind == "turn.completed"]
        assert log.shown < len(log.events)
    finally:
        released.set()
    await heard.done()
    assert heard.end["status"] == "completed"
    assert heard.frames == await home.events(str(heard.turn))
    assert [frame.kind for frame in heard.frames].count("turn.completed") == 1


async def test_a_stateless_call_that_a_crash_took_back_ends_for_its_client(home: Home) -> None:
    """It is not waited for on the disk, so Postgres may forget that it began."""
    heard = home.chat("[[tokens=60 rate=100]]", stream=False)
    await wait_for(lambda: home.host.oracle.running)
    await home.app.database.fetch("WITH gone AS (DELETE FROM logs) DELETE FROM turns")
    await heard.done()
    assert (heard.status, heard.error["error"]["code"]) == (503, "interrupted")
    streamed = home.chat("[[tokens=60 rate=100]]")
    await wait_for(lambda: home.host.oracle.running)
    await home.app.database.fetch("WITH gone AS (DELETE FROM logs) DELETE FROM turns")
    await streamed.done()
    assert streamed.broken or streamed.status == 200
