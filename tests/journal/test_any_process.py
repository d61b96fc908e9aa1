"""Any process serves any listener: with Redis at once, without it by polling, and a sick Redis costs time alone."""

import asyncio
import signal
import time
from collections.abc import AsyncGenerator

import pytest

from podium.kit import ids
from tests.journal.redis_server import Redis, running_redis
from tests.turn.home import Home, homes
from tests.turn.mortal import Heard, wait_for


@pytest.fixture(params=["without redis", "with redis"])
async def pair(request: pytest.FixtureRequest, dsn: str) -> AsyncGenerator[list[Home], None]:
    if request.param == "without redis":
        async with homes(dsn, 2) as made:
            yield made
    else:
        async with running_redis() as redis, homes(dsn, 2, redis_url=redis.url) as made:
            yield made


async def speaking(home: Home, conversation: str, text: str) -> Heard:
    heard = home.say(conversation, text)
    await wait_for(lambda: heard.deltas > 3)
    return heard


@pytest.mark.promise("prefix")
async def test_a_turn_is_heard_on_every_server(pair: list[Home]) -> None:
    here, there = pair
    heard = await speaking(here, await here.conversation(), "[[tokens=60 rate=60]]")
    listeners = [there.follow(str(heard.turn), after) for after in range(10)]
    await heard.done()
    for after, listener in enumerate(listeners):
        await listener.done()
        assert listener.frames == heard.frames[after:]
    assert await there.events(str(heard.turn)) == heard.frames


async def test_a_turn_is_stopped_from_every_server_within_a_second(pair: list[Home]) -> None:
    here, there = pair
    conversation = await here.conversation()
    heard = await speaking(here, conversation, "[[tokens=2000 rate=100]]")
    began = time.monotonic()
    cancelling = asyncio.create_task(there.good("POST", f"/v1/turns/{heard.turn}/cancel"))
    await wait_for(lambda: not here.host.oracle.running, within=3.0)
    told = await cancelling
    assert time.monotonic() - began < 5.0
    assert told["status"] == "cancelled"
    await heard.done()
    assert heard.end == told
    assert here.host.oracle.calls[-1].ended == "client_gone"


async def test_a_message_on_another_server_waits_its_turn_or_interrupts(pair: list[Home]) -> None:
    here, there = pair
    conversation = await here.conversation()
    first = await speaking(here, conversation, "[[tokens=2000 rate=100]]")
    second = there.say(conversation, "[[say second]]")
    third = there.say(conversation, "[[say third]]", on_busy="interrupt")
    for heard in (first, second, third):
        await heard.done()
    assert first.end["status"] == "cancelled"
    answers = [text for role, text in await there.items(conversation) if role == "assistant"]
    assert answers == [first.text, "third", "second"]


@pytest.mark.promise("message", "terminal")
async def test_two_servers_take_one_crowd(pair: list[Home]) -> None:
    """The same conversations and the same keys on both at once: one turn a key, a gap-free history, and no deadlock."""
    conversations = [await pair[0].conversation() for _ in range(6)]
    keys = [ids.new("key") for _ in range(5)]
    listeners = [
        home.say(conversation, f"[[say {key}]]", key=key)
        for key in keys
        for home in pair
        for conversation in (conversations if home is pair[0] else reversed(conversations))
    ]
    for heard in listeners:
        await heard.done()
        assert heard.end is not None, (heard.status, heard.error)
        assert heard.end["status"] == "completed"
    for conversation in conversations:
        turns = await pair[1].turns(conversation)
        assert len(turns) == len(keys)
        items = await pair[1].items(conversation)
        assert [role for role, _ in items] == ["user", "assistant"] * len(keys)
        assert {text for role, text in items if role == "user"} == {f"[[say {key}]]" for key in keys}
        assert all(
            asked == f"[[say {said}]]" for (_, asked), (_, said) in zip(items[::2], items[1::2], strict=True)
        )
    [row] = await pair[0].app.database.fetch(
        "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    )
    assert row["deadlocks"] == 0


@pytest.fixture
async def redis() -> AsyncGenerator[Redis, None]:
    async with running_redis() as running:
        yield running


@pytest.mark.promise("redis")
async def test_a_redis_that_dies_costs_time_alone(dsn: str, redis: Redis) -> None:
    async with homes(dsn, 2, redis_url=redis.url) as (here, there):
        heard = await speaking(here, await here.conversation(), "[[tokens=300 rate=60]]")
        elsewhere = there.follow(str(heard.turn))
        await wait_for(lambda: elsewhere.deltas > 3)
        await redis.say("FLUSHALL")
        redis.kill()
        await hears_on(elsewhere)
        other = await speaking(there, await there.conversation(), "[[tokens=30 rate=60]]")
        await other.done()
        assert other.end["status"] == "completed"
        assert (await here.ask("GET", "/livez"))[0] == 200
        await redis.start()
        await hears_on(elsewhere)
        await heard.done()
        await elsewhere.done()
        assert heard.end["status"] == "completed"
        assert elsewhere.frames == heard.frames == await there.events(str(heard.turn))


@pytest.mark.promise("redis")
async def test_a_redis_that_is_silent_costs_time_alone(dsn: str, redis: Redis) -> None:
    async with homes(dsn, 2, redis_url=redis.url) as (here, there):
        assert redis._process is not None
        heard = await speaking(here, await here.conversation(), "[[tokens=150 rate=60]]")
        elsewhere = there.follow(str(heard.turn))
        await wait_for(lambda: elsewhere.deltas > 3)
        redis._process.send_signal(signal.SIGSTOP)
        try:
            await hears_on(heard)
            await hears_on(elsewhere)
            told = await there.good("POST", f"/v1/turns/{heard.turn}/cancel")
            assert told["status"] == "cancelled"
        finally:
            redis._process.send_signal(signal.SIGCONT)
        await elsewhere.done()
        assert elsewhere.frames == await here.events(str(heard.turn))


@pytest.mark.promise("redis")
async def test_without_redis_at_the_start_it_is_found_later(dsn: str, redis: Redis) -> None:
    redis.kill()
    async with homes(dsn, 2, redis_url=redis.url) as (here, there):
        heard = await speaking(here, await here.conversation(), "[[tokens=100 rate=30]]")
        elsewhere = there.follow(str(heard.turn))
        await hears_on(elsewhere)
        await redis.start()
        await heard.done()
        await elsewhere.done()
        assert elsewhere.frames == heard.frames


async def hears_on(heard: Heard) -> None:
    known = heard.deltas
    await wait_for(lambda: heard.deltas > known + 5, within=5.0)
