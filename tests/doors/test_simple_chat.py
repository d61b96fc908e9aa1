"""Simple chat as applications use it: plain HTTP, sessions by any name."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from itertools import product
from typing import Any
from urllib.parse import quote

import aiohttp
import msgspec
import pytest
from aiohttp import web

from podium.catalogue.catalogue import Catalogue
from podium.catalogue.endpoint import Endpoint
from podium.catalogue.profile import Profile
from podium.catalogue.thinking import Thinking
from podium.identity.quota import Limit, Limits
from podium.simulator import Simulator
from tests.doors.podium import ADMIN_KEY, Podium, podium
from tests.doors.sessions import Caller, caller, let_hours_pass
from tests.turn.mortal import mortal, wait_for

BOB = "5f3759df-0b0b-4b0b-8b0b-b0bb0bb0bb0b"

STREAM = "text/event-stream"
ALICE = {"user_id": "alice"}


@pytest.fixture
async def ann(server: Podium) -> Caller:
    return await caller(server, "ann")


async def say(who: Caller, text: str, session: str | None = None, **more: Any) -> Any:
    """The answer to one message."""
    named = {} if session is None else {"session_id": session}
    return await who.good("POST", "/chat", {"message": text, **named, **more})


async def history(who: Caller, session: str, query: str = "") -> list[str]:
    """All that was said, a `role: text` each."""
    told = await who.good("GET", f"/sessions/{quote(session, safe='')}/history{query}")
    assert set(told) == {"session_id", "messages"}
    assert told["session_id"] == session
    return [f"{each['role']}: {each['content']}" for each in told["messages"]]


async def test_an_answer_says_what_was_said_and_what_it_cost(server: Podium, ann: Caller) -> None:
    told = await ann.ask("POST", "/chat", {"message": "hello", "session_id": "mine"})
    assert told.status == 200
    cost = told.json.pop("cost_info")
    assert told.json == {
        "response": "You said: hello",
        "session_id": "mine",
        "model": "lab/small",
        "tools_used": [],
        "finish_reason": "stop",
    }
    [call] = server.host.oracle.calls
    assert cost["tracking_status"] == "success"
    assert cost["model"] == "lab/small"
    assert cost["budget_warnings"] == []
    assert cost["token_details"] == {
        "input_tokens": call.input,
        "output_tokens": call.output,
        "thinking_tokens": 0,
        "cached_tokens": 0,
        "counting_method": "real_api",
    }
    assert (
        Decimal(cost["total_cost"]) == (call.input * Decimal("0.15") + call.output * Decimal("0.60")) / 10**6
    )
    assert {"input_cost", "output_cost", "thinking_cost"} <= set(cost["cost_breakdown"])
    assert told.headers["x-podium-cost"] == cost["total_cost"]


async def test_a_session_that_is_unknown_is_made_and_goes_on(ann: Caller) -> None:
    await say(ann, "I am Ann", "a session of ours")
    told = await say(ann, "[[recall]]", "a session of ours")
    assert "user: I am Ann" in told["response"]
    assert (await history(ann, "a session of ours"))[:3] == [
        "user: I am Ann",
        "assistant: You said: I am Ann",
        "user: [[recall]]",
    ]
    assert (await ann.good("DELETE", "/sessions/a session of ours")).keys() == {"message"}
    for method, end in (("GET", "/history"), ("DELETE", "")):
        assert (await ann.ask(method, f"/sessions/a session of ours{end}")).status == 404
    assert (await say(ann, "[[recall]]", "a session of ours"))["response"] == "user: [[recall]]"


@pytest.mark.parametrize(
    "session", ["a/b/history", "ü 🦉", "..", "%", "conv_x", "x" * 200, "history", " ", "a\nb\n"]
)
async def test_a_session_may_have_any_name(ann: Caller, session: str) -> None:
    assert (await say(ann, "hello", session))["session_id"] == session
    if session == "..":
        return  # in a path it means the folder above
    assert await history(ann, session) == ["user: hello", "assistant: You said: hello"]
    await ann.good("DELETE", f"/sessions/{quote(session, safe='')}")


@pytest.mark.parametrize("session", ["👨‍👩‍👧", "x" * 200, " ", "a\nb\n", "a/b"])
async def test_a_session_of_any_name_may_have_a_budget(server: Podium, ann: Caller, session: str) -> None:
    root, path = await caller(server, "root", scope="admin"), quote(session, safe="")
    made = await root.good("POST", f"/budgets/session/{path}", {"budget_limit": 1})
    await say(ann, "[[tokens=50]]", session)
    told = (await ann.good("GET", f"/budgets/status/{path}"))["session"]
    assert told["id"] == made["id"]
    assert Decimal(told["spent"]) > 0


@pytest.mark.parametrize("session", ["mine", "a/b", "history"])
async def test_a_slash_at_the_end_of_a_path_changes_nothing(ann: Caller, session: str) -> None:
    await say(ann, "hello", session)
    for path in (
        f"/sessions/{session}/history",
        f"/sessions/{session}/cost-summary",
        "/cost-tracking/analytics",
    ):
        told = await ann.good("GET", path)
        assert (await ann.good("GET", f"{path}/"), await ann.good("GET", f"{path}/?user_id=")) == (told, told)


async def test_without_a_name_a_session_is_known_by_its_uuid(ann: Caller) -> None:
    told = await say(ann, "hello")
    session = told["session_id"]
    again = await say(ann, "bye", session)
    assert again["session_id"] == session
    assert len(await history(ann, session)) == 4
    assert len(await ann.good("GET", f"/llm/chat/{session}/history/")) == 4
    assert (await say(ann, "hello"))["session_id"] != session


async def test_two_first_messages_at_once_make_one_session(server: Podium, ann: Caller) -> None:
    texts = [f"message {number}" for number in range(8)]
    told = await asyncio.gather(*(say(ann, text, "race") for text in texts))
    assert sorted(each["response"] for each in told) == [f"You said: {text}" for text in texts]
    assert len((await ann.good("GET", "/v1/conversations"))["data"]) == 1
    said = await history(ann, "race")
    assert len(said) == 16
    pairs = list(zip(said[::2], said[1::2], strict=True))
    assert all(answer == f"assistant: You said: {user.removeprefix('user: ')}" for user, answer in pairs)


async def test_the_same_name_is_another_session_for_another_user(server: Podium, ann: Caller) -> None:
    bob, far = await caller(server, "bob"), await caller(server, "ann", tenant="umbrella")
    root = await caller(server, "root", tenant="globex", scope="admin")
    anns = (await say(ann, "of ann's"))["session_id"]
    await say(ann, "a secret", "plan")
    for who in (bob, far, root):
        for session in ("plan", anns):
            assert (await who.ask("GET", f"/sessions/{session}/history")).status == 404
            assert (await who.ask("DELETE", f"/sessions/{session}")).status == 404
            assert (await say(who, "[[recall]]", session))["response"] == "user: [[recall]]"
    assert await history(ann, "plan") == ["user: a secret", "assistant: You said: a secret"]
    assert await history(ann, anns) == ["user: of ann's", "assistant: You said: of ann's"]


async def test_an_admin_speaks_for_any_user_and_a_member_for_itself(server: Podium, ann: Caller) -> None:
    root = await caller(server, "root", scope="admin")
    await say(root, "for alice", "s", **ALICE)
    assert await history(root, "s") == ["user: for alice", "assistant: You said: for alice"]
    alice = await caller(server, "alice")
    assert len(await history(alice, "s")) == 2
    await say(alice, "hello", "s", **ALICE)
    await say(ann, "hello", "s", user_id="ann")
    told = await root.ask("GET", "/sessions/s/history")
    assert (told.status, told.error["code"]) == (409, "conflict")
    assert len(await history(root, "s", "?user_id=alice")) == 4
    assert len(await history(root, "s", "?user_id=ann")) == 2
    for who, user in ((ann, "alice"), (ann, "nobody"), (root, "nobody")):
        told = await who.ask("GET", f"/sessions/s/history?user_id={user}")
        assert (told.status, told.error["param"]) == (404, "user_id")
    told = await ann.ask("POST", "/chat", {"message": "hello", **ALICE})
    assert (told.status, told.error["param"]) == (404, "user_id")
    await root.good("DELETE", "/sessions/s?user_id=alice")
    assert len(await history(root, "s")) == 2


async def test_an_expired_session_refuses_messages_and_keeps_what_was_said(server: Podium, dsn: str) -> None:
    ann = await caller(server, "ann")
    unnamed = (await say(ann, "hello"))["session_id"]
    await say(ann, "hello", "old")
    await let_hours_pass(dsn, 0.9)
    await say(ann, "still there", "old")
    await let_hours_pass(dsn, 1.1)
    for session in ("old", unnamed):
        for accept in ("application/json", STREAM):
            body = {"message": "too late", "session_id": session}
            told = await ann.ask("POST", "/chat", body, accept=accept)
            assert (told.status, told.error["code"], told.error["param"]) == (410, "gone", "session_id")
            assert "3600 seconds" in told.error["message"]
    assert len(await history(ann, "old")) == 4
    await ann.good("DELETE", "/sessions/old")
    assert (await say(ann, "[[recall]]", "old"))["response"] == "user: [[recall]]"


async def test_the_operator_says_how_long_sessions_live(dsn: str) -> None:
    async with podium(dsn, session_timeout=30_000) as server:
        operator = Caller(server, ADMIN_KEY)
        await say(operator, "hello", "s")
        await let_hours_pass(dsn, 8)
        await say(operator, "hello", "s")
        await let_hours_pass(dsn, 9)
        assert (await operator.ask("POST", "/chat", {"message": "x", "session_id": "s"})).status == 410


async def test_an_answer_is_capped_by_the_request_else_by_the_operator(dsn: str) -> None:
    async with podium(dsn, max_tokens=20) as server:
        operator = Caller(server, ADMIN_KEY)
        for more, most in (({}, 20), ({"max_tokens": 7}, 7), ({"max_tokens": None}, 20)):
            told = await say(operator, "[[tokens=300]]", **more)
            assert told["finish_reason"] == "length"
            assert told["cost_info"]["token_details"]["output_tokens"] == most


async def test_tools_that_were_called_are_named(ann: Caller) -> None:
    told = await say(ann, '[[call get_weather {"city": "Oslo"}]]')
    assert (told["tools_used"], told["finish_reason"]) == (["get_weather"], "tool_calls")


@pytest.mark.parametrize("way", ["body", "header"])
async def test_an_answer_comes_in_pieces_when_that_is_asked_for(ann: Caller, way: str) -> None:
    more: dict[str, Any] = {"stream": True} if way == "body" else {}
    headers = {"accept": STREAM} if way == "header" else {}
    body = {"message": "[[tokens=30 chunk=3]]", "session_id": "s", **more}
    told = await ann.ask("POST", "/chat", body, **headers)
    kinds = [event["type"] for event in told.events]
    assert kinds == ["start", *["delta"] * (len(kinds) - 2), "done"]
    assert len(kinds) > 5
    assert told.events[0] == {"type": "start", "session_id": "s"}
    done = told.events[-1]
    assert done["response"] == told.text
    assert Decimal(done["cost_info"]["total_cost"]) > 0
    body = {"message": "hello", "session_id": "s", "stream": False}
    whole = await ann.good("POST", "/chat", body, accept=STREAM)
    assert set(done) - {"type"} == set(whole)


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_that_breaks_tells_what_it_cost(ann: Caller, stream: bool) -> None:
    body = {"message": "[[fault close after=3]] [[tokens=50]]", "session_id": "s", "stream": stream}
    told = await ann.ask("POST", "/chat", body)
    last = told.events[-1] if stream else told.json
    assert last["error"]["code"] == "upstream_truncated"
    assert Decimal(last["cost_info"]["total_cost"]) > 0
    [entry] = (await ann.good("GET", "/v1/ledger"))["data"]
    assert entry["amount"] == last["cost_info"]["total_cost"]


async def test_the_same_key_says_a_message_once(ann: Caller) -> None:
    body = {"message": "hello"}
    told = [await ann.ask("POST", "/chat", body, idempotency_key="mine") for _ in range(2)]
    assert told[0].json == told[1].json
    assert told[1].headers["idempotent-replayed"] == "true"
    at_once = [ann.ask("POST", "/chat", {"message": "hi"}, idempotency_key="race") for _ in range(4)]
    assert len({msgspec.json.encode(each.json) for each in await asyncio.gather(*at_once)}) == 1
    other = await ann.ask("POST", "/chat", {"message": "bye"}, idempotency_key="mine")
    assert other.status == 422
    assert len((await ann.good("GET", "/v1/conversations"))["data"]) == 2


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "message"),
        ({"message": ""}, "message"),
        ({"message": "hello", "session_id": ""}, "session_id"),
        ({"message": "hello", "session_id": "x" * 201}, "session_id"),
        ({"message": "hello", "session_id": "a\0b"}, "session_id"),
        ({"message": "hello", "session_id": 7}, "session_id"),
        ({"message": "hello", "user_id": " ann"}, "user_id"),
        ({"message": "hello", "max_tokens": 0}, "max_tokens"),
        ({"message": "hello", "thinking_budget": -1}, "thinking_budget"),
        ({"message": "hello", "temperature": 1}, "temperature"),
    ],
)
async def test_a_body_that_is_wrong_is_refused_by_its_member(ann: Caller, body: object, param: str) -> None:
    told = await ann.ask("POST", "/chat", body)
    assert told.status == 400, told
    assert told.error["param"] == param
    assert (await ann.good("GET", "/v1/conversations"))["data"] == []


async def test_a_model_that_nobody_has_leaves_no_session_behind(ann: Caller) -> None:
    told = await ann.ask("POST", "/chat", {"message": "hello", "model": "nowhere/none"})
    assert (told.status, told.error["code"]) == (404, "model_not_found")
    assert (await ann.good("GET", "/v1/conversations"))["data"] == []


async def test_a_budget_refuses_with_its_detail(server: Podium) -> None:
    root = await caller(server, "root", scope="admin")
    await root.good("POST", "/budgets/session/poor", {"budget_limit": "0.000000001"})
    told = await root.ask("POST", "/chat", {"message": "hello", "session_id": "poor"})
    assert (told.status, told.error["code"]) == (429, "insufficient_quota")
    assert told.headers["x-should-retry"] == "false"
    assert told.json["detail"] == "Budget limit exceeded: Session budget limit exceeded"
    session = (await begun_in_session_chat(root))["session_id"]
    await root.good("POST", f"/budgets/session/{session}", {"budget_limit": 0.000000001})
    path, body = f"/llm/chat/{session}/message/", {"user_message": "hello"}
    for accept in ("application/json", STREAM):
        told = await root.ask("POST", path, body, accept=accept)
        assert told.status == 429
        assert told.json["detail"] == "Budget limit exceeded: Session budget limit exceeded"
    assert not server.host.oracle.calls[1:]


@pytest.mark.parametrize("is_named", [True, False])
async def test_deleting_a_session_frees_nobody_from_its_limit(
    server: Podium, ann: Caller, is_named: bool
) -> None:
    root, bob = await caller(server, "root", scope="admin"), await caller(server, "bob")
    name = (await say(ann, "hello", "ours" if is_named else None))["session_id"]
    made = await root.good("POST", f"/budgets/session/{name}", {"budget_limit": "0.01"})
    await say(ann, "[[tokens=50]]", name)
    await root.good("PATCH", f"/v1/budgets/{made['id']}", {"limit": "0.000000001"})
    await ann.good("DELETE", f"/sessions/{name}" if is_named else f"/llm/chat/{name}/")
    told = await root.good("GET", f"/budgets/status/{name}")
    assert (told["session"]["id"], told["allowed"]) == (made["id"], False)
    assert Decimal(told["session"]["spent"]) > 0
    body = {"message": "hello"}
    for again in [name] if is_named else [name, name.upper(), "conv_" + name.replace("-", "")]:
        told = await ann.ask("POST", "/chat", {**body, "session_id": again})
        assert told.status == 429, again
        assert told.json["detail"] == "Budget limit exceeded: Session budget limit exceeded"
        assert (await ann.ask("DELETE", f"/sessions/{again}")).status == 404, "it never was"
    assert (await bob.ask("POST", "/chat", {**body, "session_id": name})).status == 200
    assert (await ann.ask("POST", "/chat", {**body, "session_id": name})).status == 429


async def begun_in_session_chat(who: Caller) -> Any:
    given = {"user_id": "0a1b2c3d-0000-4000-8000-00000000abcd", "initial_message": "hello"}
    return await who.good("POST", "/llm/chat/", given)


# ── thinking ─────────────────────────────────────────────────────────────────────────────────────────────


class Thinker:
    """A host of Anthropic's wire that keeps what it is asked."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[Any] = []

    async def speak(self, http: web.Request) -> web.Response:
        self.asked.append(await http.json())
        message = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "thinker",
            "content": [{"type": "text", "text": "Hm."}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 3, "output_tokens": 2},
        }
        return web.json_response(message)

    def catalogue(self, _host: Simulator) -> Catalogue:
        """It alone, with models that take 2,000 tokens of thoughts at the least."""
        endpoint = Endpoint(name="lab", wire="anthropic", base_url=self.url)
        thinking = Thinking(least=2_000, most=50_000, off="disabled")
        small = Profile("lab", "small", context_window=200_000, streaming=False, thinking=thinking)
        profiles = {each.name: each for each in (small, replace(small, model="other"))}
        return Catalogue(
            endpoints={"lab": endpoint}, profiles=profiles, default_model="lab/small", allow_unpriced=True
        )


