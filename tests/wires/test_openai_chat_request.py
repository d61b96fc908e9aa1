"""Requests: read from clients, written for hosts."""

import json
from dataclasses import replace
from typing import Any

import pytest
from msgspec import Raw, structs

from podium.catalogue.endpoint import Endpoint
from podium.catalogue.profile import Profile
from podium.errors import Inexpressible
from podium.vocabulary.part import (
    Audio,
    Document,
    Extra,
    Image,
    Media,
    Opaque,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from podium.vocabulary.request import Effort, Line, Request, Sampling, Schema, Tool, ToolChoice
from tests.wires.streams import WIRE

ENDPOINT = Endpoint(name="e", wire="openai_chat", base_url="http://e")
PROFILE = Profile(endpoint="e", model="host-model")
USER = {"role": "user", "content": "hi"}
FULL: dict[str, Any] = {
    "model": "client/name",
    "messages": [
        {"role": "system", "content": "Be brief.", "cache_control": {"type": "ephemeral"}},
        {"role": "developer", "content": [{"type": "text", "text": "In English."}]},
        {
            "role": "user",
            "name": "ann",
            "content": [
                {"type": "text", "text": "See", "x": 1},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
                {"type": "image_url", "image_url": {"url": "https://u/x.png"}},
                {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
                {"type": "file", "file": {"file_id": "file-1"}},
                {
                    "type": "file",
                    "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"},
                },
                {"type": "never_heard_of", "deep": {"er": [1.50]}},
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "reasoning_content": "Hm",
            "tool_calls": [
                {
                    "id": "a",
                    "type": "function",
                    "function": {"name": "f", "arguments": '{ "x":1}'},
                    "extra_content": {"g": 1},
                },
                {"id": "b", "type": "custom", "custom": {"name": "c", "input": "raw"}},
            ],
        },
        {"role": "tool", "tool_call_id": "a", "content": "ok"},
        {"role": "tool", "tool_call_id": "b", "content": [{"type": "text", "text": "ok"}]},
        {"role": "assistant", "content": "Done", "refusal": None},
        {"role": "user", "content": "Thanks"},
    ],
    "tools": [
        {
            "type": "function",
            "function": {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True},
        },
        {"type": "custom", "custom": {"name": "c", "format": {"type": "text"}}},
        {"type": "web_search", "depth": 2},
    ],
    "tool_choice": {
        "type": "allowed_tools",
        "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]},
    },
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True},
    },
    "max_tokens": 100,
    "temperature": 0.5,
    "top_p": 1,
    "stop": "END",
    "seed": 7,
    "n": 2,
    "logprobs": True,
    "top_logprobs": 3,
    "logit_bias": {"50256": -100},
    "presence_penalty": 0.1,
    "frequency_penalty": -0.1,
    "parallel_tool_calls": False,
    "reasoning_effort": "low",
    "user": "u",
    "metadata": {"a": "b"},
    "stream": True,
    "stream_options": {"include_obfuscation": False},
    "x_podium": {"conversation": "conv_1"},
    "vendor": {"deep": [{"er": 1.0}]},
}


def read(members: dict[str, Any]) -> Request:
    return WIRE.read_request({}, json.dumps(members).encode())


def written(request: Request) -> dict[str, Any]:
    outgoing = WIRE.write_request(request, PROFILE, ENDPOINT)
    assert outgoing.path == "/chat/completions"
    body: dict[str, Any] = json.loads(outgoing.body)
    return body


def test_a_request_goes_on_verbatim_but_for_model_stream_options_and_what_is_ours() -> None:
    expected = {
        **FULL,
        "model": "host-model",
        "stream_options": {"include_obfuscation": False, "include_usage": True},
    }
    del expected["x_podium"]
    assert written(read(FULL)) == expected


def test_numbers_and_escapes_keep_their_very_characters() -> None:
    body = b'{"model":"m","messages":[{"role":"user","content":"\\u00e9\\/"}],"temperature":1.50,"x":{"a" : 1e3}}'
    outgoing = WIRE.write_request(WIRE.read_request({}, body), PROFILE, ENDPOINT).body
    for piece in (b'[{"role":"user","content":"\\u00e9\\/"}]', b"1.50", b'{"a" : 1e3}'):
        assert piece in outgoing


