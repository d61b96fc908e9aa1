"""What stands in a stream of each dialect, byte by byte, whatever wire the host behind it speaks."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import msgspec
import pytest

from podium.api import serve
from podium.catalogue.catalogue import Catalogue
from podium.catalogue.endpoint import Endpoint
from podium.simulator import Simulator
from tests.doors.podium import Podium, podium
from tests.doors.surface import WIRES, hosts, playing

CALLS = '[[call get_weather {"city": "Oslo"}]] [[call get_weather {"city": "Rome"}]]'
Json = dict[str, Any]


@pytest.fixture
async def server(dsn: str) -> AsyncGenerator[Podium, None]:
    async with podium(dsn, catalogue=hosts) as running:
        yield running


async def streamed(server: Podium, path: str, body: Json) -> tuple[bytes, str]:
    """A stream's bytes, and the id of its turn."""
    async with server.http.post(server.url + path, json=body) as answer:
        assert answer.status == 200, await answer.text()
        assert "text/event-stream" in answer.headers["content-type"] or path.endswith("streamGenerateContent")
        return await answer.read(), answer.headers["x-podium-turn"]


async def chat(server: Podium, wire: str, said: str, **more: Any) -> list[Json]:
    body = {"model": f"{wire}/any", "messages": [{"role": "user", "content": said}], "stream": True, **more}
    told, _ = await streamed(server, "/v1/chat/completions", body)
    events = told.decode().split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    return [msgspec.json.decode(event.removeprefix("data: ")) for event in events[:-2]]


async def messages(server: Podium, wire: str, said: str, **more: Any) -> list[Json]:
    body = {"model": f"{wire}/any", "max_tokens": 100, "messages": [{"role": "user", "content": said}]}
    told, _ = await streamed(server, "/v1/messages", {**body, "stream": True, **more})
    events = []
    for event in told.decode().split("\n\n")[:-1]:
        name, data = event.split("\n")
        events.append(msgspec.json.decode(data.removeprefix("data: ")))
        assert name == f"event: {events[-1]['type']}"
    return events


async def contents(server: Podium, wire: str, said: str) -> list[Json]:
    body = {"contents": [{"role": "user", "parts": [{"text": said}]}]}
    told, _ = await streamed(server, f"/v1beta/models/{wire}/any:streamGenerateContent?alt=sse", body)
    lines = told.decode().split("\n")
    assert all(line.startswith("data: {") for line in lines if line), lines
    return [msgspec.json.decode(line.removeprefix("data: ")) for line in lines if line]


@pytest.mark.parametrize("wire", WIRES)
async def test_openais_stream_says_the_role_once_and_first(server: Podium, wire: str) -> None:
    chunks = await chat(server, wire, "[[reason Hm.]] [[say It rains.]]")
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    assert [at for at, delta in enumerate(deltas) if "role" in delta] == [0]
    assert deltas[0]["role"] == "assistant"
    reasons = [choice["finish_reason"] for chunk in chunks for choice in chunk["choices"]]
    assert [reason for reason in reasons if reason] == ["stop"] == reasons[-1:]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({(chunk["id"], chunk["created"], chunk["model"]) for chunk in chunks}) == 1