@asynccontextmanager
async def thinker() -> AsyncGenerator[Thinker, None]:
    host, app = Thinker(), web.Application()
    app.router.add_post("/v1/messages", host.speak)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield host
    finally:
        await runner.cleanup()


async def test_a_budget_to_think_with_is_raised_to_what_the_model_takes(dsn: str) -> None:
    async with thinker() as host, podium(dsn, catalogue=host.catalogue, thinking_budget=1) as server:
        operator = Caller(server, ADMIN_KEY)
        wanted: list[dict[str, Any]] = [{}, {"thinking_budget": 3_000}, {"thinking_budget": 0}]
        for more in wanted:
            told = await say(operator, "hello", **more)
            assert told["cost_info"]["tracking_status"] == "failed"  # nobody knows its price
    assert [asked["max_tokens"] for asked in host.asked] == [4_000] * 3
    told = [asked.get("thinking") for asked in host.asked]
    assert [each and (each["type"], each.get("budget_tokens")) for each in told] == [
        ("enabled", 2_000),
        ("enabled", 3_000),
        ("disabled", None),
    ]


# ── death ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.promise("message", "prefix")
async def test_a_session_outlives_its_server() -> None:
    async with mortal() as house:
        house_url = Podium(house.installation.url, house.host, None)  # type: ignore[arg-type]  # its own client
        who = Caller(house_url, house.installation.key)
        first = await say(who, "I am Ann", "s")
        asked = asyncio.create_task(
            who.ask("POST", "/chat", {"message": "[[tokens=40 rate=40]]", "session_id": "s"})
        )
        await wait_for(lambda: any(call.chunks > 3 for call in house.host.oracle.running))
        os.kill(house.server(), signal.SIGKILL)
        with pytest.raises(aiohttp.ClientError):
            await asked
        await house.revive()
        await house.good("GET", "/sessions/s/history")
        told = await say(who, "[[recall]]", "s")
        said = await history(who, "s")
    assert first["response"] == "You said: I am Ann"
    assert said[:3] == ["user: I am Ann", "assistant: You said: I am Ann", "user: [[tokens=40 rate=40]]"]
    assert said[-2] == "user: [[recall]]"
    assert "user: I am Ann" in told["response"]
    assert "user: [[tokens=40 rate=40]]" in told["response"]


