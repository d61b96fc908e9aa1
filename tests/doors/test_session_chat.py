"""Session chat as applications use it: plain HTTP, sessions and users by UUID."""

import re
from datetime import datetime
from typing import Any

import pytest

from tests.doors.podium import ADMIN_KEY, Podium
from tests.doors.sessions import Caller, caller, let_hours_pass

ANN = "3f2b8c1e-0d6a-4a57-9a43-5d1a2b3c4d5e"
BOB = "b0b00000-0000-4000-8000-00000000b0b0"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SLASHES = pytest.mark.parametrize("slash", ["/", ""], ids=["slash", "no-slash"])


@pytest.fixture
async def ann(server: Podium) -> Caller:
    return await caller(server, ANN)


async def begin(who: Caller, text: str = "hello", user: str = ANN, **headers: str) -> Any:
    return await who.good("POST", "/llm/chat/", {"user_id": user, "initial_message": text}, **headers)


@SLASHES
async def test_a_session_is_begun_spoken_in_read_listed_and_deleted(ann: Caller, slash: str) -> None:
    begun = await ann.ask("POST", f"/llm/chat{slash}", {"user_id": ANN, "initial_message": "hello"})
    assert begun.status == 200
    assert set(begun.json) == {"session_id", "message"}
    assert begun.json["message"] == "You said: hello"
    assert float(begun.headers["x-podium-cost"]) > 0
    session = begun.json["session_id"]
    assert UUID.fullmatch(session)

    went = await ann.good("POST", f"/llm/chat/{session}/message{slash}", {"user_message": "[[recall]]"})
    assert set(went) == {"response_message", "updated_session"}
    assert "user: hello" in went["response_message"]
    assert "assistant: You said: hello" in went["response_message"]

    history = await ann.good("GET", f"/llm/chat/{session}/history{slash}")
    assert [(each["sender"], each["content"]) for each in history] == [
        ("user", "hello"),
        ("llm", "You said: hello"),
        ("user", "[[recall]]"),
        ("llm", went["response_message"]),
    ]
    assert all(set(e) == {"message_id", "session_id", "sender", "content", "timestamp"} for e in history)
    assert all(UUID.fullmatch(each["message_id"]) and each["session_id"] == session for each in history)
    times = [datetime.fromisoformat(each["timestamp"]) for each in history]
    assert times == sorted(times)

    [listed] = await ann.good("GET", f"/llm/chat/sessions{slash}")
    assert set(listed) == {"session_id", "user_id", "created_at", "last_active"}
    assert (listed["session_id"], listed["user_id"]) == (session, ANN)
    assert datetime.fromisoformat(listed["created_at"]) <= times[0]

    gone = await ann.good("DELETE", f"/llm/chat/{session}{slash}")
    assert set(gone) == {"message"}
    assert await ann.good("GET", f"/llm/chat/sessions{slash}") == []
    assert (await ann.ask("GET", f"/llm/chat/{session}/history{slash}")).status == 404
    assert (await ann.ask("DELETE", f"/llm/chat/{session}{slash}")).status == 404


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
async def test_an_answer_tells_the_sessions_last_activity_as_the_list_does(ann: Caller, accept: str) -> None:
    session = (await begin(ann))["session_id"]
    told = await ann.ask("POST", f"/llm/chat/{session}/message/", {"user_message": "hi"}, accept=accept)
    updated = (told.events[-1] if told.events else told.json)["updated_session"]
    [listed] = await ann.good("GET", "/llm/chat/sessions/")
    assert updated == listed["last_active"]
    answered = (await ann.good("GET", f"/llm/chat/{session}/history/"))[-1]["timestamp"]
    assert datetime.fromisoformat(answered) <= datetime.fromisoformat(updated)


async def test_a_session_is_a_conversation_under_the_same_bits(ann: Caller) -> None:
    session = (await begin(ann))["session_id"]
    conversation = f"conv_{session.replace('-', '')}"
    items = (await ann.good("GET", f"/v1/conversations/{conversation}/items"))["data"]
    assert [item["role"] for item in items] == ["user", "assistant"]
    made = (await ann.good("POST", "/v1/conversations", {}))["id"]
    await ann.good("POST", f"/v1/conversations/{made}/turns", {"input": "natively"})
    bits = made.removeprefix("conv_").upper()
    for named in (made, "-".join((bits[:8], bits[8:12], bits[12:16], bits[16:20], bits[20:]))):
        history = await ann.good("GET", f"/llm/chat/{named}/history/")
        assert [each["content"] for each in history] == ["natively", "You said: natively"]