@pytest.mark.parametrize("wire", WIRES)
async def test_openais_stream_names_a_call_once_in_its_first_fragment(server: Podium, wire: str) -> None:
    tool = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}
    chunks = await chat(server, wire, CALLS, tools=[tool])
    fragments = [
        call
        for chunk in chunks
        for choice in chunk["choices"]
        for call in choice["delta"].get("tool_calls", [])
    ]
    by_index: dict[int, list[Json]] = {}
    for fragment in fragments:
        by_index.setdefault(fragment["index"], []).append(fragment)
    assert list(by_index) == [0, 1]
    for (first, *rest), city in zip(by_index.values(), ("Oslo", "Rome"), strict=True):
        assert first["id"]
        assert (first["type"], first["function"]["name"]) == ("function", "get_weather")
        assert not [each for each in rest if "id" in each or "type" in each or "name" in each["function"]]
        pieces = [each["function"]["arguments"] for each in (first, *rest) if "function" in each]
        assert msgspec.json.decode("".join(pieces)) == {"city": city}
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("wire", WIRES)
async def test_openais_stream_tells_usage_in_the_last_chunk_and_only_if_asked(
    server: Podium, wire: str
) -> None:
    asked = await chat(server, wire, "hello", stream_options={"include_usage": True})
    assert all(chunk["usage"] is None and chunk["choices"] for chunk in asked[:-1])
    assert asked[-1]["choices"] == []
    usage = asked[-1]["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] > 0
    for options in ({}, {"stream_options": None}, {"stream_options": {"include_usage": False}}):
        chunks = await chat(server, wire, "hello", **options)
        assert not [chunk for chunk in chunks if "usage" in chunk or not chunk["choices"]]


@pytest.mark.parametrize("wire", WIRES)
async def test_the_host_is_always_asked_for_its_usage(server: Podium, wire: str) -> None:
    body = {"model": f"{wire}/any", "messages": [{"role": "user", "content": "hello"}], "stream": True}
    body["stream_options"] = {"include_usage": False}
    _, turn = await streamed(server, "/v1/chat/completions", body)
    [attempt] = (await server.call("GET", f"/v1/turns/{turn}/explain"))["attempts"]
    [call] = server.host.oracle.calls
    assert attempt["ended"]["usage_source"] == "provider"
    usage = attempt["ended"]["usage"]
    assert (usage["input"], usage["output"]) == (call.input, call.output)


@pytest.mark.parametrize("wire", WIRES)
async def test_geminis_stream_has_data_lines_and_nothing_else(server: Podium, wire: str) -> None:
    chunks = await contents(server, wire, f"[[reason Hm.]] [[say It rains.]] {CALLS}")
    parts = [part for chunk in chunks for each in chunk["candidates"] for part in each["content"]["parts"]]
    said = "".join(part.get("text", "") for part in parts if not part.get("thought"))
    assert said.strip() == "It rains."
    assert [part["functionCall"]["args"]["city"] for part in parts if "functionCall" in part] == [
        "Oslo",
        "Rome",
    ]
    assert [chunk for chunk in chunks if "usageMetadata" in chunk] == chunks[-1:]
    reasons = [each.get("finishReason") for chunk in chunks for each in chunk["candidates"]]
    assert [reason for reason in reasons if reason] == ["STOP"] == reasons[-1:]


@pytest.mark.parametrize("wire", WIRES)
async def test_geminis_stream_tells_an_error_as_data(server: Podium, wire: str) -> None:
    [*spoken, last] = await contents(server, wire, "[[tokens=20]] [[fault close after=3]]")
    assert spoken
    assert set(last) == {"error"}
    assert last["error"]["code"] >= 500
    assert last["error"]["status"]
    assert not [each for chunk in spoken for each in chunk["candidates"] if each.get("finishReason")]


@pytest.mark.parametrize("said", ["hello", "[[tokens=20]] [[fault close after=3]]"])
async def test_without_sse_geminis_stream_is_a_json_list_good_or_bad(server: Podium, said: str) -> None:
    body = {"contents": [{"role": "user", "parts": [{"text": said}]}]}
    path = f"{server.url}/v1beta/models/anthropic/any:streamGenerateContent"
    async with server.http.post(path, json=body) as answer:
        assert answer.content_type == "application/json"
        listed = await answer.json()
    assert isinstance(listed, list)
    assert ["error" in each for each in listed[-1:]] == ["fault" in said]


@pytest.mark.parametrize("wire", WIRES)
async def test_anthropics_stream_counts_all_in_its_message_delta(server: Podium, wire: str) -> None:
    events = await messages(server, wire, "[[cached=2]] one two three four five six")
    [call] = server.host.oracle.calls
    [delta] = [event for event in events if event["type"] == "message_delta"]
    usage = delta["usage"]
    read = usage["cache_read_input_tokens"]
    assert (usage["input_tokens"], read, usage["output_tokens"]) == (call.input, 2, call.output)
    assert delta["delta"]["stop_reason"] == "end_turn"


async def test_anthropics_usage_is_cumulative_where_the_hosts_is_not(server: Podium) -> None:
    """A host whose `message_delta` tells the output alone: the input is that of its beginning."""
    events = await messages(server, "anthropic", "[[usage=cumulative]] hello")
    [call] = server.host.oracle.calls
    last = [event for event in events if event["type"] == "message_delta"][-1]
    assert last["usage"]["input_tokens"] == call.input
    assert last["usage"]["output_tokens"] == call.output


@pytest.mark.parametrize("wire", WIRES)
async def test_anthropics_stream_has_one_block_open_at_a_time_counted_without_gaps(
    server: Podium, wire: str
) -> None:
    tool = {"name": "get_weather", "input_schema": {"type": "object"}}
    events = await messages(server, wire, f"[[reason Hm.]] [[say Look.]] {CALLS}", tools=[tool])
    kinds = [event["type"] for event in events]
    assert (kinds[0], kinds[-2:]) == ("message_start", ["message_delta", "message_stop"])
    is_open = False
    blocks: list[str] = []
    for event in events:
        if event["type"] == "content_block_start":
            assert not is_open
            is_open = True
            blocks.append(event["content_block"]["type"])
        if event["type"].startswith("content_block"):
            assert is_open
            assert event["index"] == len(blocks) - 1
        if event["type"] == "content_block_stop":
            is_open = False
    assert not is_open
    assert blocks[:2] == ["thinking", "text"]
    # A call that Gemini signed is followed by the signature in a thinking block of its own.
    assert [kind for kind in blocks[2:] if kind != "thinking"] == ["tool_use", "tool_use"]


async def silent(server: Podium, path: str, body: Json) -> bytes:
    told, _ = await streamed(server, path, body)
    return told


async def test_a_silent_stream_beats_as_its_dialect_bears_it(
    server: Podium, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "_HEARTBEAT_SECONDS", 0.02)
    said = "[[tokens=6]] [[rate=8]]"
    asked = [{"role": "user", "content": said}]
    openai, anthropic, gemini, listed = await asyncio.gather(
        silent(
            server,
            "/v1/chat/completions",
            {"model": "openai_chat/any", "messages": asked, "stream": True},
        ),
        silent(
            server,
            "/v1/messages",
            {"model": "openai_chat/any", "max_tokens": 50, "messages": asked, "stream": True},
        ),
        silent(
            server,
            "/v1beta/models/openai_chat/any:streamGenerateContent?alt=sse",
            {"contents": [{"parts": [{"text": said}]}]},
        ),
        silent(
            server,
            "/v1beta/models/openai_chat/any:streamGenerateContent",
            {"contents": [{"parts": [{"text": said}]}]},
        ),
    )
    assert b'\n\nevent: ping\ndata: {"type": "ping"}\n\n' in anthropic
    assert b"\n\n: " in openai
    assert all(line.startswith(b"data: {") for line in gemini.split(b"\n") if line)
    assert msgspec.json.decode(listed)


BARE_LISTS = (
    b'data: {"id":"1","choices":[{"index":0,"delta":{"role":"assistant","content":"Hm","sources":'
    b'[ {"url":"a"}, {"url":"b"} ]},"finish_reason":null}]}\n\n'
    b'data: {"id":"1","choices":[{"index":0,"delta":{"content":".","sources":[{"url":"c"}]},'
    b'"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
)


async def test_no_list_in_openais_delta_lacks_an_index(dsn: str) -> None:
    """The SDK adds lists up by it, and crashes without."""
    async with playing({"/v1/chat/completions": BARE_LISTS}) as base:

        def catalogue(_: Simulator) -> Catalogue:
            bare = Endpoint("bare", "openai_chat", f"{base}/v1")
            return Catalogue(endpoints={"bare": bare}, allow_unpriced=True)

        async with podium(dsn, catalogue=catalogue) as server:
            chunks = await chat(server, "bare", "hello")
    lists = [chunk["choices"][0]["delta"].get("sources", []) for chunk in chunks]
    assert [(each["index"], each["url"]) for one in lists for each in one] == [(0, "a"), (1, "b"), (2, "c")]
