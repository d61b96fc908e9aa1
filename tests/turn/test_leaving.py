"""A client whose wish is that its turn end when it leaves: it does, unless somebody else listens on the same server."""

from collections.abc import AsyncGenerator

import pytest

from podium.kit import ids
from tests.turn.home import Home, homes
from tests.turn.mortal import Heard, wait_for

TEXT = "[[tokens=80 rate=60]]"


@pytest.fixture
async def home(dsn: str) -> AsyncGenerator[Home, None]:
    async with homes(dsn) as [one]:
        yield one


def asked(home: Home, conversation: str, key: str) -> Heard:
    return home.say(conversation, TEXT, key=key, on_disconnect="cancel")


async def leave(home: Home, heard: Heard, *, listening: int) -> None:
    """Go away, and return when the server has seen it."""
    assert heard.task is not None
    heard.task.cancel()
    await wait_for(lambda: home.app.turns._listeners.total() == listening, within=5.0)


async def test_who_follows_a_turn_is_not_cut_off_by_its_client(home: Home) -> None:
    conversation = await home.conversation()
    client = asked(home, conversation, ids.new("key"))
    await wait_for(lambda: client.deltas > 3)
    followers = [home.follow(str(client.turn), after) for after in (0, 5)]
    await wait_for(lambda: all(each.deltas for each in followers))
    await leave(home, client, listening=2)
    await leave(home, followers.pop(), listening=1)
    [follower] = followers
    await follower.done()
    assert follower.end["status"] == "completed"
    assert follower.frames[: len(client.frames)] == client.frames
    assert not home.app.turns._listeners


async def test_who_joined_a_turn_is_not_cut_off_by_its_client_and_ends_it_as_the_last(home: Home) -> None:
    conversation, key = await home.conversation(), ids.new("key")
    client, joined = asked(home, conversation, key), asked(home, conversation, key)
    await wait_for(lambda: client.deltas > 3 and joined.deltas > 3)
    assert client.turn == joined.turn
    await leave(home, client, listening=1)
    known = joined.deltas
    await wait_for(lambda: joined.deltas > known + 5)
    await leave(home, joined, listening=0)
    [turn] = await home.ended(conversation)
    assert turn["status"] == "cancelled"


async def test_who_followed_and_went_keeps_nothing_going(home: Home) -> None:
    conversation = await home.conversation()
    client = asked(home, conversation, ids.new("key"))
    await wait_for(lambda: client.deltas > 3)
    follower = home.follow(str(client.turn))
    await wait_for(lambda: follower.deltas)
    await leave(home, follower, listening=1)
    known = client.deltas
    await wait_for(lambda: client.deltas > known + 5)
    await leave(home, client, listening=0)
    [turn] = await home.ended(conversation)
    assert turn["status"] == "cancelled"