def test_a_request_is_understood_whole() -> None:
    request = read(FULL)
    assert [line.role for line in request.lines] == [
        "system",
        "developer",
        "user",
        "assistant",
        "tool",
        "tool",
        "assistant",
        "user",
    ]
    parts = request.lines[2].parts
    assert [type(part) for part in parts] == [Text, Image, Image, Audio, Document, Document, Opaque]
    image, link, sound, by_id, inline = parts[1:6]
    assert isinstance(image, Image)
    assert (image.media, image.detail) == (Media("inline", "AAAA", "image/png"), "low")
    assert isinstance(link, Image)
    assert link.media == Media("url", "https://u/x.png")
    assert isinstance(sound, Audio)
    assert sound.media == Media("inline", "AAAA", "audio/wav")
    assert isinstance(by_id, Document)
    assert by_id.media == Media("file", "file-1")
    assert isinstance(inline, Document)
    assert inline.media == Media("inline", "AAAA", "application/pdf", "a.pdf")
    thought, call, custom = request.lines[3].parts
    assert isinstance(thought, Reasoning)
    assert isinstance(call, ToolCall)
    assert isinstance(custom, ToolCall)
    assert (call.id, call.name, call.arguments, call.kind) == ("a", "f", '{ "x":1}', "function")
    assert (custom.id, custom.name, custom.arguments, custom.kind) == ("b", "c", "raw", "custom")
    assert request.lines[4].parts == (ToolResult("a", (Text("ok"),)),)
    assert [(tool.name, tool.kind) for tool in request.tools] == [
        ("f", "function"),
        ("c", "custom"),
        ("web_search", "hosted"),
    ]
    assert request.tool_choice is not None
    assert (request.tool_choice.mode, request.tool_choice.names) == ("auto", ("f",))
    assert request.schema is not None
    assert (request.schema.name, request.schema.strict) == ("n", True)
    sampling = request.sampling
    assert (sampling.max_output, sampling.temperature, sampling.stop, sampling.choices) == (
        100,
        0.5,
        ("END",),
        2,
    )
    assert sampling.effort == Effort(level="low")
    assert (request.stream, request.include_usage) == (True, False)


def test_written_anew_it_means_the_same() -> None:
    again = written(structs.replace(read(FULL), source=None))
    for name in (
        "tools",
        "tool_choice",
        "response_format",
        "temperature",
        "seed",
        "n",
        "logit_bias",
        "reasoning_effort",
    ):
        assert again[name] == FULL[name]
    assert (again["stop"], again["max_completion_tokens"]) == (["END"], 100)
    assert again["messages"][2] == FULL["messages"][2]
    assert again["messages"][3] == FULL["messages"][3]
    assert again["messages"][4] == FULL["messages"][4]


def test_only_the_lines_that_the_turn_changed_are_written_anew() -> None:
    request = read(FULL)
    lines = (Line("system", (Text("You are Podium."),)), *request.lines)
    messages = written(structs.replace(request, lines=lines))["messages"]
    assert messages == [{"role": "system", "content": "You are Podium."}, *FULL["messages"]]


def test_only_the_sampling_that_the_turn_changed_is_written_anew_and_the_cap_keeps_its_name() -> None:
    request = read(FULL)
    body = written(structs.replace(request, sampling=structs.replace(request.sampling, max_output=10)))
    assert {name for name in body if body[name] != FULL.get(name)} == {
        "model",
        "stream_options",
        "max_tokens",
    }
    assert body["max_tokens"] == 10
    body = written(structs.replace(request, sampling=Sampling(), tools=(), tool_choice=None, schema=None))
    assert (
        not {"max_tokens", "temperature", "tools", "tool_choice", "response_format", "stop", "n"}
        & body.keys()
    )


def test_a_tool_that_is_added_stands_beside_the_ones_that_were_sent() -> None:
    request = read(FULL)
    body = written(structs.replace(request, tools=(*request.tools, Tool("mine", parameters=Raw(b"{}")))))
    assert body["tools"][:3] == FULL["tools"]
    assert body["tools"][3] == {"type": "function", "function": {"name": "mine", "parameters": {}}}


def test_the_upstream_streams_if_the_caller_does_and_the_model_can() -> None:
    request = read(
        {"model": "m", "messages": [USER], "stream": True, "stream_options": {"include_usage": True}}
    )
    still = json.loads(WIRE.write_request(request, Profile("e", "m", streaming=False), ENDPOINT).body)
    assert still["stream"] is False
    assert "stream_options" not in still
    assert request.include_usage
    assert "stream" not in written(read({"model": "m", "messages": [USER]}))


def test_the_cap_of_a_fresh_request_has_the_name_that_the_endpoint_takes() -> None:
    request = Request("m", (Line("user", (Text("hi"),)),), sampling=Sampling(max_output=5))
    old = Endpoint(name="e", wire="openai_chat", base_url="http://e", max_tokens_member="max_tokens")
    assert json.loads(WIRE.write_request(request, PROFILE, old).body)["max_tokens"] == 5