async def test_a_session_is_known_by_its_uuid_without_dashes_too(ann: Caller) -> None:
    session = (await begin(ann))["session_id"].replace("-", "")
    await ann.good("POST", f"/llm/chat/{session}/message/", {"user_message": "hi"})
    assert len(await ann.good("GET", f"/llm/chat/{session.upper()}/history/")) == 4
    for odd in (session[:-1], f"{session}0", "z" * 32):
        assert (await ann.ask("GET", f"/llm/chat/{odd}/history/")).status == 404
    await ann.good("DELETE", f"/llm/chat/{session}/")
    assert await ann.good("GET", "/llm/chat/sessions/") == []


async def test_an_answer_comes_in_pieces_when_that_is_asked_for(ann: Caller) -> None:
    text = "[[tokens=30 chunk=3]]"
    body = {"user_id": ANN, "initial_message": text}
    begun = await ann.ask("POST", "/llm/chat/", body, accept="text/event-stream")
    assert begun.status == 200
    kinds = [event["type"] for event in begun.events]
    assert kinds == ["start", *["delta"] * (len(kinds) - 2), "done"]
    assert len(kinds) > 5
    done = begun.events[-1]
    assert done["message"] == begun.text
    session = done["session_id"]
    assert begun.events[0]["session_id"] == session
    went = await ann.ask(
        "POST", f"/llm/chat/{session}/message/", {"user_message": "hi"}, accept="text/event-stream"
    )
    assert went.text == went.events[-1]["response_message"] == "You said: hi"
    assert "updated_session" in went.events[-1]
    history = await ann.good("GET", f"/llm/chat/{session}/history/")
    assert [each["content"] for each in history] == [text, begun.text, "hi", "You said: hi"]


async def test_a_members_key_names_its_own_user_only(server: Podium, ann: Caller) -> None:
    bob = await caller(server, BOB)
    session = (await begin(ann))["session_id"]
    for user in (BOB, "00000000-0000-4000-8000-000000000001"):
        told = await ann.ask("POST", "/llm/chat/", {"user_id": user, "initial_message": "hello"})
        assert (told.status, told.error["param"]) == (404, "user_id")
    strangers = [bob, await caller(server, ANN, tenant="umbrella")]
    strangers.append(await caller(server, "root", tenant="umbrella", scope="admin"))
    nobody = session[:-6] + "fedcba"
    for who in strangers:
        for method, end, body in (
            ("POST", "/message/", {"user_message": "let me in"}),
            ("GET", "/history/", None),
            ("DELETE", "/", None),
        ):
            answers = [await who.ask(method, f"/llm/chat/{each}{end}", body) for each in (session, nobody)]
            assert [each.status for each in answers] == [404, 404]
            assert answers[0].error["message"] == answers[1].error["message"]
        assert await who.good("GET", "/llm/chat/sessions/") == []
    assert len(await ann.good("GET", f"/llm/chat/{session}/history/")) == 2


async def test_a_member_without_a_uuid_for_a_name_goes_by_its_id(server: Podium) -> None:
    carl = await caller(server, "carl")
    made = (await carl.good("POST", "/v1/conversations", {}))["id"]
    await carl.good("POST", f"/v1/conversations/{made}/turns", {"input": "hello"})
    [listed] = await carl.good("GET", "/llm/chat/sessions/")
    begun = await begin(carl, user=listed["user_id"])
    assert {each["user_id"] for each in await carl.good("GET", "/llm/chat/sessions/")} == {listed["user_id"]}
    root = await caller(server, "root", scope="admin")
    await begin(root, "from above", user=listed["user_id"])
    assert len(await carl.good("GET", "/llm/chat/sessions/")) == 3
    assert begun["message"] == "You said: hello"


async def test_an_admins_key_names_any_user_who_is_made_when_new(server: Podium) -> None:
    root = await caller(server, "root", scope="admin")
    session = (await begin(root, "for ann", user=ANN.upper()))["session_id"]
    await begin(root, "for bob", user=BOB)
    ann = await caller(server, ANN)
    [listed] = await ann.good("GET", "/llm/chat/sessions/")
    assert (listed["session_id"], listed["user_id"]) == (session, ANN)
    await root.good("POST", f"/llm/chat/{session}/message/", {"user_message": "once more"})
    turns = (await ann.good("GET", "/v1/turns"))["data"]
    assert [turn["output_text"] for turn in turns] == ["You said: once more", "You said: for ann"]
    assert {each["user_id"] for each in await root.good("GET", "/llm/chat/sessions/")} == {ANN, BOB}
    assert len(await root.good("GET", f"/llm/chat/{session}/history/")) == 4
    operator = Caller(server, ADMIN_KEY)
    assert await operator.good("GET", "/llm/chat/sessions/") == []
    assert len(await operator.good("GET", "/llm/chat/sessions/", x_podium_tenant="acme")) == 2


