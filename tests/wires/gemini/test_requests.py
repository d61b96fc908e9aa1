"""Requests: read from clients, written for hosts of this wire, out of its own dialect and out of others."""

import base64
import json
from typing import Any

import pytest
from msgspec import Raw, structs

from podium.catalogue.endpoint import Endpoint
from podium.catalogue.profile import Profile
from podium.errors import Inexpressible
from podium.vocabulary.part import (
    Audio,
    Document,
    Image,
    Json,
    Media,
    Opaque,
    Part,
    Reasoning,
    Signature,
    Text,
    ToolCall,
    ToolResult,
    Video,
)
from podium.vocabulary.request import Effort, Line, Request, Sampling, Schema, Tool, ToolChoice
from podium.wires.anthropic import Anthropic
from podium.wires.call_id import paired
from podium.wires.gemini.signature import PLACEHOLDER, write_signature
from podium.wires.openai_chat import OpenAIChat
from tests.wires.gemini.streams import WIRE

ENDPOINT = Endpoint(name="e", wire="gemini", base_url="http://e", api_key="k")
PROFILE = Profile(endpoint="e", model="gemini-2.5-flash")
NEWER = Profile(endpoint="e", model="gemini-3-flash-preview")
PATH = {"model": "models/client-name", "action": "streamGenerateContent"}
SIGNED = base64.b64encode(b"signed").decode()
FULL: dict[str, Any] = {
    "systemInstruction": {"role": "user", "parts": [{"text": "Be brief."}]},
    "contents": [
        {
            "role": "user",
            "parts": [
                {"text": "See", "x": 1},
                {"inlineData": {"mimeType": "image/png", "data": "AA-_"}},
                {"fileData": {"fileUri": "https://u/x.wav", "mimeType": "audio/wav"}},
                {"fileData": {"fileUri": "https://youtu.be/1"}, "videoMetadata": {"fps": 0.2}},
                {"inlineData": {"mimeType": "application/pdf", "data": "AAAA"}},
                {"neverHeardOf": {"deep": [1.50]}},
            ],
        },
        {
            "role": "model",
            "parts": [
                {"text": "Hm", "thought": True, "thoughtSignature": SIGNED},
                {"functionCall": {"name": "f", "args": {"x": 1.50}}, "thoughtSignature": SIGNED},
                {"functionCall": {"name": "f", "args": {}}},
                {"functionCall": {"name": "g", "id": "own"}},
                {"executableCode": {"language": "PYTHON", "code": "1"}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"name": "f", "response": {"output": "one"}}},
                {"functionResponse": {"name": "g", "id": "own", "response": {"error": "no"}}},
                {"functionResponse": {"name": "f", "response": {"a": [2]}}},
                {"text": "Go on."},
            ],
        },
    ],
    "tools": [
        {
            "functionDeclarations": [
                {
                    "name": "f",
                    "description": "d",
                    "parameters": {
                        "type": "OBJECT",
                        "properties": {"type": {"type": "STRING", "nullable": True}},
                    },
                    "behavior": "BLOCKING",
                },
                {"name": "g", "parametersJsonSchema": {"type": "object", "$defs": {"n": {"$ref": "#"}}}},
            ],
            "codeExecution": {},
        },
        {"googleSearch": {"depth": 2}},
    ],
    "toolConfig": {
        "functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]},
        "retrievalConfig": {"languageCode": "de"},
    },
    "generationConfig": {
        "temperature": 0.5,
        "topP": 1,
        "topK": 40,
        "maxOutputTokens": 100,
        "stopSequences": ["END"],
        "candidateCount": 2,
        "seed": 7,
        "presencePenalty": 0.1,
        "frequencyPenalty": -0.1,
        "responseLogprobs": True,
        "logprobs": 3,
        "responseMimeType": "application/json",
        "responseSchema": {"type": "ARRAY", "items": {"type": "INTEGER"}, "minItems": "1"},
        "thinkingConfig": {"thinkingBudget": 512, "includeThoughts": False},
        "speechConfig": {"languageCode": "de"},
    },
    "safetySettings": [{"category": "X", "threshold": "OFF"}],
    "cachedContent": "cachedContents/1",
    "labels": {"a": "b"},
    "x_podium": {"conversation": "conv_1"},
}


