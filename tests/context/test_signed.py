"""What hosts sign around calls: what of it is kept, to which calls it is put back, for whom and for how long."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai import AsyncOpenAI

from podium.context.signed import restored, signed_blocks, unsigned_calls
from podium.store.database import Database
from podium.vocabulary.part import Extra, Part, Reasoning, Signature, Text, ToolCall, ToolResult
from podium.vocabulary.request import Line
from tests.doors.pairs.setting import SCHEMA, hosts
from tests.doors.podium import ADMIN_KEY, Podium, podium
from tests.simulator.serving import wait_until_idle

SIGNED = Signature("anthropic", "m", "c2ln")
OTHER = Signature("anthropic", "m", "b3RoZXI=")
ONE = ToolCall("call_1", "look", '{"a": 1, "b": 2}')
TWO = ToolCall("call_2", "look", "{}")


def said(*parts: Part) -> tuple[Line, ...]:
    return (Line("user", (Text("look"),)), Line("assistant", parts))


def test_a_thought_goes_back_to_the_head_of_what_stood_before_its_call() -> None:
    blocks = signed_blocks((Reasoning("Hm.", SIGNED), Text("I look."), ONE, Reasoning("And?", OTHER), TWO))
    assert list(blocks) == ["call_1", "call_2"]
    lines = restored(said(Text("I look."), ONE, TWO), blocks)
    assert lines[1].parts == (
        Reasoning("Hm.", SIGNED),
        Text("I look."),
        ONE,
        Reasoning("And?", OTHER),
        TWO,
    )
    alone = restored(said(TWO), blocks)
    assert alone[1].parts == (Reasoning("And?", OTHER), TWO)


def test_a_call_takes_its_own_signature_back() -> None:
    signed = ToolCall("call_1", "look", ONE.arguments, signature=SIGNED)
    blocks = signed_blocks((signed, TWO))
    assert list(blocks) == ["call_1"], "the second has nothing to be kept"
    assert restored(said(ONE, TWO), blocks)[1].parts == (signed, TWO)


def test_what_was_signed_behind_the_last_call_stands_behind_it_again() -> None:
    tail = Reasoning("", SIGNED, extra=Extra("gemini", {}))
    blocks = signed_blocks((ONE, TWO, tail))
    assert restored(said(ONE, TWO), blocks)[1].parts == (ONE, TWO, tail)


def test_a_clients_unsigned_thoughts_give_way_to_the_signed_ones() -> None:
    blocks = signed_blocks((Reasoning("Hm.", SIGNED), ONE))
    assert restored(said(Reasoning("Hm."), ONE), blocks)[1].parts == (Reasoning("Hm.", SIGNED), ONE)


@pytest.mark.parametrize(
    "call",
    [
        ToolCall("call_1", "look", '{"a": 1, "b": 3}'),
        ToolCall("call_1", "listen", ONE.arguments),
        ToolCall("call_9", "look", ONE.arguments),
    ],
    ids=["other arguments", "another name", "another id"],
)
def test_another_call_takes_nothing(call: ToolCall) -> None:
    blocks = signed_blocks((Reasoning("Hm.", SIGNED), ONE))
    lines = said(call)
    assert restored(lines, blocks)[1] is lines[1]


def test_the_same_arguments_otherwise_written_are_the_same() -> None:
    blocks = signed_blocks((Reasoning("Hm.", SIGNED), ONE))
    again = ToolCall("call_1", "look", '{"b":2.0,"a":1}')
    assert restored(said(again), blocks)[1].parts == (Reasoning("Hm.", SIGNED), again)


@pytest.mark.parametrize(
    "parts",
    [(Reasoning("Hm.", SIGNED), Text("Done.")), (Reasoning("Hm."), ONE), (ONE, TWO), ()],
    ids=["nothing called", "nothing signed", "bare calls", "nothing"],
)
def test_nothing_is_kept_where_nothing_was_signed_or_called(parts: tuple[Part, ...]) -> None:
    assert signed_blocks(parts) == {}


@given(st.text(), st.text())
def test_any_id_and_any_arguments_are_kept_or_left(call_id: str, arguments: str) -> None:
    call = ToolCall(call_id, "look", arguments)
    blocks = signed_blocks((Reasoning("Hm.", SIGNED), call))
    assert list(blocks) == unsigned_calls(said(call))
    lines = restored(said(call), blocks)
    assert lines[1].parts == ((Reasoning("Hm.", SIGNED), call) if blocks else (call,))


def test_only_calls_of_the_assistants_that_came_without_any_signature_are_looked_for() -> None:
    assert unsigned_calls(said(Text("no"))) == []
    assert unsigned_calls(said(Reasoning("Hm.", SIGNED), ONE)) == []
    assert unsigned_calls((*said(ONE), Line("tool", (ToolResult("call_1", ()),)), *said(ONE, TWO))) == [
        "call_1",
        "call_2",
    ]


TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": SCHEMA}}]
TEXT = '[[reason Hm.]] [[call get_weather {"city": "Oslo"}]] [[next]] [[reason Good.]] [[say Done.]]'


@asynccontextmanager
async def asking(house: Podium, key: str = ADMIN_KEY) -> AsyncGenerator[Any, None]:
    """The official SDK's way to ask."""
    async with AsyncOpenAI(base_url=f"{house.url}/v1", api_key=key, max_retries=0) as client:
        yield client.chat.completions.create


