"""What was said in other dialects, as OpenAI's hosts hear it."""

import base64
import json
from dataclasses import replace

import pytest
from msgspec import Raw

from podium.errors import Inexpressible
from podium.vocabulary.part import Document, Extra, Media, Opaque, Text, ToolCall, ToolResult
from podium.vocabulary.request import Line, Request, ToolChoice
from tests.wires.asked import BASE64, ENDPOINT, PDF, PROFILE, WIRE, Json, said, sent, told


def test_media_stand_where_openai_takes_them() -> None:
    source = {"type": "base64", "media_type": "image/png", "data": BASE64}
    body, dropped = sent(
        "anthropic",
        said(
            "user",
            {"type": "image", "source": source},
            {"type": "image", "source": {"type": "url", "url": "https://u/i.png"}},
            {"type": "document", "source": {**source, "media_type": "application/pdf"}, "title": "t.pdf"},
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Lo"}},
        ),
    )
    assert body["messages"][0]["content"] == [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{BASE64}"}},
        {"type": "image_url", "image_url": {"url": "https://u/i.png"}},
        {
            "type": "file",
            "file": {"file_data": f"data:application/pdf;base64,{BASE64}", "filename": "t.pdf"},
        },
        {"type": "text", "text": "Lo"},
    ]
    assert dropped == ()
    body, dropped = sent(
        "gemini",
        told(
            "user",
            {"inlineData": {"mimeType": "audio/mp3", "data": BASE64}},
            {"inlineData": {"mimeType": "application/pdf", "data": PDF}},
            {"inlineData": {"mimeType": "text/csv", "data": base64.b64encode(b"a,b").decode()}},
        ),
    )
    assert body["messages"][0]["content"] == [
        {"type": "input_audio", "input_audio": {"data": BASE64, "format": "mp3"}},
        {
            "type": "file",
            "file": {"file_data": f"data:application/pdf;base64,{PDF}", "filename": "document.pdf"},
        },
        {"type": "text", "text": "a,b"},
    ]
    assert dropped == ()


def test_results_stand_behind_their_calls_and_their_media_behind_the_last_of_them() -> None:
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": BASE64}}
    calls = [{"type": "tool_use", "id": each, "name": "f", "input": {"x": 1}} for each in ("a", "b")]
    body, dropped = sent(
        "anthropic",
        {
            "messages": [
                {"role": "user", "content": "go"},
                {"role": "assistant", "content": [{"type": "text", "text": "Well"}, *calls]},
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "tool_use_id": "a", "content": [picture]},
                        {"type": "text", "text": "and now?"},
                        {"type": "tool_result", "tool_use_id": "b", "content": "no", "is_error": True},
                    ],
                },
            ]
        },
    )
    assert [message["role"] for message in body["messages"]] == [
        *("user", "assistant", "tool", "tool", "user", "user"),
    ]
    assert body["messages"][1]["tool_calls"][0]["function"] == {"name": "f", "arguments": '{"x": 1}'}
    assert [message["tool_call_id"] for message in body["messages"][2:4]] == ["a", "b"]
    assert body["messages"][4]["content"] == [
        {"type": "text", "text": "The result of the tool call a:"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{BASE64}"}},
    ]
    assert body["messages"][5]["content"] == "and now?"
    assert dropped == ("is_error",)


def test_results_without_ids_are_paired_by_name_then_by_order() -> None:
    calls = [{"functionCall": {"name": name, "args": {"n": n}}} for n, name in enumerate("fgf")]
    results = [
        {"functionResponse": {"name": name, "response": {"output": name + n}}}
        for name, n in ("g1", "f0", "f2")
    ]
    body, dropped = sent(
        "gemini",
        {
            "contents": [
                {"role": "user", "parts": [{"text": "go"}]},
                {"role": "model", "parts": calls},
                {"role": "user", "parts": [{"text": "so"}, *results]},
            ]
        },
    )
    made = [call["id"] for call in body["messages"][1]["tool_calls"]]
    assert len(set(made)) == 3
    tools = {message["tool_call_id"]: message["content"] for message in body["messages"][2:5]}
    assert tools == {made[0]: "f0", made[1]: "g1", made[2]: "f2"}
    assert all("name" not in message for message in body["messages"])
    assert body["messages"][5] == {"role": "user", "content": "so"}
    assert dropped == ()


def test_results_of_other_names_are_paired_in_order() -> None:
    calls = [{"functionCall": {"name": name, "args": {}}} for name in "fgh"]
    results = [
        {"functionResponse": {"name": f"ns.{name}", "response": {"output": name.upper()}}} for name in "fgh"
    ]
    for count in (1, 2, 3):
        contents = [
            {"role": "user", "parts": [{"text": "go"}]},
            {"role": "model", "parts": calls[:count]},
            {"role": "user", "parts": results[:count]},
        ]
        body, _ = sent("gemini", {"contents": contents})
        made = [call["id"] for call in body["messages"][1]["tool_calls"]]
        told = [(message["tool_call_id"], message["content"]) for message in body["messages"][2:]]
        assert told == list(zip(made, "FGH", strict=False))


def test_a_conversation_in_which_nothing_is_said_is_refused_by_name() -> None:
    with pytest.raises(Inexpressible) as refused:
        sent("gemini", told("user"))
    assert refused.value.param == "contents"


def test_ids_that_openai_refuses_are_mapped_in_the_same_way_for_call_and_result() -> None:
    long = "toolu_" + "x" * 60
    lines = (
        Line("user", (Text("go"),)),
        Line("assistant", (ToolCall(long, "f", "{}"), ToolCall("", "g", "{}"))),
        Line("tool", (ToolResult(long, (Text("1"),)), ToolResult("", (Text("2"),), name="g"))),
    )
    messages = json.loads(WIRE.write_request(Request("m", lines), PROFILE, ENDPOINT).body)["messages"]
    ids = [call["id"] for call in messages[1]["tool_calls"]]
    assert [message["tool_call_id"] for message in messages[2:4]] == ids
    assert all(1 <= len(each) <= 40 for each in ids)
    short = replace(ENDPOINT, call_id_length=9)
    messages = json.loads(WIRE.write_request(Request("m", lines), PROFILE, short).body)["messages"]
    ids = [call["id"] for call in messages[1]["tool_calls"]]
    assert [message["tool_call_id"] for message in messages[2:4]] == ids
    assert all(len(each) == 9 and each.isalnum() for each in ids)


def test_what_the_model_thought_or_its_host_ran_does_not_go_to_another_host_and_is_named() -> None:
    citation = {"type": "char_location", "cited_text": "x", "document_index": 0}
    body, dropped = sent(
        "anthropic",
        {
            "messages": [
                {"role": "user", "content": "x"},
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "Hm", "signature": "s"},
                        {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}},
                        {"type": "text", "text": "Yes", "citations": [citation]},
                        {"type": "text", "text": "."},
                    ],
                },
                {"role": "user", "content": "y"},
            ]
        },
    )
    assert body["messages"][1] == {"role": "assistant", "content": "Yes."}
    assert set(dropped) == {"reasoning", "messages[1].content[1]", "annotations"}