def read(members: dict[str, Any], path: dict[str, str] | None = None) -> Request:
    return WIRE.read_request(path or PATH, json.dumps(members).encode())


def written(request: Request, profile: Profile = PROFILE) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(WIRE.write_request(request, profile, ENDPOINT).body)
    return body


def asking(*parts: Part, **fields: Any) -> Request:
    return Request(model="m", lines=(Line("user", parts or (Text("hi"),)),), **fields)


# ── its own dialect ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_request_goes_on_verbatim_but_for_what_is_ours() -> None:
    outgoing = WIRE.write_request(read(FULL), PROFILE, ENDPOINT)
    assert outgoing.path == "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
    assert json.loads(outgoing.body) == {name: value for name, value in FULL.items() if name != "x_podium"}
    assert outgoing.dropped == ()
    assert WIRE.authorize(ENDPOINT) == {"x-goog-api-key": "k"}


@pytest.mark.parametrize(
    ("model", "streaming", "path"),
    [
        ("gemini-2.5-flash", False, "/v1beta/models/gemini-2.5-flash:generateContent"),
        ("tunedModels/a b", False, "/v1beta/tunedModels/a%20b:generateContent"),
    ],
)
def test_the_model_stands_in_the_path(model: str, streaming: bool, path: str) -> None:
    profile = Profile("e", model, streaming=streaming)
    assert WIRE.write_request(read(FULL), profile, ENDPOINT).path == path


def test_what_the_turn_changed_is_all_that_changes() -> None:
    request = read(FULL)
    changed = structs.replace(request, sampling=structs.replace(request.sampling, max_output=50, effort=None))
    config = {**FULL["generationConfig"], "maxOutputTokens": 50, "thinkingConfig": {"includeThoughts": False}}
    assert written(changed) == {
        **{k: v for k, v in FULL.items() if k != "x_podium"},
        "generationConfig": config,
    }


def test_contents_that_are_still_the_same_go_as_they_were_sent() -> None:
    request = read(FULL)
    lines = (
        request.lines[0],
        Line("user", (Text("Before."),)),
        *request.lines[1:],
        Line("user", (Text("More."),)),
    )
    body = written(structs.replace(request, lines=lines))
    assert body["contents"] == [
        {"role": "user", "parts": [{"text": "Before."}]},
        *FULL["contents"],
        {"role": "user", "parts": [{"text": "More."}]},
    ]
    assert body["systemInstruction"] == {"parts": [{"text": "Be brief."}]}


def test_tools_that_are_still_the_same_go_as_they_were_sent() -> None:
    request = read(FULL)
    body = written(structs.replace(request, tools=(*request.tools, Tool("h"))))
    declared = FULL["tools"][0]["functionDeclarations"]
    assert body["tools"] == [
        {"functionDeclarations": [*declared, {"name": "h"}]},
        {"codeExecution": {}},
        {"googleSearch": {"depth": 2}},
    ]


def test_names_may_be_written_with_low_lines_and_single_entries_without_a_list() -> None:
    sent = {
        "system_instruction": {"parts": {"text": "Be brief."}},
        "contents": {"parts": [{"inline_data": {"mime_type": "image/png", "data": "AAAA"}}]},
        "tools": {"function_declarations": [{"name": "f", "parameters_json_schema": {"type": "object"}}]},
        "tool_config": {"function_calling_config": {"mode": "none"}},
        "generation_config": {
            "max_output_tokens": 5,
            "stop_sequences": ["x"],
            "response_mime_type": "text/plain",
        },
    }
    request = read(sent)
    assert request.lines == (
        Line("system", (Text("Be brief."),)),
        Line("user", (Image(Media("inline", "AAAA", media_type="image/png")),)),
    )
    assert [tool.name for tool in request.tools] == ["f"]
    assert request.tool_choice is not None
    assert request.tool_choice.mode == "none"
    assert (request.sampling.max_output, request.sampling.stop, request.schema) == (5, ("x",), None)
    assert written(request) == sent
    capped = structs.replace(request, sampling=structs.replace(request.sampling, max_output=3))
    assert written(capped)["generationConfig"]["maxOutputTokens"] == 3
    assert "generation_config" not in written(capped)


