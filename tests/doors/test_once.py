"""A request that may cost something is done once for an idempotency key, at every door that starts a turn.

Two servers for all of it; each test has a user of its own. A token of output costs a tenth of a cent, one of input
nothing.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from podium.catalogue.catalogue import Catalogue
from podium.catalogue.endpoint import Endpoint, Resilience
from podium.catalogue.profile import Price, Profile
from podium.kit import ids
from podium.simulator import Simulator
from tests.doors.podium import Podium, podium
from tests.doors.sessions import Caller, Told, caller, let_hours_pass
from tests.serving import Cluster, fresh_database
from tests.simulator.serving import wait_for

pytestmark = pytest.mark.asyncio(loop_scope="module")


def hosts(host: Simulator) -> Catalogue:
    """The simulator behind one wire, asked once."""
    once = Resilience(attempts=1, breaker_failures=0)
    lab = Endpoint(name="lab", wire="openai_chat", base_url=host.url, resilience=once)
    small = Profile(
        endpoint="lab", model="small", context_window=128_000, price=Price(input=0, output=1_000_000_000)
    )
    return Catalogue(
        endpoints={"lab": lab}, profiles={small.name: small}, routes={}, default_model="lab/small"
    )


@dataclass(frozen=True)
class Town:
    servers: tuple[Podium, Podium]
    dsn: str
    database: asyncpg.Connection


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(cluster: Cluster) -> AsyncGenerator[Town, None]:
    async with (
        fresh_database(cluster) as dsn,
        podium(dsn, catalogue=hosts) as one,
        podium(dsn, catalogue=hosts) as other,
    ):
        database = await asyncpg.connect(dsn)
        yield Town((one, other), dsn, database)
        await database.close()


@dataclass(frozen=True)
class Asking:
    """Somebody at a door: `path`, and the `body` that says a text there."""

    town: Town
    name: str
    caller: Caller
    path: str
    body: Callable[[str], dict[str, Any]]
    conversation: str | None

    async def say(self, text: str, key: str, **more: Any) -> Told:
        return await self.caller.ask("POST", self.path, {**self.body(text), **more}, idempotency_key=key)

    async def calls(self) -> list[tuple[str, int]]:
        """Model and cost, in tenths of a cent, of every attempt that was ever made for them."""
        rows = await self.town.database.fetch(
            "SELECT e.model, e.amount / 1000000 FROM ledger_entries e JOIN users u ON u.id = e.user_id"
            " JOIN tenants t ON t.id = e.tenant WHERE u.name = $1 AND t.name = 'acme' ORDER BY e.id",
            self.name,
        )
        return [(row[0], row[1]) for row in rows]

    async def words(self) -> list[str]:
        """What stands in the conversation that the door speaks in, if it is always the same."""
        if self.conversation is None:
            return []
        items = await self.caller.good("GET", f"/v1/conversations/{self.conversation}/items")
        return [item["role"] for item in items["data"]]


async def _conversation(who: Caller) -> str:
    made: str = (await who.good("POST", "/v1/conversations", {}))["id"]
    return made


def _uuid(conversation: str) -> str:
    bits = conversation.partition("_")[2]
    return "-".join((bits[:8], bits[8:12], bits[12:16], bits[16:20], bits[20:]))


Door = tuple[str, Callable[[str], dict[str, Any]], str | None]


async def _chat(_: Caller, __: str) -> Door:
    return "/v1/chat/completions", lambda said: {"messages": [{"role": "user", "content": said}]}, None


async def _messages(_: Caller, __: str) -> Door:
    body = {"model": "lab/small", "max_tokens": 300}
    return "/v1/messages", lambda said: {**body, "messages": [{"role": "user", "content": said}]}, None


async def _generate(_: Caller, __: str) -> Door:
    path = "/v1beta/models/lab/small:generateContent"
    return path, lambda said: {"contents": [{"role": "user", "parts": [{"text": said}]}]}, None


async def _native(who: Caller, _: str) -> Door:
    made = await _conversation(who)
    return f"/v1/conversations/{made}/turns", lambda said: {"input": said}, made


async def _in_dialect(who: Caller, _: str) -> Door:
    made = await _conversation(who)
    more = {"x_podium": {"conversation": made}}
    path = "/v1/chat/completions"
    return path, lambda said: {"messages": [{"role": "user", "content": said}], **more}, made


async def _begin_session(_: Caller, name: str) -> Door:
    return "/llm/chat/", lambda said: {"user_id": name, "initial_message": said}, None


async def _in_session(who: Caller, _: str) -> Door:
    made = await _conversation(who)
    return f"/llm/chat/{_uuid(made)}/message/", lambda said: {"user_message": said}, made


async def _simple(_: Caller, __: str) -> Door:
    return "/chat", lambda said: {"message": said}, None


async def _simple_in_session(who: Caller, _: str) -> Door:
    made = await _conversation(who)
    return "/chat", lambda said: {"message": said, "session_id": _uuid(made)}, made


DOORS: dict[str, Callable[[Caller, str], Awaitable[Door]]] = {
    "chat completions": _chat,
    "messages": _messages,
    "generateContent": _generate,
    "turns": _native,
    "chat completions in a conversation": _in_dialect,
    "a session's first message": _begin_session,
    "a session's next message": _in_session,
    "simple chat": _simple,
    "simple chat in a session": _simple_in_session,
}


async def at(town: Town, door: str) -> Asking:
    """Somebody new at this door, with a dollar to spend."""
    name = _uuid(ids.new("name"))
    who = await caller(town.servers[0], name)
    path, body, conversation = await DOORS[door](who, name)
    asking = Asking(town, name, who, path, body, conversation)
    await allow(asking, "1")
    return asking


async def allow(asking: Asking, dollars: str) -> None:
    """What they may spend in all, from now on."""
    limit = {"budget_limit": dollars, "reset_period": "never"}
    headers = {"x-podium-tenant": "acme"}
    path = f"/budgets/user/{asking.name}"
    await asking.town.servers[0].call("POST", path, json=limit, headers=headers)


every_door = pytest.mark.parametrize("door", DOORS)


@every_door
async def test_it_is_answered_alike_and_charged_once(town: Town, door: str) -> None:
    ann = await at(town, door)
    first, again = [await ann.say("[[tokens=3]]", "mine") for _ in range(2)]
    assert (first.status, again.status) == (200, 200), first
    assert again.json == first.json
    assert again.headers["x-podium-cost"] == first.headers["x-podium-cost"] == "0.003"
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    other = await ann.say("[[tokens=4]]", "mine")
    assert other.status == 422
    assert "idempotency" in str(other.json).lower()
    assert await ann.calls() == [("lab/small", 3)]
    assert await ann.words() in ([], ["user", "assistant"])


@every_door
async def test_while_it_runs_it_is_joined(town: Town, door: str) -> None:
    ann = await at(town, door)
    told = await asyncio.gather(*(ann.say("[[tokens=8 rate=80]]", "race") for _ in range(4)))
    assert all(each.json == told[0].json for each in told), told
    assert sorted(each.headers.get("idempotent-replayed", "") for each in told) == ["", *["true"] * 3]
    assert await ann.calls() == [("lab/small", 8)]


@every_door
async def test_what_was_refused_is_done_once_the_reason_is_gone(town: Town, door: str) -> None:
    """A wrong member, a model that is not there, a budget that has not enough."""
    ann = await at(town, door)
    for more in ({"stream": 7}, {"input": 7}, {"model": "nobody/any"}):
        refused = await ann.say("[[tokens=2]]", "mine", **more)
        if refused.status == 200:  # this door has no such member, and hands it on
            ann = await at(town, door)
            continue
        assert refused.status in {400, 404}, refused
    await allow(ann, "0.01")
    for _ in range(2):
        refused = await ann.say("[[tokens=2]]", "mine")
        assert refused.status == 429, refused
    await allow(ann, "1")
    answers = [await ann.say("[[tokens=2]]", "mine") for _ in range(2)]
    assert [each.status for each in answers] == [200, 200], answers
    assert answers[1].headers["idempotent-replayed"] == "true"
    assert await ann.calls() == [("lab/small", 2)]
    assert await ann.words() in ([], ["user", "assistant"]), "it was said once"


@every_door
async def test_what_a_host_failed_at_is_tried_again(town: Town, door: str) -> None:
    ann = await at(town, door)
    text = f"[[fault 503 times=1 key={ids.new('fault')}]] [[tokens=2]]"
    failed, good, again = [await ann.say(text, "mine") for _ in range(3)]
    assert (failed.status, good.status, again.status) == (503, 200, 200), (failed, good)
    assert again.json == good.json
    assert sorted(await ann.calls()) == [("lab/small", 0), ("lab/small", 2)]
    assert await ann.words() in ([], ["user", "assistant"])


@pytest.mark.parametrize("door", ["a session's next message", "simple chat in a session"])
async def test_what_broke_off_in_a_session_is_told_again_and_is_not_to_be_asked_again(
    town: Town, door: str
) -> None:
    ann = await at(town, door)
    text = f"[[fault reset after=3 times=1 key={ids.new('fault')}]] [[tokens=9]]"
    told = [await ann.say(text, "mine") for _ in range(2)]
    assert [(each.status, each.headers["x-should-retry"]) for each in told] == [(502, "false")] * 2
    assert [each.headers.get("idempotent-replayed") for each in told] == [None, "true"]
    assert told[0].headers["x-podium-turn"] == told[1].headers["x-podium-turn"]
    assert len(await ann.calls()) == 1


@every_door
async def test_a_key_is_forgotten_after_a_day(town: Town, door: str) -> None:
    ann = await at(town, door)
    await ann.say("[[tokens=1]]", "mine")
    for hours, calls in ((23.9, 1), (0.2, 2)):
        await town.database.execute(
            "UPDATE turn_keys SET created_at = created_at - $1 * interval '1 hour'", hours
        )
        await town.database.fetch("SELECT turn_sweep($1, 10000)", ids.before("turn", 24 * 3600))
        assert (await ann.say("[[tokens=1]]", "mine")).status == 200
        assert len(await ann.calls()) == calls


@pytest.mark.parametrize("door", ["chat completions", "messages", "generateContent", "simple chat"])
async def test_a_key_is_nobody_elses(town: Town, door: str) -> None:
    ann, bob = await at(town, door), await at(town, door)
    stranger = await caller(town.servers[0], ann.name, tenant="umbrella")
    first = await ann.say("[[tokens=2]]", "same")
    theirs = await bob.say("[[tokens=2]]", "same")
    third = await stranger.ask("POST", ann.path, ann.body("[[tokens=2]]"), idempotency_key="same")
    for each in (first, theirs, third):
        assert (each.status, each.headers.get("idempotent-replayed")) == (200, None)
    assert len({each.headers["x-podium-turn"] for each in (first, theirs, third)}) == 3
    assert await bob.calls() == [("lab/small", 2)]


async def test_a_broken_turn_is_continued_once(town: Town) -> None:
    ann = await at(town, "turns")
    await allow(ann, "100")
    host = town.servers[0].host
    saying = asyncio.create_task(ann.say("[[tokens=400 rate=100]]", "first"))
    await wait_for(lambda: any(call.chunks > 3 for call in host.oracle.running))
    [turn] = (await ann.caller.good("GET", "/v1/turns"))["data"]
    await ann.caller.good("POST", f"/v1/turns/{turn['id']}/cancel")
    await saying
    path, before = f"/v1/turns/{turn['id']}/continue", len(host.oracle.calls)
    told = [await ann.caller.ask("POST", path, {}, idempotency_key="on") for _ in range(2)]
    assert [each.status for each in told] == [200, 200], told
    assert told[0].json == told[1].json
    assert len(host.oracle.calls) == before + 1
    assert (await ann.caller.ask("POST", path, {}, idempotency_key="off")).status == 409
    mismatch = await ann.caller.ask("POST", path, {"on_disconnect": "cancel"}, idempotency_key="on")
    assert mismatch.status == 422


async def test_what_was_said_before_a_session_expired_is_told_again(town: Town) -> None:
    ann = await at(town, "simple chat in a session")
    first = await ann.say("[[tokens=2]]", "mine")
    await let_hours_pass(town.dsn)
    assert (await ann.say("[[tokens=2]]", "other")).status == 410
    again = await ann.say("[[tokens=2]]", "mine")
    assert (again.status, again.json) == (200, first.json)


async def test_of_many_tries_at_two_servers_one_is_the_next(town: Town) -> None:
    ann = await at(town, "chat completions")
    there = Caller(town.servers[1], ann.caller.key)
    hosts = [server.host for server in town.servers]
    text = f"[[fault 503 times=1 key={ids.new('fault')}]] [[tokens=3 rate=40]]"
    assert (await ann.say(text, "mine")).status == 503
    await wait_for(lambda: not any(host.oracle.running for host in hosts))
    before = sum(len(host.oracle.calls) for host in hosts)
    asked = [
        each.ask("POST", ann.path, ann.body(text), idempotency_key="mine") for each in (ann.caller, there) * 6
    ]
    told = await asyncio.gather(*asked)
    assert len({each.headers["x-podium-turn"] for each in told}) == 1
    assert sum(len(host.oracle.calls) for host in hosts) == before + 1