def test_a_system_text_in_mid_conversation_stays_where_it_is() -> None:
    body, dropped = sent(
        "anthropic",
        {
            "system": [{"type": "text", "text": "One"}, {"type": "text", "text": "Two"}],
            "messages": [
                {"role": "user", "content": "x"},
                {"role": "assistant", "content": "y"},
                {"role": "system", "content": "Three"},
                {"role": "user", "content": "z"},
            ],
        },
    )
    assert [message["role"] for message in body["messages"]] == [
        "system",
        "user",
        "assistant",
        "system",
        "user",
    ]
    assert body["messages"][0]["content"] == [
        {"type": "text", "text": "One"},
        {"type": "text", "text": "Two"},
    ]
    assert body["messages"][3] == {"role": "system", "content": "Three"}
    assert dropped == ()


@pytest.mark.parametrize(
    ("dialect", "members", "place"),
    [
        (
            "anthropic",
            {"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "{"}]},
            "messages[1].role",
        ),
        (
            "gemini",
            {
                "contents": [
                    {"role": "user", "parts": [{"text": "x"}]},
                    {"role": "model", "parts": [{"text": "{"}]},
                ]
            },
            "contents[1].role",
        ),
    ],
)
def test_an_answer_that_was_begun_is_sent_with_notice(dialect: str, members: Json, place: str) -> None:
    body, dropped = sent(dialect, members)
    assert body["messages"][-1] == {"role": "assistant", "content": "{"}
    assert dropped == (place,)


def test_a_conversation_that_was_held_elsewhere_goes_on_here() -> None:
    notes = Document(
        Media("inline", base64.b64encode(b"Lo").decode(), "text/plain"), extra=Extra("anthropic", {})
    )
    lines = (
        Line("user", (Text("x"), notes)),
        Line("assistant", (Opaque("anthropic", Raw(b'{"type":"server_tool_use"}')), Text("y"))),
        Line("user", (Text("z"),)),
    )
    outgoing = WIRE.write_request(Request("m", lines, tool_choice=ToolChoice("auto")), PROFILE, ENDPOINT)
    body = json.loads(outgoing.body)
    assert [message["content"] for message in body["messages"]] == [
        [{"type": "text", "text": "x"}, {"type": "text", "text": "Lo"}],
        "y",
        "z",
    ]
    assert outgoing.dropped == ("messages[1].content[0]",)
    assert "tool_choice" not in body