# ── what is read ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_everything_is_read_into_the_vocabulary() -> None:
    request = read(FULL)
    assert (request.model, request.stream) == ("client-name", True)
    assert [line.role for line in request.lines] == ["system", "user", "assistant", "tool", "user"]
    assert [type(part) for part in request.lines[1].parts] == [Text, Image, Audio, Video, Document, Opaque]
    assert request.lines[1].parts[1] == Image(Media("inline", "AA+/", media_type="image/png"))
    thought, *calls = request.lines[2].parts[:4]
    assert isinstance(thought, Reasoning)
    assert thought.signature == Signature("gemini", "", SIGNED)
    assert [call.arguments for call in calls if isinstance(call, ToolCall)] == ['{"x": 1.5}', "{}", "{}"]
    assert request.sampling == Sampling(
        max_output=100,
        temperature=0.5,
        top_p=1,
        top_k=40,
        stop=("END",),
        seed=7,
        presence_penalty=0.1,
        frequency_penalty=-0.1,
        choices=2,
        logprobs=True,
        top_logprobs=3,
        effort=Effort(tokens=512),
    )


def test_results_without_ids_have_none_and_belong_to_calls_by_name_then_by_order() -> None:
    request = read(FULL)
    calls = [part for part in request.lines[2].parts if isinstance(part, ToolCall)]
    results = [part for part in request.lines[3].parts if isinstance(part, ToolResult)]
    assert [result.call_id for result in results] == ["", "own", ""]
    assert [call for _, call in paired([*calls, *results])] == [calls[0], calls[2], calls[1]]
    assert [result.parts for result in results[:2]] == [(Text("one"),), (Text("no"),)]
    assert [result.is_error for result in results] == [False, True, False]
    assert isinstance(results[2].parts[0], Json)


def test_schemas_become_json_schema_with_nullable_and_references_kept() -> None:
    request = read(FULL)
    first, second = (json.loads(bytes(tool.parameters or b"")) for tool in request.tools[:2])
    assert first == {"type": "object", "properties": {"type": {"type": "string", "nullable": True}}}
    assert second == {"type": "object", "$defs": {"n": {"$ref": "#"}}}
    assert request.schema is not None
    assert json.loads(bytes(request.schema.schema or b"")) == {
        "type": "array",
        "items": {"type": "integer"},
        "minItems": 1,
    }
    assert [(tool.name, tool.kind) for tool in request.tools[2:]] == [
        ("codeExecution", "hosted"),
        ("googleSearch", "hosted"),
    ]


def test_chunks_that_a_client_sends_back_are_one_answer_again() -> None:
    parts = [
        {"text": "H", "thought": True},
        {"text": "m", "thought": True},
        {"text": "", "thought": True, "thoughtSignature": SIGNED},
        {"text": "He"},
        {"text": "llo"},
        {"text": ""},
    ]
    contents = [{"role": "model", "parts": [part]} for part in parts]
    (line,) = read({"contents": contents}).lines
    thought, text = line.parts
    assert isinstance(thought, Reasoning)
    assert (thought.text, thought.signature) == ("Hm", Signature("gemini", "", SIGNED))
    assert text == Text("Hello")


def test_a_foreign_signature_is_unwrapped_on_its_return() -> None:
    foreign = Signature("anthropic", "claude", "abc==")
    for redacted in (False, True):  # what was not shown is no end of the thought before it
        value = write_signature(foreign, redacted=redacted)
        assert base64.b64decode(value, validate=True).startswith(b"podium:anthropic:")
        again = base64.urlsafe_b64encode(base64.b64decode(value)).decode()
        part = {"text": "Hm", "thought": True, "thoughtSignature": again}
        parts = [{"text": "So", "thought": True}, part] if redacted else [part]
        (line,) = read({"contents": [{"role": "model", "parts": parts}]}).lines
        thought = line.parts[-1]
        assert len(line.parts) == len(parts)
        assert isinstance(thought, Reasoning)
        assert (thought.text, thought.signature, thought.redacted) == ("Hm", foreign, redacted)