async def call(create: Any) -> list[Any]:
    """A conversation as a simple client has it when it knows the tool's result."""
    messages: list[Any] = [{"role": "user", "content": TEXT}]
    told = await create(model="anthropic/any", reasoning_effort="low", tools=TOOLS, messages=messages)
    [called] = told.choices[0].message.tool_calls
    function = {"name": called.function.name, "arguments": called.function.arguments}
    bare = {"id": called.id, "type": "function", "function": function}
    messages.append({"role": "assistant", "tool_calls": [bare]})
    messages.append({"role": "tool", "tool_call_id": called.id, "content": "4 degrees"})
    return messages


async def go_on(create: Any, messages: list[Any]) -> str:
    told = await create(model="anthropic/any", reasoning_effort="low", tools=TOOLS, messages=messages)
    assert told.choices[0].message.content == "Done."
    return str(told.choices[0].message.content)


async def signed(house: Podium) -> int:
    """How many good signatures its host was brought at last."""
    last = await wait_until_idle(house.host)
    assert last is not None
    return last.signed


@pytest.fixture
async def house(dsn: str) -> AsyncGenerator[Podium, None]:
    async with podium(dsn, catalogue=hosts) as running:
        yield running


async def test_any_process_puts_back_what_another_kept(house: Podium, dsn: str) -> None:
    async with asking(house) as create:
        messages = await call(create)
    async with podium(dsn, catalogue=hosts) as other, asking(other) as create:
        await go_on(create, messages)
        assert await signed(other) == 1


async def test_it_is_kept_for_a_day_and_then_forgotten(house: Podium, dsn: str) -> None:
    async with asking(house) as create:
        messages = await call(create)
        connection = await asyncpg.connect(dsn)
        await connection.execute("UPDATE signed_calls SET created_at = created_at - interval '23 hours'")
        await connection.execute("SELECT signed_sweep(100)")
        await go_on(create, messages)
        assert await signed(house) == 1
        await connection.execute("UPDATE signed_calls SET created_at = created_at - interval '1 hour'")
        await go_on(create, messages)
        assert await signed(house) == 0, "the host is asked without thinking on"
        assert await connection.fetchval("SELECT count(*) FROM signed_calls") == 1
        await connection.execute("SELECT signed_sweep(100)")
        assert await connection.fetchval("SELECT count(*) FROM signed_calls") == 0
        await connection.close()


@pytest.mark.promise("stranger")
async def test_it_is_put_back_for_its_own_tenant_alone(house: Podium) -> None:
    async with asking(house) as create:
        messages = await call(create)
    made = await house.call("POST", "/v1/keys", json={"tenant": "other", "user": "eve", "scope": "member"})
    async with asking(house, made["key"]) as create:
        await go_on(create, messages)
        assert await signed(house) == 0


async def test_it_is_looked_for_only_where_a_host_wants_it_back(
    house: Podium, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[object] = []
    fetch = Database.fetch

    async def noting(self: Database, sql: str, *args: object) -> Any:
        if "signed_find" in sql:
            looked.append(args)
        return await fetch(self, sql, *args)

    monkeypatch.setattr(Database, "fetch", noting)
    async with asking(house) as create:
        messages = await call(create)
        assert looked == [], "nothing has been called yet"
        await create(model="openai_chat/any", reasoning_effort="low", tools=TOOLS, messages=messages)
        await create(model="anthropic/any", tools=TOOLS, messages=messages)
        assert looked == [], "this wire's hosts sign nothing, and this one is not asked to think"
        await go_on(create, messages)
        assert len(looked) == 1