# ── first messages that are refused ──────────────────────────────────────────────────────────────────────


async def test_a_first_message_that_is_refused_leaves_no_session_and_takes_no_budget(server: Podium) -> None:
    root, bob = await caller(server, "root", scope="admin"), await caller(server, "bob")
    ann = await caller(server, "ann")
    anybodys = await root.good("POST", "/budgets/session/plan", {"budget_limit": 1})
    bobs = await root.good("POST", "/budgets/session/walk?user_id=bob", {"budget_limit": 1})
    for session in ("plan", "walk", "new"):
        told = await bob.ask("POST", "/chat", {"message": "hi", "session_id": session, "model": "no/body"})
        assert (told.status, told.error["code"]) == (404, "model_not_found")
    assert (await bob.good("GET", "/v1/conversations"))["data"] == []
    assert await limit_of(bob, "walk") == bobs["id"]
    assert await limit_of(ann, "walk") is None
    assert await limit_of(bob, "plan") == await limit_of(ann, "plan") == anybodys["id"]
    await say(ann, "hello", "plan")
    await say(bob, "hello", "plan")
    assert (await limit_of(ann, "plan"), await limit_of(bob, "plan")) == (anybodys["id"], None)


async def test_a_first_message_that_no_budget_covers_was_never_said(server: Podium) -> None:
    root, ann, bob = (
        await caller(server, "root", scope="admin"),
        await caller(server, "ann"),
        await caller(server, BOB),
    )
    anybodys = await root.good("POST", "/budgets/session/plan", {"budget_limit": 1})
    await root.good("POST", f"/budgets/user/{BOB}", {"budget_limit": 0, "reset_period": "never"})
    for named, stream in product(({"session_id": "plan"}, {"session_id": "new"}, {}), (False, True)):
        told = await bob.ask("POST", "/chat", {"message": "secret", "stream": stream, **named})
        assert (told.status, told.error["code"]) == (429, "insufficient_quota")
    key = {"idempotency_key": "once"}
    assert (
        await bob.ask("POST", "/chat", {"message": "[[recall]]", "session_id": "new"}, **key)
    ).status == 429
    begun = {"user_id": BOB, "initial_message": "secret"}
    assert (await bob.ask("POST", "/llm/chat/", begun)).status == 429
    assert (await bob.good("GET", "/v1/conversations"))["data"] == []
    assert await bob.good("GET", "/llm/chat/sessions/") == []
    assert await limit_of(ann, "plan") == anybodys["id"]
    await root.good("POST", f"/budgets/user/{BOB}", {"budget_limit": 1, "reset_period": "never"})
    told = await bob.ask("POST", "/chat", {"message": "[[recall]]", "session_id": "new"}, **key)
    assert (told.status, told.json["response"]) == (200, "user: [[recall]]")