# ── written anew ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_instructions_at_the_head_are_the_system_instruction_and_later_ones_are_hoisted_with_notice() -> None:
    lines = (
        Line("system", (Text("A"),)),
        Line("developer", (Text("B"),)),
        Line("user", (Text("hi"),)),
        Line("system", (Text("C"),)),
        Line("user", (Text("ho"),)),
    )
    outgoing = WIRE.write_request(Request("m", lines), PROFILE, ENDPOINT)
    body = json.loads(outgoing.body)
    assert body["systemInstruction"] == {"parts": [{"text": "A"}, {"text": "B"}, {"text": "C"}]}
    assert body["contents"] == [{"role": "user", "parts": [{"text": "hi"}, {"text": "ho"}]}]
    assert outgoing.dropped == ("messages[3].role",)


def test_instructions_alone_are_asked_as_a_question_with_notice() -> None:
    outgoing = WIRE.write_request(Request("m", (Line("system", (Text("A"),)),)), PROFILE, ENDPOINT)
    assert json.loads(outgoing.body) == {"contents": [{"role": "user", "parts": [{"text": "A"}]}]}
    assert outgoing.dropped == ("messages[0].role",)


def test_an_answer_that_is_begun_for_the_model_is_sent_with_notice() -> None:
    lines = (Line("user", (Text("hi"),)), Line("assistant", (Text("Well,"),)))
    outgoing = WIRE.write_request(Request("m", lines), PROFILE, ENDPOINT)
    assert json.loads(outgoing.body)["contents"][-1] == {"role": "model", "parts": [{"text": "Well,"}]}
    assert outgoing.dropped == ("messages[1].role",)


def test_the_name_of_a_file_is_dropped_with_notice() -> None:
    request = asking(Document(Media("inline", "JVBERi0x", name="a.pdf")))
    outgoing = WIRE.write_request(request, PROFILE, ENDPOINT)
    (part,) = json.loads(outgoing.body)["contents"][0]["parts"]
    assert part == {"inlineData": {"mimeType": "application/pdf", "data": "JVBERi0x"}}
    assert outgoing.dropped == ("filename",)


def test_media_are_written_where_they_are() -> None:
    body = written(
        asking(
            Image(Media("inline", "iVBORw0KGgoAAAA")),
            Image(Media("url", "https://u/x.webp?a=b")),
            Document(Media("file", "https://generativelanguage.googleapis.com/v1beta/files/1", "text/plain")),
            Video(Media("url", "https://www.youtube.com/watch?v=1")),
        )
    )
    assert body["contents"][0]["parts"] == [
        {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgoAAAA"}},
        {"fileData": {"fileUri": "https://u/x.webp?a=b", "mimeType": "image/webp"}},
        {
            "fileData": {
                "fileUri": "https://generativelanguage.googleapis.com/v1beta/files/1",
                "mimeType": "text/plain",
            }
        },
        {"fileData": {"fileUri": "https://www.youtube.com/watch?v=1"}},
    ]


def test_calls_and_results_are_written_with_their_ids() -> None:
    lines = (
        Line("assistant", (ToolCall("a", "f", '{"x":1.50}'), ToolCall("b", "g", "oops"))),
        Line("tool", (ToolResult("a", (Text("ok"),)),)),
        Line("tool", (ToolResult("b", (Text("no"),), is_error=True),)),
        Line("user", (Text("so?"),)),
    )
    outgoing = WIRE.write_request(Request("m", lines), PROFILE, ENDPOINT)
    assert b'"args":{"x":1.50}' in outgoing.body
    assert json.loads(outgoing.body)["contents"][0]["parts"][1]["functionCall"]["args"] == {"input": "oops"}
    assert json.loads(outgoing.body)["contents"][1] == {
        "role": "user",
        "parts": [
            {"functionResponse": {"id": "a", "name": "f", "response": {"output": "ok"}}},
            {"functionResponse": {"id": "b", "name": "g", "response": {"error": "no"}}},
            {"text": "so?"},
        ],
    }


def test_pictures_in_results_stand_within_them_or_behind_the_last_one_for_older_models() -> None:
    picture = Image(Media("inline", "AAAA", media_type="image/png"))
    lines = (
        Line("assistant", (ToolCall("a", "f", ""), ToolCall("b", "f", ""))),
        Line("tool", (ToolResult("a", (picture,)),)),
        Line("tool", (ToolResult("b", (Text("ok"),)),)),
    )
    inline = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}
    older = written(Request("m", lines))["contents"][1]["parts"]
    assert [next(iter(part)) for part in older] == ["functionResponse", "functionResponse", "inlineData"]
    newer = written(Request("m", lines), NEWER)["contents"][1]["parts"]
    assert newer[0]["functionResponse"]["parts"] == [inline]
    assert len(newer) == 2


