"""Conversations over HTTP."""

import json
from typing import Any

import pytest

from tests.api.house import Answer, House

NOWHERE = "conv_" + "0" * 32


async def pages(api: House, key: str, path: str, limit: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    joint, after = "&" if "?" in path else "?", ""
    while True:
        page = (await api.call("GET", f"{path}{joint}limit={limit}{after}", key)).json
        assert len(page["data"]) <= limit
        found += page["data"]
        if page["next"] is None:
            return found
        after = f"&after={page['next']}"


async def test_a_conversation_is_made_read_changed_and_deleted(api: House) -> None:
    ann = await api.key("acme", "ann")
    given = {"title": "Plans", "model": "lab/small", "metadata": {"a": [1, {"b": None}], "ü": "😀"}}
    made = (await api.call("POST", "/v1/conversations", ann, json=given)).json
    assert given.items() <= made.items()
    assert (made["messages"], made["turn_id"]) == (0, None)
    path = f"/v1/conversations/{made['id']}"
    assert (await api.call("GET", path, ann)).json == made

    changed = (await api.call("PATCH", path, ann, json={"title": None, "metadata": {"n": 1}})).json
    assert (changed["title"], changed["model"], changed["metadata"]) == (None, "lab/small", {"n": 1})
    assert changed["updated_at"] > made["updated_at"]
    assert changed["created_at"] == made["created_at"]
    assert (await api.call("PATCH", path, ann, json={"metadata": None})).json["metadata"] == {}

    await api.say(made["id"], "hello")
    assert (await api.call("DELETE", path, ann)).json == {"id": made["id"], "deleted": True}
    assert api.forgotten == [made["id"]] * 2, "before, and after nobody could come any more"
    for method in ("GET", "PATCH", "DELETE"):
        assert (await api.call(method, path, ann, json={})).status == 404
    assert (await api.call("GET", f"{path}/items", ann)).status == 404
    assert await api.database.value("SELECT count(*) FROM messages") == 0


async def test_a_conversation_needs_no_body_and_none_of_its_members(api: House) -> None:
    for given in (None, {}, dict.fromkeys(("title", "model", "metadata"))):
        made = await api.call("POST", "/v1/conversations", json=given)
        assert made.status == 200
        assert (made.json["title"], made.json["model"], made.json["metadata"]) == (None, None, {})


@pytest.mark.promise("stranger")
async def test_a_member_sees_their_own_an_admin_their_tenants(api: House) -> None:
    ann, bob = await api.key("acme", "ann"), await api.key("acme", "bob")
    admin, stranger = await api.key("acme", "root", "admin"), await api.key("umbrella", "root", "admin")
    made = await api.conversation(ann, title="Ann's")
    path = f"/v1/conversations/{made}"
    for key, sees in [(ann, True), (bob, False), (admin, True), (stranger, False)]:
        assert (await api.call("GET", path, key)).status == (200 if sees else 404)
        assert (await api.call("GET", f"{path}/items", key)).status == (200 if sees else 404)
        listed = (await api.call("GET", "/v1/conversations", key)).json["data"]
        assert [each["id"] for each in listed] == ([made] if sees else [])
        assert (await api.call("PATCH", path, key, json={"title": "x"})).status == (200 if sees else 404)
    for key in (bob, stranger):
        assert (await api.call("DELETE", path, key)).status == 404
    assert api.forgotten == []


async def test_pages_neither_skip_nor_repeat_while_conversations_go_on(api: House) -> None:
    ann = await api.key("acme", "ann")
    made = [await api.conversation(ann, title=str(number)) for number in range(7)]
    first = (await api.call("GET", "/v1/conversations?limit=3", ann)).json
    # The oldest is spoken in, a new one is made, and one that was seen is deleted: the rest stands where it stood.
    await api.say(made[0], "again")
    await api.call("PATCH", f"/v1/conversations/{made[1]}", ann, json={"title": "changed"})
    await api.conversation(ann, title="new")
    await api.call("DELETE", f"/v1/conversations/{first['data'][2]['id']}", ann)
    rest = await pages(api, ann, f"/v1/conversations?after={first['next']}", 2)
    assert [each["id"] for each in first["data"] + rest] == made[::-1]


async def test_search_finds_titles_and_what_was_said(api: House) -> None:
    ann = await api.key("acme", "ann")
    titled = await api.conversation(ann, title="Über 100% Zinsen")
    spoken = await api.conversation(ann, title="other")
    await api.say(spoken, "first", 'He said "Ünder_score" \\ and\nleft.')
    strange = await api.conversation(ann)
    await api.put(strange, r'[{"type":"text","text":"nul \u0000inside \\u0000 \\\u0000end"}]')
    await api.conversation(await api.key("acme", "bob"), title="Über 100% Zinsen")

    async def found(search: str) -> list[str]:
        answer = await api.call("GET", "/v1/conversations", ann, params={"search": search})
        return [each["id"] for each in answer.json["data"]]

    assert await found("über 100%") == [titled]
    assert await found("ünder_SCORE") == [spoken]
    assert await found('"ünder') == [spoken]
    assert await found("\\ and\nleft") == [spoken]
    assert await found("nul ") == [strange]
    assert await found("\\u0000 ") == [strange]
    assert await found("u0000end") == []
    assert await found("underXscore") == []
    assert await found("100% zinsenX") == []
    assert await found('"type"') == []
    assert await found("text") == []
    assert len(await found("")) == 3


async def test_a_title_that_is_too_long_is_told_in_characters(api: House) -> None:
    answer = await api.call("POST", "/v1/conversations", json={"title": "x" * 501})
    assert (answer.status, answer.error["param"]) == (400, "title")
    assert answer.error["message"] == "title: Value should have at most 500 characters, not 501."


async def test_items_come_in_order_either_way_and_in_pages(api: House) -> None:
    ann = await api.key("acme", "ann")
    made = await api.conversation(ann)
    await api.say(made, *(f"message {number}" for number in range(1, 8)), turn="turn_" + "0" * 32)
    path = f"/v1/conversations/{made}/items"
    forward = await pages(api, ann, path, 3)
    assert [item["position"] for item in forward] == [1, 2, 3, 4, 5, 6, 7]
    assert set(forward[0]) == {"id", "position", "speaker", "role", "parts", "turn_id", "created_at"}
    assert forward[0]["parts"] == [{"type": "text", "text": "message 1"}]
    assert await pages(api, ann, f"{path}?order=desc", 3) == forward[::-1]
    empty = await api.conversation(ann)
    assert (await api.call("GET", f"/v1/conversations/{empty}/items", ann)).json == {
        "data": [],
        "next": None,
    }


async def test_stored_parts_go_out_as_they_came_in(api: House) -> None:
    ann = await api.key("acme", "ann")
    made = await api.conversation(ann)
    stored = (
        '[{"type":"json","value":{"z":1e400,"a":123456789012345678901234567890,"s":"\\u0000\\ud83d\\ude00"}}]'
    )
    await api.put(made, stored)
    answer = await api.call("GET", f"/v1/conversations/{made}/items", ann)
    assert answer.status == 200
    assert stored.encode() in answer.body


def deep(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


BAD_BODIES = [
    ('{"title": 5}', "title"),
    ('{"title": "a\\u0000b"}', "title"),
    ('{"title": "\\ud800"}', "title"),
    (json.dumps({"title": "x" * 501}), "title"),
    ('{"model": ""}', "model"),
    ('{"metadata": []}', "metadata"),
    ('{"metadata": {"a": "\\u0000"}}', "metadata"),
    ('{"metadata": {"a\\u0000": 1}}', "metadata"),
    ('{"metadata": {"a": ["\\udc00"]}}', "metadata"),
    ('{"metadata": {"a": NaN}}', "metadata"),
    ('{"metadata": {"a": 1e999}}', "metadata"),
    (f'{{"metadata": {deep(30)}}}', "metadata"),
    (json.dumps({"metadata": {"a": "x" * 20_000}}), "metadata"),
    (json.dumps({"metadata": {str(n): 0 for n in range(5_000)}}), "metadata"),
    ('{"heading": "x"}', "heading"),
    ('{"id": "conv_1", "tenant": "x"}', "id"),
    (f'{{"metadata": {deep(100_000)}}}', None),
    ('{"metadata": {"a": ' + "9" * 100_000 + "}}", None),
    ('{"title": ', None),
    ("[]", None),
    ('"text"', None),
    ("\xff\xfe", None),
    ('{"title": "\x00"}', None),
]


async def test_a_bad_body_is_refused_by_name(api: House) -> None:
    made = await api.conversation(await api.key("acme", "ann"))
    kind = {"content-type": "application/json"}
    for body, param in BAD_BODIES:
        for method, path in [("POST", "/v1/conversations"), ("PATCH", f"/v1/conversations/{made}")]:
            answer = await api.call(method, path, data=body.encode("latin-1"), headers=kind)
            assert (answer.status, answer.error["code"]) == (400, "invalid_request"), body[:80]
            assert answer.error["param"] == param, body[:80]


async def test_a_bad_query_is_refused_by_name(api: House) -> None:
    for query, param in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=1000000000", "limit"),
        ("limit=9" + "9" * 5000, "limit"),
        ("limit=ten", "limit"),
        ("after=" + NOWHERE, "after"),
        ("after=x", "after"),
        ("after=%00", "after"),
        ("after=" + "c" * 300, "after"),
        ("search=" + "x" * 201, "search"),
        ("search=%00", "search"),
    ]:
        answer = await api.call("GET", f"/v1/conversations?{query}")
        assert (answer.status, answer.error["param"]) == (400, param), query[:80]


async def test_a_malformed_id_answers_as_an_unknown_one(api: House) -> None:
    ann = await api.key("acme", "ann")

    def told(answer: Answer) -> tuple[int, bytes]:
        return answer.status, answer.body

    for method, tail in [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "/items")]:
        answers = [
            told(await api.call(method, f"/v1/conversations/{each}{tail}", ann, json={}))
            for each in (
                NOWHERE,
                "x",
                "conv_",
                "%00",
                "%ff",
                "conv_" + "0" * 31 + "g",
                "0" * 5000,
                "turn_" + "0" * 32,
            )
        ]
        assert answers[0][0] == 404
        assert len(set(answers)) == 1