async def test_a_first_message_that_a_host_was_asked_is_kept_though_no_budget_covers_the_next(
    server: Podium,
) -> None:
    root, bob = await caller(server, "root", scope="admin"), await caller(server, BOB)
    await root.good("POST", f"/budgets/user/{BOB}", {"budget_limit": 0, "reset_period": "never"})
    told = await bob.ask("POST", "/chat", {"message": "hi", "session_id": "s", "model": "fast"})
    assert (told.status, told.error["code"]) == (429, "insufficient_quota")
    assert await history(bob, "s") == ["user: hi"]


async def limit_of(who: Caller, session: str) -> str | None:
    """The budget (an id) that limits a session of theirs."""
    told = (await who.good("GET", f"/budgets/status/{session}"))["session"]
    return None if told is None else str(told["id"])


async def test_a_message_beyond_a_limit_leaves_no_session(dsn: str) -> None:
    async with podium(dsn, limits=Limits(tiers={"unlimited": Limit(requests=1)})) as server:
        ann = await caller(server, "ann")
        told = [await ann.ask("POST", "/chat", {"message": "hi", "session_id": f"s-{at}"}) for at in range(4)]
        assert [each.status for each in told] == [200, 429, 429, 429]
        assert len((await ann.good("GET", "/v1/conversations"))["data"]) == 1


async def test_of_first_messages_at_once_the_refused_ones_take_nothing_from_the_others(
    server: Podium, ann: Caller
) -> None:
    root = await caller(server, "root", scope="admin")
    limit = await root.good("POST", "/budgets/session/race", {"budget_limit": 1})
    wrong = {"message": "wrong", "session_id": "race", "model": "no/body"}
    asked = [
        ann.ask("POST", "/chat", each)
        for number in range(8)
        for each in (wrong, {"message": f"message {number}", "session_id": "race"})
    ]
    told = await asyncio.gather(*asked)
    assert [each.status for each in told] == [404, 200] * 8
    assert len(await history(ann, "race")) == 16
    assert await limit_of(ann, "race") == limit["id"]