def test_signatures_go_to_the_model_that_made_them_alone() -> None:
    def parts(model: str, wire: str = "gemini", profile: Profile = NEWER) -> tuple[Any, Any]:
        signature = Signature(wire, model, SIGNED)
        said = (Reasoning("Hm", signature), ToolCall("a", "f", "{}", signature=signature))
        lines = (Line("user", (Text("hi"),)), Line("assistant", said))
        outgoing = WIRE.write_request(Request("m", lines), profile, ENDPOINT)
        return json.loads(outgoing.body)["contents"][1]["parts"], outgoing.dropped

    kept, dropped = parts("gemini-3-flash")
    assert [part["thoughtSignature"] for part in kept] == [SIGNED, SIGNED]
    assert dropped == ()
    for model, wire in (("gemini-2.5-flash", "gemini"), ("claude", "anthropic")):
        (call,), dropped = parts(model, wire)
        assert call["thoughtSignature"] == PLACEHOLDER
        assert dropped == ("reasoning",)
    (call,), _ = parts("claude", "anthropic", PROFILE)
    assert "thoughtSignature" not in call


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        (ToolChoice("auto"), {"mode": "AUTO"}),
        (ToolChoice("none"), {"mode": "NONE"}),
        (ToolChoice("required"), {"mode": "ANY"}),
        (ToolChoice("required", ("f", "g")), {"mode": "ANY", "allowedFunctionNames": ["f", "g"]}),
        (ToolChoice("auto", ("f",)), {"mode": "VALIDATED", "allowedFunctionNames": ["f"]}),
    ],
)
def test_tool_choice_has_its_modes(choice: ToolChoice, config: dict[str, Any]) -> None:
    body = written(asking(tools=(Tool("f"), Tool("g")), tool_choice=choice))
    assert body["toolConfig"] == {"functionCallingConfig": config}


def test_a_choice_without_tools_says_nothing_unless_one_must_be_called() -> None:
    assert "toolConfig" not in written(asking(tool_choice=ToolChoice("auto")))
    assert "toolConfig" not in written(asking(tool_choice=ToolChoice("none")))
    for choice, tools in ((ToolChoice("required"), ()), (ToolChoice("required", ("h",)), (Tool("f"),))):
        with pytest.raises(Inexpressible) as refused:
            written(asking(tool_choice=choice, tools=tools))
        assert refused.value.param == "tool_choice"


def test_a_schema_is_asked_for_as_json_schema() -> None:
    schema = Raw(b'{"type":["string","null"],"$ref":"#/$defs/a"}')
    config = written(asking(schema=Schema(name="n", schema=schema)))["generationConfig"]
    assert config == {"responseMimeType": "application/json", "responseJsonSchema": json.loads(bytes(schema))}
    assert written(asking(schema=Schema()))["generationConfig"] == {"responseMimeType": "application/json"}


# ── out of another dialect ──────────────────────────────────────────────────────────────────────────────────────────


def out_of_openai(members: dict[str, Any]) -> Request:
    sent = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **members}
    return OpenAIChat().read_request({}, json.dumps(sent).encode())


