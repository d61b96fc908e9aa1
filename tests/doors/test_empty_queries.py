"""What a query names and leaves empty is not given: forms send all of their fields, filled in or not."""

from typing import Any

import pytest

from tests.doors.podium import ADMIN_KEY, Podium
from tests.doors.sessions import Caller

LISTS = ("ledger", "turns", "budgets", "keys", "conversations")


@pytest.fixture
async def root(server: Podium) -> Caller:
    return Caller(server, ADMIN_KEY)


def _empty(parameters: list[dict[str, Any]]) -> str:
    names = [each["name"] for each in parameters if each["in"] == "query"]
    return "&".join([*(f"{name}=" for name in names), *names])


async def test_every_path_answers_empty_values_as_it_answers_none(server: Podium, root: Caller) -> None:
    conversation = await server.conversation()
    turn = await root.good("POST", f"/v1/conversations/{conversation}/turns", {"input": "hello"})
    budget = await root.good("POST", "/budgets/user/ann", {"budget_limit": 1})
    ids = {
        "conversations": conversation,
        "turns": turn["id"],
        "sessions": conversation,
        "budgets": budget["id"],
    }
    document = await root.good("GET", "/openapi.json")
    asked = 0
    for path, item in document["paths"].items():
        empty = _empty(item.get("get", {}).get("parameters", []))
        if not empty:
            continue
        kind = path.removeprefix("/v1/").strip("/").partition("/")[0]
        named = path.replace("{session_id}", conversation).replace("{id}", ids.get(kind, ""))
        bare, told = await root.ask("GET", named), await root.ask("GET", f"{named}?{empty}")
        assert bare.status == 200, named
        assert (told.status, told.json, told.events) == (200, bare.json, bare.events), (named, empty)
        asked += 1
    assert asked > len(LISTS)


async def test_an_empty_filter_filters_nothing_out(server: Podium, root: Caller) -> None:
    conversation = await server.conversation()
    await root.good("POST", f"/v1/conversations/{conversation}/turns", {"input": "hello"})
    await root.good("POST", f"/budgets/session/{conversation}?user_id=", {"budget_limit": 1})
    for kind, query in (
        ("ledger", "after=&limit=&user=&conversation=&model=&from=&to="),
        ("turns", "conversation=&limit=&after="),
        ("budgets", "tenant=&scope_type=&scope_id=&period="),
        ("conversations", "search=&after"),
    ):
        assert (await root.good("GET", f"/v1/{kind}?{query}"))["data"], kind
    told = await root.ask("GET", "/v1/ledger?user=&limit=0")
    assert (told.status, told.error["param"]) == (400, "limit")
    assert (await root.good("GET", "/v1/ledger?model=%20&user="))["data"] == [], "a space is a value"
