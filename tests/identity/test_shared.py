"""Limits that processes share through a real Redis; and what a sick one costs."""

import asyncio
import statistics
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from signal import SIGCONT, SIGSTOP

import pytest
import redis.asyncio as client

from podium.errors import RateLimited
from podium.identity.quota import Grant, Limit, Limits, Quota
from podium.identity.quota import shared as module
from podium.identity.quota.shared import Shared
from tests.identity.test_rate import who
from tests.journal.redis_server import Redis, running_redis

FREE = Limits(tiers={"free": Limit(requests=6)})


@pytest.fixture
async def redis() -> AsyncGenerator[Redis, None]:
    async with running_redis() as running:
        yield running


@asynccontextmanager
async def quotas(redis: Redis, limits: Limits, number: int = 2) -> AsyncGenerator[list[Quota], None]:
    """So many processes' worth, all in this one."""
    async with AsyncExitStack() as stack:
        made = []
        for _ in range(number):
            shared = Shared(redis.url)
            await shared.open()
            stack.push_async_callback(shared.close)
            made.append(Quota(limits, workers=number, shared=shared))
        yield made


async def admitted(quota: Quota, most: int = 1, tokens: int = 0) -> list[Grant]:
    grants = []
    for _ in range(most):
        try:
            grant = await quota.admit(who(), tokens)
        except RateLimited:
            break
        assert grant is not None
        grants.append(grant)
    return grants


async def wait_until(number: int, quota: Quota, tokens: int = 0) -> list[Grant]:
    """Corrections are told in the background."""
    async with asyncio.timeout(5):
        while True:
            if len(grants := await admitted(quota, number, tokens)) == number:
                return grants
            for grant in grants:
                grant.withdraw()
            await asyncio.sleep(0.005)


async def wait_well(quota: Quota, *, is_well: bool = True) -> None:
    assert quota._shared is not None
    async with asyncio.timeout(10):
        while True:
            if quota._shared.is_well == is_well:
                return
            await asyncio.sleep(0.005)


@asynccontextmanager
async def silent(redis: Redis, quota: Quota) -> AsyncGenerator[list[Grant], None]:
    """A Redis that says nothing, which this process has noticed; it gives what it was asked for then."""
    assert redis._process is not None
    redis._process.send_signal(SIGSTOP)
    try:
        grants = await admitted(quota, 1)
        await wait_well(quota, is_well=False)
        yield grants
    finally:
        redis._process.send_signal(SIGCONT)