def test_hints_of_another_dialect_are_dropped_and_named() -> None:
    content = [
        {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}},
        {"type": "image_url", "image_url": {"url": "https://u/x.png", "detail": "low"}},
    ]
    tool = {"type": "function", "function": {"name": "f", "strict": True}}
    hints = {"user": "u", "metadata": {"a": "b"}, "store": True, "service_tier": "flex", "verbosity": "low"}
    outgoing = WIRE.write_request(
        out_of_openai(
            {
                "messages": [{"role": "user", "name": "ann", "content": content}],
                "tools": [tool],
                "parallel_tool_calls": False,
                "n": 1,
                "top_k": 3,
                "logit_bias": {},
                "modalities": ["text"],
                **hints,
            }
        ),
        PROFILE,
        ENDPOINT,
    )
    assert set(outgoing.dropped) == {
        *hints,
        "messages[0].name",
        "cache_control",
        "detail",
        "strict",
        "parallel_tool_calls",
    }
    assert json.loads(outgoing.body)["generationConfig"] == {"topK": 3, "candidateCount": 1}


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"n": 9}, "n"),
        ({"logit_bias": {"1": 5}}, "logit_bias"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"web_search_options": {"a": 1}}, "web_search_options"),
        ({"stop": ["a", "b", "c", "d", "e", "f"]}, "stop"),
        ({"temperature": 2.5}, "temperature"),
        ({"top_logprobs": 21, "logprobs": True}, "top_logprobs"),
        ({"tools": [{"type": "web_search"}]}, "tools[0]"),
        ({"tools": [{"type": "custom", "custom": {"name": "c"}}]}, "tools[0]"),
        (
            {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "file-1"}}]}]},
            "messages[0].content[0]",
        ),
        ({"messages": [{"role": "user", "content": [{"type": "odd"}]}]}, "messages[0].content[0]"),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "ftp://x"}}]}
                ]
            },
            "messages[0].content[0]",
        ),
        (
            {"messages": [{"role": "system", "content": [{"type": "image_url", "image_url": {"url": "u"}}]}]},
            "messages[0].content[0]",
        ),
    ],
)
def test_meaning_that_cannot_be_said_is_refused_by_the_clients_own_name(
    members: dict[str, Any], param: str
) -> None:
    with pytest.raises(Inexpressible) as refused:
        WIRE.write_request(out_of_openai(members), PROFILE, ENDPOINT)
    assert refused.value.param == param


def test_a_tool_loop_of_another_dialect_arrives_meaning_the_same() -> None:
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}
    request = out_of_openai(
        {
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "hi"},
                {"role": "assistant", "content": "", "tool_calls": [call]},
                {"role": "tool", "tool_call_id": "a", "content": "ok"},
            ],
            "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
            "tool_choice": {"type": "function", "function": {"name": "f"}},
        }
    )
    assert written(request) == {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "hi"}]},
            {"role": "model", "parts": [{"functionCall": {"id": "a", "name": "f", "args": {"x": 1}}}]},
            {
                "role": "user",
                "parts": [{"functionResponse": {"id": "a", "name": "f", "response": {"output": "ok"}}}],
            },
        ],
        "tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": {"type": "object"}}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
    }


# ── into another dialect ────────────────────────────────────────────────────────────────────────────────────────────


def test_what_another_wire_cannot_say_of_the_configuration_is_named_or_refused() -> None:
    contents = [{"parts": [{"text": "hi"}]}]
    config = {"temperature": 0.5, "responseModalities": ["Text"], "mediaResolution": "LOW"}
    sent = {"contents": contents, "generation_config": config, "toolConfig": {"retrievalConfig": {"a": 1}}}
    dropped = Anthropic().write_request(read(sent), PROFILE, ENDPOINT).dropped
    assert set(dropped) == {"generation_config.mediaResolution", "toolConfig.retrievalConfig"}
    config = {"response_modalities": ["TEXT", "IMAGE"]}
    with pytest.raises(Inexpressible) as refused:
        Anthropic().write_request(read({"contents": contents, "generationConfig": config}), PROFILE, ENDPOINT)
    assert refused.value.param == "generationConfig.response_modalities"


def test_a_text_document_of_a_tool_is_what_the_function_gave_back() -> None:
    document = Document(Media("inline", base64.b64encode(b"Dummy\n").decode(), media_type="text/plain"))
    lines = (
        Line("assistant", (ToolCall("c1", "read", "{}"),)),
        Line("tool", (ToolResult("c1", (document,)),)),
    )
    body = json.loads(WIRE.write_request(Request(model="m", lines=lines), PROFILE, ENDPOINT).body)
    [result] = body["contents"][-1]["parts"]
    assert result["functionResponse"]["response"] == {"output": "Dummy\n"}
