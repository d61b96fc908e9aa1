"""Limits as clients see them: through each dialect's own SDK, on real servers."""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import aiohttp
import pytest
from openai import AsyncOpenAI, RateLimitError

from podium.identity.quota import Limit, Limits
from podium.kit import ids
from tests.doors.clients import WIRES, ask
from tests.doors.podium import ADMIN_KEY, Podium, podium
from tests.journal.redis_server import running_redis
from tests.simulator.serving import wait_for

# The SDK itself subclasses aiohttp's session, which aiohttp warns of.
pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning")

MODEL = "lab/small"
Started = Callable[..., AbstractAsyncContextManager[Podium]]
SLOW = "[[tokens=2000 rate=100]]"


@pytest.fixture
def started(dsn: str) -> Started:
    """A server with these limits on a user of tier `free`."""

    def start(limit: Limit, **more: Any) -> AbstractAsyncContextManager[Podium]:
        return podium(dsn, limits=Limits(tiers={"free": limit}, **more))

    return start


@pytest.fixture
async def server(started: Started) -> AsyncGenerator[Podium, None]:
    async with started(Limit(requests=3)) as running:
        yield running


async def key_of(server: Podium, user: str = "ann", **more: Any) -> str:
    body = {"tenant": "acme", "user": user, "scope": "member", "tier": "free", **more}
    return str((await server.call("POST", "/v1/keys", json=body))["key"])