async def wait_in_vain(quota: Quota, seconds: float) -> None:
    """There is nothing to be had, as often as it is asked for."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert not await admitted(quota, 1)
        await asyncio.sleep(0.1)


@pytest.mark.promise("rate")
async def test_many_at_once_on_two_processes_get_exactly_what_there_is(redis: Redis) -> None:
    async with quotas(redis, FREE) as (here, there):
        asked = [quota.admit(who()) for quota in (here, there) for _ in range(40)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
    refused = [each for each in answers if isinstance(each, RateLimited)]
    assert len(refused) == 74
    assert all(9.0 < each.after <= 10.0 for each in refused if each.after is not None)
    assert {each.standings["requests"][:2] for each in refused} == {(6, 0)}
    assert sum(isinstance(each, Grant) for each in answers) == 6


async def test_a_wait_is_exact_by_the_servers_clock(redis: Redis) -> None:
    async with quotas(redis, Limits(tiers={"free": Limit(requests=60)}), 1) as [quota]:
        await admitted(quota, 61)
        with pytest.raises(RateLimited) as caught:
            await quota.admit(who())
        after = caught.value.after
        assert after is not None
        assert 0 < after <= 1.0
        await asyncio.sleep(after)  # sleep: as a client does that was told to
        assert await admitted(quota, 1)


async def test_of_several_scopes_all_are_taken_or_none(redis: Redis) -> None:
    limits = Limits(tiers={"free": Limit(requests=6, turns=9)}, key=Limit(tokens=1000), tenant=Limit(turns=2))
    async with quotas(redis, limits) as (here, there):
        first = await admitted(here, 9, 100)
        assert len(first) == 2
        assert await admitted(there, 9, 100) == []
        for grant in first:
            grant.withdraw()
        await wait_until(2, there, 500)
        # Of the six requests two are gone, and all tokens.
        assert await admitted(here, 1, 1) == []


async def test_tokens_that_were_used_take_the_place_of_those_expected(redis: Redis) -> None:
    async with quotas(redis, Limits(tiers={"free": Limit(tokens=600)})) as (here, there):
        [grant] = await admitted(here, 1, 600)
        assert not await admitted(there, 1, 300)
        grant.end(280)
        await wait_until(1, there, 300)
        assert not await admitted(here, 1, 300)


async def test_seats_are_shared_and_those_of_a_dead_process_are_free_again(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SEAT_SECONDS", 1)
    limits = Limits(tiers={"free": Limit(turns=2)})
    async with quotas(redis, limits) as (here, there):
        dead = Shared(redis.url)
        await dead._greet()  # never opened: it renews nothing
        assert len(await admitted(Quota(limits, shared=dead), 5)) == 2
        assert not await admitted(here, 1)
        await wait_until(2, there)
        await dead.close()


async def test_seats_of_a_living_process_are_renewed(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SEAT_SECONDS", 1)
    monkeypatch.setattr(module, "_PING_SECONDS", 0.1)
    monkeypatch.setattr(module, "_RENEW_SECONDS", 0.2)
    async with quotas(redis, Limits(tiers={"free": Limit(turns=1)})) as (here, there):
        [grant] = await admitted(here, 5)
        await wait_in_vain(there, 2.0)
        grant.stand()
        [other] = await wait_until(1, there)
        again = here.resume(who(), 0)
        assert again is not None
        await wait_in_vain(there, 2.0)
        other.end(None)
        await wait_in_vain(there, 0.5)
        again.end(None)
        await wait_until(1, there)


@pytest.mark.promise("redis", "rate")
async def test_without_its_redis_each_process_keeps_to_its_share(redis: Redis) -> None:
    async with quotas(redis, FREE) as (here, there):
        assert len(await admitted(here, 1)) == 1
        redis.kill()
        assert [len(await admitted(quota, 10)) for quota in (here, there)] == [3, 3]


@pytest.mark.promise("redis")
async def test_a_silent_redis_costs_one_call_fifty_milliseconds_and_is_then_left_alone(redis: Redis) -> None:
    async with quotas(redis, Limits(tiers={"free": Limit(requests=100_000)}), 1) as [quota]:
        await admitted(quota, 1)
        assert redis._process is not None
        redis._process.send_signal(SIGSTOP)
        try:
            took = []
            for _ in range(200):
                began = time.monotonic()
                await admitted(quota, 1)
                took.append(time.monotonic() - began)
            assert took[0] < 2.0
            assert statistics.median(took) < 0.02
        finally:
            redis._process.send_signal(SIGCONT)
        await wait_well(quota)
        assert await admitted(quota, 1)


@pytest.mark.promise("redis")
async def test_seats_that_were_left_beside_a_silent_redis_are_free_as_soon_as_it_is_well(
    redis: Redis,
) -> None:
    async with quotas(redis, Limits(tiers={"free": Limit(turns=5)})) as (here, there):
        grants = await admitted(here, 9)
        assert len(grants) == 5
        async with silent(redis, here) as [local]:
            for grant in (*grants[1:], local):
                grant.end(None)
        assert len(await wait_until(4, there)) == 4
        assert not await admitted(there, 1), "one still has its seat"
        await wait_well(here)
        grants[0].end(None)
        await wait_until(1, there)


async def test_a_seat_that_a_silent_redis_gives_when_it_wakes_is_given_back(redis: Redis) -> None:
    async with quotas(redis, Limits(tiers={"free": Limit(turns=2)})) as (here, there):
        async with silent(redis, here) as [local]:
            pass
        async with client.from_url(redis.url) as direct:
            async with asyncio.timeout(5):
                while not await direct.keys("podium:quota:*"):
                    pass
        await wait_until(2, there)
        local.end(None)


async def test_what_was_not_used_beside_a_silent_redis_is_given_back_once_it_is_well(redis: Redis) -> None:
    async with quotas(redis, Limits(tiers={"free": Limit(tokens=600)})) as (here, there):
        [grant] = await admitted(here, 1, 600)
        async with silent(redis, here):
            grant.end(280)
        await wait_until(1, there, 300)
        assert not await admitted(there, 1, 300)


async def test_what_was_given_back_long_ago_is_not_told_any_more(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_OWED_SECONDS", 0.0)
    async with quotas(redis, Limits(tiers={"free": Limit(tokens=600, turns=1)})) as (here, there):
        [grant] = await admitted(here, 1, 600)
        async with silent(redis, here):
            grant.end(280)
        await wait_until(1, there)
        assert not await admitted(there, 1, 300)


@pytest.mark.promise("redis")
async def test_a_redis_that_forgot_everything_costs_nobody_an_answer(redis: Redis) -> None:
    async with quotas(redis, FREE) as (here, there):
        assert len(await admitted(here, 10)) == 6
        await redis.say("SCRIPT", "FLUSH")
        assert await admitted(there, 10) == []
        await redis.say("FLUSHALL")
        assert len(await admitted(there, 10)) == 6


async def test_a_clock_that_goes_back_grants_nothing_and_locks_nobody_out(redis: Redis) -> None:
    async with quotas(redis, Limits(tiers={"free": Limit(requests=60)}), 1) as [quota]:
        await admitted(quota, 61)
        async with client.from_url(redis.url, decode_responses=True) as direct:
            [name] = await direct.keys("podium:quota:*")
            debt, at = str(await direct.get(name)).split(":")
            await direct.set(name, f"{debt}:{int(at) + 3_600_000_000}")
        with pytest.raises(RateLimited) as caught:
            await quota.admit(who())
        assert caught.value.after is not None
        assert caught.value.after <= 1.0


async def test_callers_who_leave_take_nothing_with_them(redis: Redis) -> None:
    async with quotas(redis, FREE, 1) as [quota]:
        asking = [asyncio.create_task(admitted(quota, 1)) for _ in range(6)]
        await asyncio.sleep(0)
        for task in asking:
            task.cancel()
        await asyncio.wait(asking)
        await wait_until(1, quota)
        assert len(await admitted(quota, 9)) == 5