async def test_the_same_key_begins_one_session(ann: Caller) -> None:
    first = await begin(ann, idempotency_key="mine")
    body = {"user_id": ANN, "initial_message": "hello"}
    again = await ann.ask("POST", "/llm/chat/", body, idempotency_key="mine")
    assert (again.json, again.headers["idempotent-replayed"]) == (first, "true")
    streamed = await ann.ask("POST", "/llm/chat/", body, idempotency_key="mine", accept="text/event-stream")
    assert streamed.events[0]["session_id"] == streamed.events[-1]["session_id"] == first["session_id"]
    other = await ann.ask("POST", "/llm/chat/", {**body, "initial_message": "bye"}, idempotency_key="mine")
    assert (other.status, other.error["code"]) == (422, "idempotency_mismatch")
    assert len((await ann.good("GET", "/v1/conversations"))["data"]) == 1
    bare = await ann.ask("POST", "/llm/chat", body, idempotency_key="mine")
    assert (bare.json, bare.headers["idempotent-replayed"]) == (first, "true")
    path = f"/llm/chat/{first['session_id']}/message"
    said = {"user_message": "x"}
    went = [await ann.good("POST", path + end, said, idempotency_key="next") for end in ("/", "/", "")]
    assert went[0] == went[1] == went[2]
    assert len(await ann.good("GET", f"/llm/chat/{first['session_id']}/history/")) == 4


async def test_a_session_is_active_as_long_as_something_was_said_lately(ann: Caller, dsn: str) -> None:
    old = (await begin(ann, "old"))["session_id"]
    await let_hours_pass(dsn)
    new = (await begin(ann, "new"))["session_id"]
    assert [each["session_id"] for each in await ann.good("GET", "/llm/chat/sessions/")] == [new]
    await ann.good("POST", f"/llm/chat/{old}/message/", {"user_message": "awake"})
    assert [each["session_id"] for each in await ann.good("GET", "/llm/chat/sessions/")] == [old, new]


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/llm/chat/", {"user_id": "ann", "initial_message": "hello"}, "user_id"),
        ("/llm/chat/", {"user_id": ANN, "initial_message": ""}, "initial_message"),
        ("/llm/chat/", {"user_id": ANN, "initial_message": 5}, "initial_message"),
        ("/llm/chat/", {"user_id": ANN}, "initial_message"),
        ("/llm/chat/", {"initial_message": "hello"}, "user_id"),
        (f"/llm/chat/{ANN}/message/", {}, "user_message"),
        ("/llm/chat/", {"user_id": ANN, "initial_message": "hello", "model": "x"}, "model"),
        (f"/llm/chat/{ANN}/message/", {"user_message": None}, "user_message"),
        (f"/llm/chat/{ANN}/message/", [], None),
    ],
)
async def test_a_body_that_is_wrong_is_refused_by_its_member(
    ann: Caller, path: str, body: object, param: str | None
) -> None:
    told = await ann.ask("POST", path, body)
    assert told.status == 400, told
    assert told.error["param"] == param
    assert "regex" not in told.error["message"]
    assert (await ann.good("GET", "/v1/conversations"))["data"] == []


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
async def test_a_host_that_fails_is_told_before_the_first_word(ann: Caller, accept: str) -> None:
    body = {"user_id": ANN, "initial_message": "[[fault 400]]"}
    told = await ann.ask("POST", "/llm/chat/", body, accept=accept)
    assert (told.status, told.error["code"]) == (400, "upstream_rejected")
    assert told.error["turn_id"].startswith("turn_")
    assert set(told.json) == {"error", "cost_info"}


async def test_an_answer_that_breaks_ends_with_an_error_and_is_kept(ann: Caller) -> None:
    body = {"user_id": ANN, "initial_message": "[[tokens=20 chunk=2]][[fault end after=3]]"}
    told = await ann.ask("POST", "/llm/chat/", body, accept="text/event-stream")
    assert told.status == 200
    assert told.events[-1]["type"] == "error"
    assert told.events[-1]["error"]["code"] == "upstream_truncated"
    history = await ann.good("GET", f"/llm/chat/{told.events[0]['session_id']}/history/")
    assert history[1]["content"] == told.text != ""


async def test_a_method_that_is_not_there_is_told_as_one(ann: Caller) -> None:
    told = await ann.ask("PUT", f"/llm/chat/{ANN}/history/")
    assert (told.status, told.error["code"]) == (405, "method_not_allowed")
    assert (await ann.ask("GET", "/llm/chat/not-a-uuid/history/")).status == 404