class Caller:
    """One key's requests, as they are answered."""

    def __init__(self, server: Podium, key: str) -> None:
        self.server = server
        self.headers = {"authorization": f"Bearer {key}"}

    async def __call__(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> tuple[int, dict[str, str], Any]:
        sent = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        async with self.server.http.request(
            method, self.server.url + path, json=body, headers=sent
        ) as answer:
            return answer.status, {k.lower(): v for k, v in answer.headers.items()}, await answer.json()

    async def chat(self, text: str = "hello", **more: Any) -> tuple[int, dict[str, str], Any]:
        headers = more.pop("headers", {})
        body = {"model": MODEL, "messages": [{"role": "user", "content": text}], **more}
        return await self("POST", "/v1/chat/completions", body, **headers)

    async def conversation(self) -> str:
        return str((await self("POST", "/v1/conversations", {}))[2]["id"])


async def caller(server: Podium, user: str = "ann", **more: Any) -> Caller:
    return Caller(server, await key_of(server, user, **more))


async def wait_answered(who: Caller) -> None:
    """What a turn had is given back a moment after its host was left."""
    async with asyncio.timeout(5):
        while True:
            if (await who.chat())[0] == 200:
                return
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("door", WIRES)
@pytest.mark.parametrize("stream", [False, True])
async def test_what_is_over_the_limit_is_refused_in_each_dialect(
    server: Podium, door: str, stream: bool
) -> None:
    key = await key_of(server)
    for _ in range(3):
        assert (await ask(server.url, door, MODEL, "hello", stream=stream, key=key)).status is None
    told = await ask(server.url, door, MODEL, "hello", stream=stream, key=key)
    assert told.status == 429
    assert "3 requests a minute" in told.message
    word = {
        "openai_chat": "rate_limit_exceeded",
        "anthropic": "rate_limit_error",
        "gemini": "RESOURCE_EXHAUSTED",
    }
    assert word[door] in f"{told.message} {getattr(told.error, 'code', '')}"
    assert len(server.host.oracle.calls) == 3


async def test_the_native_door_refuses_in_its_own_words(server: Podium) -> None:
    ann = await caller(server)
    path = f"/v1/conversations/{await ann.conversation()}/turns"
    for _ in range(3):
        assert (await ann("POST", path, {"input": "hello"}))[0] == 200
    status, headers, body = await ann("POST", path, {"input": "hello"})
    assert (status, body["error"]["code"]) == (429, "rate_limit_exceeded")
    assert headers["x-should-retry"] == "true"
    assert len((await ann("GET", path.replace("/turns", "/items")))[2]["data"]) == 6


async def test_answers_say_how_the_limit_stands_and_refusals_when_to_come_again(server: Podium) -> None:
    ann, headers = await caller(server), dict[str, str]()
    for left in (2, 1, 0):
        status, headers, _ = await ann.chat()
        assert status == 200
        assert headers["x-ratelimit-limit-requests"] == "3"
        assert headers["x-ratelimit-remaining-requests"] == str(left)
        assert re.fullmatch(r"(\d+m)?\d+(\.\d+)?m?s", headers["x-ratelimit-reset-requests"])
    assert "retry-after" not in headers
    status, headers, _ = await ann.chat()
    assert status == 429
    assert 18_000 < int(headers["retry-after-ms"]) <= 20_000
    assert int(headers["retry-after"]) == -(-int(headers["retry-after-ms"]) // 1000)
    assert headers["x-ratelimit-remaining-requests"] == "0"
    assert 57 < float(headers["x-ratelimit-reset-requests"].removesuffix("s").replace("1m0", "60")) <= 60


async def test_the_sdks_own_retries_succeed_after_the_wait(started: Started) -> None:
    async with started(Limit(requests=60)) as server:
        async with AsyncOpenAI(base_url=f"{server.url}/v1", api_key=await key_of(server)) as client:
            # Each its own words: a retry joins a turn that still runs on the same ones.
            said: Any = [[{"role": "user", "content": f"[[say yes]] {number}"}] for number in range(61)]
            asked = [client.chat.completions.create(model=MODEL, messages=each) for each in said]
            answers = await asyncio.gather(*asked)
        await wait_for(lambda: len(server.host.oracle.calls) == len(answers) == 61)
        assert {answer.choices[0].message.content for answer in answers} == {"yes"}


async def test_an_sdk_without_retries_is_told_in_its_own_error(server: Podium) -> None:
    async with AsyncOpenAI(
        base_url=f"{server.url}/v1", api_key=await key_of(server), max_retries=0
    ) as client:
        said: Any = [{"role": "user", "content": "hello"}]
        for _ in range(3):
            await client.chat.completions.create(model=MODEL, messages=said)
        with pytest.raises(RateLimitError) as caught:
            await client.chat.completions.create(model=MODEL, messages=said)
    assert caught.value.code == "rate_limit_exceeded"
    assert caught.value.type == "rate_limit_error"


@pytest.mark.promise("rate")
async def test_a_crowd_gets_exactly_what_there_is(server: Podium) -> None:
    ann, bob = await caller(server), await caller(server, "bob")
    answers = await asyncio.gather(*[each.chat() for each in (ann, bob) for _ in range(20)])
    assert sorted(status for status, _, _ in answers) == [200] * 6 + [429] * 34
    assert len(server.host.oracle.calls) == 6


async def test_the_operator_and_the_unlimited_are_not_limited(server: Podium) -> None:
    for _ in range(8):
        _, headers, _ = await (await caller(server, tier="unlimited")).chat()
        assert not [name for name in headers if name.startswith("x-ratelimit")]
        assert (await ask(server.url, "openai_chat", MODEL, "hello")).status is None


async def test_what_is_refused_for_another_reason_costs_nothing(server: Podium) -> None:
    ann, eve = await caller(server), await caller(server, "eve")
    theirs = await eve.conversation()
    for _ in range(4):
        assert (await ann.chat(temperature="hot"))[0] == 400
        assert (await ann.chat(model="nobodys"))[0] == 404
        assert (await ann("POST", f"/v1/conversations/{theirs}/turns", {"input": "hello"}))[0] == 404
        assert (await ann("POST", f"/v1/conversations/{ids.new('conv')}/turns", {"input": "hello"}))[0] == 404
    assert [(await ann.chat())[0] for _ in range(4)] == [200, 200, 200, 429]


async def test_whose_a_conversation_is_is_told_before_any_limit(server: Podium) -> None:
    ann, eve = await caller(server), await caller(server, "eve")
    theirs = await eve.conversation()
    for _ in range(3):
        await ann.chat()
    assert (await ann("POST", f"/v1/conversations/{theirs}/turns", {"input": "hello"}))[0] == 404
    own = await ann.conversation()
    assert (await ann("POST", f"/v1/conversations/{own}/turns", {"input": "hello"}))[0] == 429


async def test_a_replay_costs_nothing_and_is_given_to_whom_nothing_is_left(server: Podium) -> None:
    ann, headers = await caller(server), dict[str, str]()
    for _ in range(5):
        status, headers, _ = await ann.chat("once", headers={"idempotency_key": "a"})
        assert status == 200
    assert headers["idempotent-replayed"] == "true"
    assert [(await ann.chat())[0] for _ in range(3)] == [200, 200, 429]
    assert (await ann.chat("once", headers={"idempotency_key": "a"}))[0] == 200
    assert (await ann.chat("twice", headers={"idempotency_key": "a"}))[0] == 422
    assert (await ann.chat("other", headers={"idempotency_key": "b"}))[0] == 429


async def test_tokens_are_expected_then_counted(started: Started) -> None:
    async with started(Limit(tokens=1000)) as server:
        ann = await caller(server)
        status, headers, _ = await ann.chat("[[tokens=10]]", max_tokens=900)
        assert status == 200
        assert headers["x-ratelimit-limit-tokens"] == "1000"
        assert int(headers["x-ratelimit-remaining-tokens"]) < 100
        # It used next to nothing, so there is room for another of this size.
        status, _, _ = await ann.chat("[[tokens=10]]", max_tokens=900)
        assert status == 200
        usage = (await ann.chat("[[tokens=600]]", max_tokens=600))[2]["usage"]
        assert usage["total_tokens"] >= 600
        status, headers, body = await ann.chat("[[tokens=10]]", max_tokens=900)
        assert (status, body["error"]["code"]) == (429, "rate_limit_exceeded")
        assert "1000 tokens a minute" in body["error"]["message"]


async def test_a_turn_has_a_seat_as_long_as_it_runs_and_a_queued_one_none(started: Started) -> None:
    async with started(Limit(turns=1)) as server:
        ann = await caller(server)
        own = await ann.conversation()
        path = f"/v1/conversations/{own}/turns"
        first = asyncio.create_task(ann("POST", path, {"input": "[[tokens=60 rate=100]]"}))
        await wait_for(lambda: server.host.oracle.running)
        status, headers, body = await ann.chat()
        assert (status, headers["retry-after"]) == (429, "1")
        assert "1 turns under way" in body["error"]["message"]
        await first
        assert (await ann.chat())[0] == 200
        cancelled = asyncio.create_task(ann.chat(SLOW))
        await wait_for(lambda: server.host.oracle.running)
        cancelled.cancel()
        await wait_for(lambda: not server.host.oracle.running)
        await wait_answered(ann)


@pytest.fixture(params=["one", "two"])
async def servers(request: pytest.FixtureRequest, dsn: str) -> AsyncGenerator[tuple[Podium, Podium], None]:
    """A server twice, or two that share a Redis."""
    limits = Limits(tiers={"free": Limit(turns=2, tokens=1000)})
    if request.param == "one":
        async with podium(dsn, limits=limits) as server:
            yield server, server
        return
    async with (
        running_redis() as redis,
        podium(dsn, limits=limits, redis_url=redis.url) as here,
        podium(dsn, limits=limits, redis_url=redis.url) as there,
    ):
        yield here, there


async def wait_behind(
    servers: tuple[Podium, Podium], key: str, text: str
) -> tuple[Caller, asyncio.Task[tuple[int, dict[str, str], Any]]]:
    """A turn that was sent to the second server and waited behind one of the first, which then runs it."""
    here, there = [Caller(server, key) for server in servers]
    own = await here.conversation()
    path = f"/v1/conversations/{own}/turns"
    first = asyncio.create_task(here("POST", path, {"input": "[[tokens=40 rate=40]]"}))
    await wait_for(lambda: servers[0].host.oracle.running)
    second = asyncio.create_task(there("POST", path, {"input": text}))
    async with asyncio.timeout(10):
        while (await here("GET", f"/v1/conversations/{own}"))[2]["queue"]["depth"] != 1:
            pass
    # What waits has no seat.
    assert (await there.chat())[0] == 200
    assert (await first)[0] == 200
    return there, second


async def test_a_turn_that_waited_has_a_seat_where_it_runs(servers: tuple[Podium, Podium]) -> None:
    here, there = servers
    ann, second = await wait_behind(servers, await key_of(here), "[[tokens=300 rate=100]]")
    await wait_for(lambda: len(here.host.oracle.running) == 1)
    beside = asyncio.create_task(ann.chat(SLOW))
    await wait_for(lambda: len(there.host.oracle.running) == (2 if here is there else 1))
    assert (await ann.chat())[0] == 429
    assert (await second)[0] == 200
    beside.cancel()
    await asyncio.gather(beside, return_exceptions=True)
    await wait_answered(ann)


async def test_what_a_turn_used_that_waited_is_counted_where_it_ran(servers: tuple[Podium, Podium]) -> None:
    ann, second = await wait_behind(servers, await key_of(servers[0]), "[[tokens=700]]")
    assert (await second)[0] == 200
    left = 1000
    for _ in range(5):  # it is told in the background
        status, headers, _ = await ann.chat("hi", max_tokens=1)
        assert status == 200
        left = int(headers["x-ratelimit-remaining-tokens"])
        if left < 500:
            break
    assert left < 350


async def test_a_key_and_a_tenant_have_limits_of_their_own(started: Started) -> None:
    async with started(Limit(requests=9), key=Limit(requests=2), tenant=Limit(requests=3)) as server:
        one, two = await caller(server), await caller(server)
        assert [(await one.chat())[0] for _ in range(3)] == [200, 200, 429]
        bob = await caller(server, "bob")
        assert [(await each.chat())[0] for each in (two, bob)] == [200, 429]


@pytest.mark.promise("rate")
async def test_two_servers_with_one_redis_have_one_limit(dsn: str) -> None:
    limits = Limits(tiers={"free": Limit(requests=10)})
    async with (
        running_redis() as redis,
        podium(dsn, limits=limits, redis_url=redis.url) as here,
        podium(dsn, limits=limits, redis_url=redis.url) as there,
    ):
        key = await key_of(here)
        asked = [Caller(server, key).chat() for server in (here, there) for _ in range(20)]
        statuses = [status for status, _, _ in await asyncio.gather(*asked)]
        assert statuses.count(200) == 10
        assert statuses.count(429) == 30
        assert len(here.host.oracle.calls) + len(there.host.oracle.calls) == 10


async def test_what_headers_tell_stands_in_the_document(server: Podium) -> None:
    document = await server.call("GET", "/openapi.json")
    ann, path = await caller(server), "/v1/chat/completions"
    seen = dict[str, set[str]]()
    for _ in range(4):
        status, headers, _ = await ann.chat()
        seen[str(status)] = {name for name in headers if name.startswith(("x-podium-", "x-rate", "retry-"))}
    told = document["paths"][path]["post"]["responses"]
    assert set(seen) == {"200", "429"}
    for word, names in seen.items():
        assert len(names) >= 4
        assert names <= set(told[word]["headers"]) <= set(document["components"]["headers"])
    for operations in document["paths"].values():
        for operation in operations.values():
            if "503" in operation["responses"]:
                assert "retry-after" in operation["responses"]["503"]["headers"]


# ── users who are spoken for ─────────────────────────────────────────────────────────────────────────────


async def say_for(who: Caller, user: str | None, door: str = "/chat") -> int:
    """The status of a first message in a user's name."""
    named = {} if user is None else {"user_id": user}
    text = "initial_message" if door == "/llm/chat/" else "message"
    return (await who("POST", door, {text: "hello", **named}))[0]


ANN, BOB = "3f2b8c1e-0d6a-4a57-9a43-5d1a2b3c4d5e", "3f2b8c1e-0d6a-4a57-9a43-5d1a2b3c4d5f"


@pytest.mark.parametrize("door", ["/chat", "/llm/chat/"])
@pytest.mark.parametrize("key", ["admin", "operator"])
async def test_whom_a_key_speaks_for_has_a_limit_of_their_own(dsn: str, door: str, key: str) -> None:
    limits = Limits(tiers={"free": Limit(requests=2), "basic": Limit(requests=3), "unlimited": Limit()})
    async with podium(dsn, limits=limits) as server:
        root = Caller(server, ADMIN_KEY)
        if key == "admin":
            root = await caller(server, "root", scope="admin", tier="unlimited")
        else:
            root.headers["x-podium-tenant"] = "acme"
            await caller(server, "root")
        assert [await say_for(root, ANN, door) for _ in range(4)] == [200, 200, 200, 429]
        await caller(server, BOB, user_tier="free")
        assert [await say_for(root, BOB, door) for _ in range(3)] == [200, 200, 429]
        assert [await say_for(root, None) for _ in range(4)] == [200] * 4


async def test_a_session_of_another_counts_as_that_users_and_so_do_their_own_keys(started: Started) -> None:
    async with started(Limit(requests=3)) as server:
        ann = await caller(server, user_tier="free")
        root = await caller(server, "root", scope="admin")
        session = (await ann("POST", "/chat", {"message": "hello"}))[2]["session_id"]
        path = f"/llm/chat/{session}/message/"
        assert (await root("POST", path, {"user_message": "hello"}))[0] == 200
        body = {"message": "hello", "session_id": session}
        assert [(await root("POST", "/chat", body))[0] for _ in range(2)] == [200, 429]
        assert [(await each("POST", path, {"user_message": "hello"}))[0] for each in (root, ann)] == [
            429,
            429,
        ]
        assert (await root.chat())[0] == 200
        assert (await (await caller(server, "bob"))("POST", path, {"user_message": "hello"}))[0] == 404


async def test_the_key_and_the_tenant_of_who_speaks_for_others_are_counted_too(started: Started) -> None:
    key, tenant = Limit(requests=2), Limit(requests=3)
    async with started(Limit(), key=key, tenant=tenant) as server:
        one, two = [await caller(server, "root", scope="admin") for _ in range(2)]
        for user in ("ann", "bob"):
            await caller(server, user, user_tier="free")
        assert [await say_for(one, user) for user in ("ann", "bob", "ann")] == [200, 200, 429]
        assert [await say_for(two, user) for user in ("ann", "bob")] == [200, 429]
        operator = Caller(server, ADMIN_KEY)
        operator.headers["x-podium-tenant"] = "acme"
        assert await say_for(operator, "ann") == 200


async def test_turns_at_once_are_those_of_who_is_spoken_for(started: Started) -> None:
    async with started(Limit(turns=1)) as server:
        root = await caller(server, "root", scope="admin")
        for user in ("ann", "bob"):
            await caller(server, user, user_tier="free")
        body = {"message": SLOW, "user_id": "ann"}
        running = asyncio.create_task(root("POST", "/chat", body))
        await wait_for(lambda: server.host.oracle.running)
        assert [await say_for(root, user) for user in ("ann", "bob", None)] == [429, 200, 200]
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


# ── load ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_full_server_refuses_turns_early_and_nothing_else(started: Started) -> None:
    async with started(Limit(), most_turns=5) as server:
        ann = await caller(server)
        running = [asyncio.create_task(ann.chat(SLOW)) for _ in range(4)]
        await wait_for(lambda: len(server.host.oracle.running) == 4)
        status, headers, body = await ann.chat(headers={"x_podium_priority": "batch"})
        assert (status, body["error"]["code"], headers["retry-after"]) == (503, "overloaded", "1")
        assert headers["x-should-retry"] == "true"
        assert (await ann.chat(headers={"x_podium_priority": "interactive"}))[0] == 200
        running.append(asyncio.create_task(ann.chat(SLOW)))
        await wait_for(lambda: len(server.host.oracle.running) == 5)
        assert (await ann.chat())[0] == 503
        assert (await ann("GET", "/v1/conversations"))[0] == 200
        assert (await ann("GET", "/v1/models"))[0] == 200
        assert (await ann("GET", "/health"))[0] == 200
        async with server.http.get(f"{server.url}/metrics") as answer:
            assert 'podium_worker_turns_shed_total{worker="0"} 2.0' in await answer.text()
        for task in running:
            task.cancel()
        await wait_answered(ann)


async def test_a_queue_has_an_end_and_tells_how_long_it_is(started: Started) -> None:
    async with started(Limit(), most_queued=2) as server:
        ann = await caller(server)
        conversation = (await ann("POST", "/v1/conversations", {}))[2]["id"]
        path, depths = f"/v1/conversations/{conversation}", list[int]()

        async def look() -> int:
            depths.append((await ann("GET", path))[2]["queue"]["depth"])
            return depths[-1]

        running = asyncio.create_task(ann("POST", f"{path}/turns", {"input": SLOW}))
        await wait_for(lambda: server.host.oracle.running)
        waiting = []
        for depth in (1, 2):
            waiting.append(asyncio.create_task(ann("POST", f"{path}/turns", {"input": "[[say yes]]"})))
            async with asyncio.timeout(10):
                while await look() < depth:
                    pass
        status, headers, body = await ann("POST", f"{path}/turns", {"input": "no", "on_busy": "interrupt"})
        assert (status, body["error"]["code"], headers["retry-after"]) == (429, "queue_full", "1")
        assert headers["x-should-retry"] == "true"
        said = [{"role": "user", "content": "no"}]
        given = {"messages": said, "x_podium": {"conversation": conversation}}
        status, _, body = await ann("POST", "/v1/chat/completions", given)
        assert (status, body["error"]["code"]) == (429, "queue_full")
        turns = (await ann("GET", f"/v1/turns?conversation={conversation}"))[2]["data"]
        assert len(turns) == 3, "nothing is left of those that were refused"
        await ann("POST", f"/v1/turns/{turns[-1]['id']}/cancel")
        assert "x-podium-queue-depth" not in (await running)[1]
        for depth, task in enumerate(waiting, 1):
            status, headers, body = await task
            assert (status, body["output_text"], headers["x-podium-queue-depth"]) == (200, "yes", str(depth))
            assert float(headers["x-podium-queue-wait"]) == body["waited_seconds"] > 0


async def test_a_full_server_does_not_wait_for_the_body(started: Started) -> None:
    async with started(Limit(), most_turns=1) as server:
        ann = await caller(server)
        running = asyncio.create_task(ann.chat(SLOW))
        await wait_for(lambda: server.host.oracle.running)

        async def never() -> AsyncGenerator[bytes, None]:
            yield b"{"
            await asyncio.Event().wait()

        timeout = aiohttp.ClientTimeout(total=5)
        async with server.http.post(
            f"{server.url}/v1/chat/completions", data=never(), headers=ann.headers, timeout=timeout
        ) as answer:
            assert answer.status == 503
        running.cancel()


async def test_a_priority_that_is_none_is_told(server: Podium) -> None:
    status, _, body = await (await caller(server)).chat(headers={"x_podium_priority": "urgent"})
    assert (status, body["error"]["param"]) == (400, "x-podium-priority")