def test_a_host_that_refuses_to_be_asked_for_usage_is_not_asked() -> None:
    silent = replace(ENDPOINT, stream_usage=False)
    sent = {"model": "m", "messages": [USER], "stream": True, "stream_options": {"include_usage": True}}
    for request in (read(sent), Request("m", (Line("user", (Text("hi"),)),), stream=True)):
        told = json.loads(WIRE.write_request(request, PROFILE, silent).body)
        assert told["stream"] is True
        assert "stream_options" not in told


def test_the_key_goes_where_the_endpoint_takes_it() -> None:
    keyed = replace(ENDPOINT, api_key="k")
    assert WIRE.authorize(keyed) == {"authorization": "Bearer k"}
    assert WIRE.authorize(replace(keyed, auth_header="api-key")) == {"api-key": "k"}
    assert WIRE.authorize(replace(keyed, auth_header="api-key", api_key=None)) == {}


def test_the_older_functions_are_tools_and_go_back_as_functions() -> None:
    sent = {
        "model": "m",
        "messages": [
            USER,
            {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
            {"role": "function", "name": "f", "content": "1"},
        ],
        "functions": [{"name": "f", "parameters": {"type": "object"}}],
        "function_call": {"name": "f"},
    }
    request = read(sent)
    assert request.tool_choice is not None
    assert request.tool_choice.names == ("f",)
    fresh = written(structs.replace(request, source=None))
    assert fresh["messages"] == sent["messages"]
    assert fresh["functions"] == sent["functions"]


def test_hints_are_dropped_by_name_and_meaning_is_refused_by_name() -> None:
    thought = Reasoning("Hm", extra=Extra("anthropic", {}))
    lines = (
        Line("user", (Text("hi"),)),
        Line("assistant", (thought, ToolCall("a", "f", "{}"))),
        Line("tool", (ToolResult("a", (Text("no"),), is_error=True),)),
    )
    outgoing = WIRE.write_request(
        Request("m", lines, sampling=Sampling(top_k=3, effort=Effort(tokens=2000))), PROFILE, ENDPOINT
    )
    assert outgoing.dropped == ("reasoning", "is_error", "top_k")
    assert json.loads(outgoing.body)["reasoning_effort"] == "low"
    for part in (
        Opaque("gemini", Raw(b"{}")),
        Audio(Media("url", "http://u")),
        Document(Media("url", "http://u")),
        Image(Media("file", "f")),
    ):
        with pytest.raises(Inexpressible) as refused:
            WIRE.write_request(Request("m", (Line("user", (Text("x"), part)),)), PROFILE, ENDPOINT)
        assert refused.value.param == "messages[0].content[1]"
    with pytest.raises(Inexpressible) as refused:
        WIRE.write_request(
            Request("m", (Line("user", (Text("x"),)),), tools=(Tool("w", kind="hosted"),)), PROFILE, ENDPOINT
        )
    assert refused.value.param == "tools[0]"


def test_pictures_in_a_tools_result_stand_behind_the_last_result() -> None:
    results = (
        ToolResult("a", (Text("see"), Image(Media("inline", "AAAA", "image/png")))),
        ToolResult("b", (Text("ok"),)),
    )
    messages = written(Request("m", (Line("tool", results),)))["messages"]
    assert [message["role"] for message in messages] == ["tool", "tool", "user"]
    assert messages[2]["content"][1]["image_url"]["url"] == "data:image/png;base64,AAAA"


def test_tool_choices_are_said_in_the_wires_words() -> None:
    tools = (Tool("f"), Tool("c", kind="custom"))
    for choice, expected in (
        (ToolChoice("none"), "none"),
        (ToolChoice("required"), "required"),
        (ToolChoice("required", ("c",)), {"type": "custom", "custom": {"name": "c"}}),
        (
            ToolChoice("auto", ("f",)),
            {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]},
            },
        ),
    ):
        assert (
            written(Request("m", (Line("user", (Text("x"),)),), tools=tools, tool_choice=choice))[
                "tool_choice"
            ]
            == expected
        )
    assert written(Request("m", (Line("user", (Text("x"),)),), schema=Schema()))["response_format"] == {
        "type": "json_object"
    }


def test_who_names_no_model_gets_the_doors_own() -> None:
    assert read({"messages": [USER]}).model == ""


def test_what_hosts_of_the_house_take_besides_is_understood() -> None:
    request = read(
        {"model": "m", "messages": [USER], "max_tokens": -1, "seed": 7.0, "tool_choice": "any", "stop": None}
    )
    assert (request.sampling.max_output, request.sampling.seed) == (None, 7)
    assert request.tool_choice is not None
    assert request.tool_choice.mode == "required"
