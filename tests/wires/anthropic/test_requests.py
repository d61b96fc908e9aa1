"""Requests of other dialects on their way to a host of this wire, and this dialect's own at the door."""

import json
from typing import Any

import msgspec
import pytest

from podium.catalogue.endpoint import Endpoint
from podium.catalogue.profile import Profile
from podium.catalogue.thinking import LEVELS, Thinking
from podium.errors import Inexpressible, InvalidRequest
from podium.vocabulary.part import (
    Document,
    Image,
    Media,
    Opaque,
    Reasoning,
    Signature,
    Text,
    ToolCall,
    ToolResult,
    plain_text,
)
from podium.vocabulary.request import Effort, Line, Request, Sampling, Tool, ToolChoice
from podium.wires.member import raw
from podium.wires.openai_chat import OpenAIChat
from podium.wires.seal import unwrap, wrap
from podium.wires.wire import Outgoing
from tests.wires.anthropic.streams import WIRE, answer, stream, text

OPENAI = OpenAIChat()
ENDPOINT = Endpoint("host", "anthropic", "http://host.invalid", api_key="k")
PROFILE = Profile("host", "claude-1")
USER = {"role": "user", "content": "hi"}
F = Tool("f", "does f", raw({"type": "object", "properties": {"x": {"type": "integer"}}}))
G = Tool("g")


def out(request: Request, profile: Profile = PROFILE) -> tuple[dict[str, Any], Outgoing]:
    outgoing = WIRE.write_request(request, profile, ENDPOINT)
    return json.loads(outgoing.body), outgoing


def asked(**members: Any) -> Request:
    """A request of an OpenAI client."""
    return OPENAI.read_request({}, json.dumps({"model": "m", "messages": [USER], **members}).encode())


def own(**members: Any) -> Request:
    """A request of a client of this dialect."""
    body = {"model": "m", "max_tokens": 100, "messages": [USER], **members}
    return WIRE.read_request({}, json.dumps(body).encode())


def lines(*given: Line, **fields: Any) -> Request:
    return Request(model="m", lines=given, **fields)


def user(*parts: Any) -> Line:
    return Line("user", tuple(Text(part) if isinstance(part, str) else part for part in parts))


def test_the_key_and_the_version_are_sent() -> None:
    _, outgoing = out(asked())
    assert outgoing.path == "/v1/messages"
    assert outgoing.headers["anthropic-version"] == "2023-06-01"
    assert WIRE.authorize(ENDPOINT) == {"x-api-key": "k"}


def test_a_clients_own_version_and_betas_go_on_as_they_came() -> None:
    body = json.dumps({"model": "m", "max_tokens": 1, "messages": [USER]}).encode()
    request = WIRE.read_request({"anthropic-version": "2024-01-01", "anthropic-beta": "a,b"}, body)
    headers = out(request)[1].headers
    assert (headers["anthropic-version"], headers["anthropic-beta"]) == ("2024-01-01", "a,b")


def test_own_dialect_travels_with_only_the_model_and_the_stream_rewritten() -> None:
    odd = (
        b'{"model":"x","max_tokens":9,"messages":[{"role":"user","content":[{"type":"text", "text":"hi",'
        b'"cache_control":{"type":"ephemeral"},"odd":1}]}],"metadata":{ "user_id":"u" },'
        b'"x_podium":{"a":1},"top":[ 1 ]}'
    )
    sent = WIRE.write_request(WIRE.read_request({}, odd), PROFILE, ENDPOINT).body
    assert sent == odd.replace(b'"x"', b'"claude-1"', 1).replace(b'"x_podium":{"a":1},', b"")


def test_a_line_put_before_own_dialect_leaves_the_others_as_sent() -> None:
    given = {"role": "user", "content": [{"type": "text", "text": "hi", "odd": 1}]}
    request = own(messages=[given], system="Be brief.")
    more = msgspec.structs.replace(
        request, lines=(Line("system", (Text("You are Ada."),)), *request.lines, user("go on"))
    )
    body, _ = out(more)
    assert body["messages"] == [given, {"role": "user", "content": "go on"}]
    assert [block["text"] for block in body["system"]] == ["You are Ada.", "Be brief."]
    assert body["max_tokens"] == 100


def test_a_lowered_cap_keeps_the_budget_for_thinking_below_it() -> None:
    request = own(max_tokens=9000, thinking={"type": "enabled", "budget_tokens": 8000})
    lower = msgspec.structs.replace(
        request, sampling=msgspec.structs.replace(request.sampling, max_output=4000)
    )
    body, _ = out(lower)
    assert (body["max_tokens"], body["thinking"]["budget_tokens"]) == (4000, 3000)


def test_system_texts_at_the_head_are_the_system_prompt_and_later_ones_are_hoisted_with_notice() -> None:
    messages = [
        {"role": "system", "content": "A"},
        {"role": "developer", "content": "B"},
        USER,
        {"role": "system", "content": "C"},
        USER,
    ]
    body, outgoing = out(asked(messages=messages))
    assert [block["text"] for block in body["system"]] == ["A", "B", "C"]
    assert [message["role"] for message in body["messages"]] == ["user"]
    assert outgoing.dropped == ("messages[3].role",)
    body, outgoing = out(asked(messages=messages), Profile("host", "m", inline_system=True))
    assert [message["role"] for message in body["messages"]] == ["user", "system", "user"]
    assert outgoing.dropped == ()


def test_a_system_text_alone_is_said_by_the_user_with_notice() -> None:
    body, outgoing = out(asked(messages=[{"role": "system", "content": "Say hi."}]))
    assert body["messages"] == [{"role": "user", "content": "Say hi."}]
    assert "system" not in body
    assert outgoing.dropped == ("messages[0].role",)


def test_roles_alternate_and_results_come_first() -> None:
    calls = [{"id": each, "type": "function", "function": {"name": "f", "arguments": "{}"}} for each in "ab"]
    messages = [
        USER,
        {"role": "assistant", "content": None, "tool_calls": calls},
        USER,
        {"role": "tool", "tool_call_id": "a", "content": "1"},
        {"role": "tool", "tool_call_id": "b", "content": [{"type": "text", "text": "2"}]},
        USER,
    ]
    body, _ = out(asked(messages=messages))
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user"]
    assert [block["type"] for block in body["messages"][2]["content"]] == [
        "tool_result",
        "tool_result",
        "text",
        "text",
    ]


def test_arguments_travel_in_their_exact_characters() -> None:
    odd = '{"x": 1.50,"y" :"\\u00e9"}'
    _, outgoing = out(lines(user("hi"), Line("assistant", (ToolCall("a", "f", odd),))))
    assert b'"input":' + odd.encode() in outgoing.body


@pytest.mark.parametrize(
    ("arguments", "expected"), [("", {}), ("not json", {"input": "not json"}), ("[1]", {"input": "[1]"})]
)
def test_arguments_that_are_no_object_are_put_into_one(arguments: str, expected: object) -> None:
    body, _ = out(lines(Line("assistant", (ToolCall("a", "f", arguments),))))
    assert body["messages"][0]["content"][0]["input"] == expected


@pytest.mark.parametrize("arguments", ["{broken", "[1,2]"])
def test_arguments_that_are_no_object_are_named_by_the_clients_path(arguments: str) -> None:
    whole = {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}
    odd = {"id": "b", "type": "function", "function": {"name": "f", "arguments": arguments}}
    free = {"id": "c", "type": "custom", "custom": {"name": "f", "input": "x"}}
    for calls, path in (
        ({"tool_calls": [whole]}, None),
        ({"tool_calls": [odd]}, "messages[1].tool_calls[0].function.arguments"),
        ({"content": "so", "tool_calls": [whole, odd]}, "messages[1].tool_calls[1].function.arguments"),
        ({"tool_calls": [free]}, "messages[1].tool_calls[0].custom.input"),
        ({"function_call": odd["function"]}, "messages[1].function_call.arguments"),
    ):
        _, outgoing = out(asked(messages=[USER, {"role": "assistant", **calls}]))
        assert outgoing.dropped == (() if path is None else (path,))
    _, outgoing = out(lines(user("hi"), Line("assistant", (ToolCall("a", "f", arguments),))))
    assert outgoing.dropped == ("messages[1].content[0].arguments",)


def test_ids_that_this_wire_refuses_are_mapped_alike_for_call_and_result() -> None:
    request = lines(
        Line("assistant", (ToolCall("a.b:c", "f", "{}"), ToolCall("a.b;c", "f", "{}"))),
        Line("tool", (ToolResult("a.b;c", (Text("1"),)), ToolResult("a.b:c", (Text("2"),)))),
    )
    body, _ = out(request)
    calls = [block["id"] for block in body["messages"][0]["content"]]
    results = [block["tool_use_id"] for block in body["messages"][1]["content"]]
    assert results == calls[::-1]
    assert len(set(calls)) == 2
    assert all(each.replace("_", "").isalnum() for each in calls)
    assert out(request)[0] == body


def test_results_without_ids_are_paired_by_name_then_by_order() -> None:
    calls = tuple(ToolCall("", name, "{}") for name in ("f", "g", "f"))
    given = tuple(ToolResult("", (Text(name),), name=name) for name in ("g", "f", "f"))
    body, _ = out(lines(Line("assistant", calls), Line("tool", given)))
    ids = [block["id"] for block in body["messages"][0]["content"]]
    assert [block["tool_use_id"] for block in body["messages"][1]["content"]] == [ids[1], ids[0], ids[2]]


def test_results_with_neither_ids_nor_names_are_paired_in_order() -> None:
    calls = [{"id": "", "type": "function", "function": {"name": name, "arguments": "{}"}} for name in "fgh"]
    for count in (1, 2, 3):
        results = [{"role": "tool", "tool_call_id": "", "content": each} for each in "FGH"[:count]]
        messages = [USER, {"role": "assistant", "content": None, "tool_calls": calls}, *results]
        body, _ = out(asked(messages=messages))
        ids = [block["id"] for block in body["messages"][1]["content"]]
        assert [block["tool_use_id"] for block in body["messages"][2]["content"]] == ids[:count]


def test_the_result_of_an_older_function_without_a_name_is_of_the_call_before_it() -> None:
    call = {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}}
    body, _ = out(asked(messages=[USER, call, {"role": "function", "content": "r"}]))
    assert body["messages"][2]["content"][0]["tool_use_id"] == body["messages"][1]["content"][0]["id"]


def test_results_may_hold_pictures_and_be_errors() -> None:
    picture = Image(Media("inline", "iVBORw0K", media_type="image/png"))
    result = ToolResult("a", (Text("see"), picture), is_error=True)
    body, _ = out(lines(Line("assistant", (ToolCall("a", "f", "{}"),)), Line("tool", (result,))))
    (block,) = body["messages"][1]["content"]
    assert block["is_error"] is True
    assert [each["type"] for each in block["content"]] == ["text", "image"]


@pytest.mark.parametrize(
    ("part", "source"),
    [
        (
            Image(Media("inline", "/9j/4AAQ")),
            {"type": "base64", "media_type": "image/jpeg", "data": "/9j/4AAQ"},
        ),
        (Image(Media("url", "https://a.example/b.png")), {"type": "url", "url": "https://a.example/b.png"}),
        (
            Document(Media("inline", "JVBERi0=")),
            {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="},
        ),
        (
            Document(Media("inline", "aGk=", media_type="text/csv")),
            {"type": "text", "media_type": "text/plain", "data": "hi"},
        ),
        (Document(Media("file", "file_1")), {"type": "file", "file_id": "file_1"}),
    ],
)
def test_media_are_sent_inline_by_url_or_by_file(part: Image | Document, source: object) -> None:
    body, _ = out(lines(user("see", part)))
    assert body["messages"][0]["content"][1]["source"] == source


@pytest.mark.parametrize(
    "part",
    [
        {"type": "input_audio", "input_audio": {"data": "x", "format": "mp3"}},
        {"type": "video_url", "video_url": {"url": "https://a.example/b.mp4"}},
        {"type": "image_url", "image_url": {"url": "data:image/bmp;base64,Qk0="}},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "hologram"},
    ],
)
def test_media_that_this_wire_lacks_are_refused_by_their_place(part: dict[str, Any]) -> None:
    request = asked(messages=[{"role": "user", "content": [{"type": "text", "text": "see"}, part]}])
    with pytest.raises(Inexpressible) as refused:
        out(request)
    assert refused.value.param == "messages[0].content[1]"


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"logprobs": False, "top_logprobs": 3}, "top_logprobs"),
        ({"logit_bias": {"1": 2}}, "logit_bias"),
        ({"temperature": 1.5}, "temperature"),
        ({"stop": ["\n"]}, "stop"),
        ({"messages": [{"role": "user", "content": ""}]}, "messages"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"audio": {"voice": "x"}}, "audio"),
        ({"web_search_options": {"a": 1}}, "web_search_options"),
        ({"web_search_options": {}}, "web_search_options"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": [{"type": "custom", "custom": {"name": "c"}}]}, "tools[0]"),
        ({"tools": [{"type": "browser"}]}, "tools[0]"),
    ],
)
def test_what_carries_meaning_and_cannot_be_said_is_refused_by_the_clients_name(
    members: dict[str, Any], param: str
) -> None:
    with pytest.raises(Inexpressible) as refused:
        out(asked(**members))
    assert refused.value.param == param


def test_default_values_are_neither_refused_nor_dropped() -> None:
    nothing = {
        "n": 1,
        "logprobs": False,
        "top_logprobs": 0,
        "logit_bias": {},
        "presence_penalty": 0,
        "frequency_penalty": 0,
        "temperature": 1,
        "top_p": 1,
        "service_tier": "auto",
        "verbosity": "medium",
        "web_search_options": None,
        "modalities": ["text"],
        "store": False,
        "metadata": {},
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "response_format": {"type": "text"},
    }
    assert out(asked(**nothing))[1].dropped == ()


def test_hints_are_dropped_and_named() -> None:
    tool = {"type": "function", "function": {"name": "f", "strict": True, "parameters": {}}}
    picture = {"type": "image_url", "image_url": {"url": "https://a.example/b", "detail": "low"}}
    request = asked(
        user="u",
        seed=1,
        presence_penalty=0.5,
        service_tier="flex",
        verbosity="low",
        prompt_cache_key="k",
        novelty=1,
        tools=[tool],
        messages=[{"role": "user", "content": [picture]}],
    )
    assert set(out(request)[1].dropped) == {
        "user",
        "seed",
        "presence_penalty",
        "service_tier",
        "verbosity",
        "prompt_cache_key",
        "novelty",
        "strict",
        "detail",
    }


def test_what_other_dialects_borrowed_from_this_one_is_given_back() -> None:
    part = {"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}
    body, outgoing = out(asked(messages=[{"role": "user", "content": [part]}], top_k=5))
    assert body["messages"][0]["content"] == [part]
    assert body["top_k"] == 5
    assert outgoing.dropped == ()


@pytest.mark.parametrize(
    ("choice", "parallel", "expected", "tools"),
    [
        (ToolChoice("auto"), None, {"type": "auto"}, ["f", "g"]),
        (ToolChoice("required"), None, {"type": "any"}, ["f", "g"]),
        (ToolChoice("none"), False, {"type": "none"}, ["f", "g"]),
        (ToolChoice("required", ("g",)), None, {"type": "tool", "name": "g"}, ["f", "g"]),
        (ToolChoice("auto", ("g",)), None, {"type": "auto"}, ["g"]),
        (ToolChoice("required", ("f", "g")), None, {"type": "any"}, ["f", "g"]),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}, ["f", "g"]),
        (None, True, None, ["f", "g"]),
    ],
)
def test_tool_choice_is_said_in_this_wires_words(
    choice: ToolChoice | None, parallel: bool | None, expected: object, tools: list[str]
) -> None:
    request = lines(
        user("hi"), tools=(F, G), tool_choice=choice, sampling=Sampling(parallel_tool_calls=parallel)
    )
    body, _ = out(request)
    assert body.get("tool_choice") == expected
    assert [tool["name"] for tool in body["tools"]] == tools
    assert all(tool["input_schema"]["type"] == "object" for tool in body["tools"])


def test_the_cap_that_this_wire_demands_is_the_clients_the_models_or_a_careful_one() -> None:
    assert out(asked(max_completion_tokens=7))[0]["max_tokens"] == 7
    assert out(asked(), Profile("host", "m", output_limit=64_000))[0]["max_tokens"] == 64_000
    assert out(asked())[0]["max_tokens"] == 4096


@pytest.mark.parametrize(
    ("effort", "cap", "budget"),
    [
        ("low", None, 4096),
        ("medium", None, 16_384),
        ("high", 20_000, 15_000),
        ("low", 1000, None),
        ("none", None, None),
    ],
)
def test_an_effort_is_a_budget_below_the_cap(effort: str, cap: int | None, budget: int | None) -> None:
    body, outgoing = out(asked(reasoning_effort=effort, **({"max_completion_tokens": cap} if cap else {})))
    assert body.get("thinking", {}).get("budget_tokens") == budget
    assert budget is None or budget < body["max_tokens"]
    assert outgoing.dropped == (("reasoning_effort",) if budget is None and effort != "none" else ())


def test_an_effort_is_a_level_where_the_profile_says_so_and_the_other_way_round() -> None:
    adaptive = Profile("host", "m", thinking=Thinking(LEVELS))
    body, _ = out(asked(reasoning_effort="high"), adaptive)
    assert body["thinking"] == {"type": "adaptive", "display": "summarized"}
    assert body["output_config"] == {"effort": "high"}
    body, _ = out(lines(user("hi"), sampling=Sampling(effort=Effort(tokens=4000))), adaptive)
    assert body["output_config"] == {"effort": "low"}
    request = own(thinking={"type": "enabled", "budget_tokens": 2000})
    sent = OPENAI.write_request(request, PROFILE, Endpoint("e", "openai_chat", "http://e"))
    assert json.loads(sent.body)["reasoning_effort"] == "low"


@pytest.mark.parametrize(
    ("thought", "thinks"), [((), False), ((Reasoning("hm", Signature("anthropic", "", "s")),), True)]
)
def test_in_a_tool_loop_without_its_first_thought_the_model_is_not_made_to_think(
    thought: tuple[Reasoning, ...], thinks: bool
) -> None:
    loop = (
        user("hi"),
        Line("assistant", (*thought, ToolCall("a", "f", "{}"))),
        Line("tool", (ToolResult("a", (Text("1"),)),)),
    )
    request = lines(*loop, tools=(F,), sampling=Sampling(effort=Effort(level="low")))
    body, outgoing = out(request)
    assert ("thinking" in body) is thinks
    assert outgoing.dropped == (() if thinks else ("effort",))


THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "s"}
CALL = {"type": "tool_use", "id": "a", "name": "f", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "a", "content": "1"}


@pytest.mark.parametrize(
    ("said", "thinks"),
    [
        ([[CALL]], False),
        ([[{"type": "text", "text": "Well."}, CALL]], False),
        ([[THOUGHT, CALL]], True),
        ([[{"type": "redacted_thinking", "data": "x"}, CALL]], True),
        ([[THOUGHT, CALL], [CALL]], True),
        ([[CALL], [THOUGHT, CALL]], False),
        ([[{**THOUGHT, "signature": wrap(Signature("gemini", "g", "s"))}, CALL]], False),
    ],
)
@pytest.mark.parametrize("beside", [[], [{"type": "text", "text": "Go on."}]])
def test_a_clients_own_budget_is_left_out_in_a_tool_loop_that_began_without_a_thought(
    said: list[list[Any]], thinks: bool, beside: list[Any]
) -> None:
    loop: list[Any] = [USER]
    for content in said:
        loop += [{"role": "assistant", "content": content}, {"role": "user", "content": [RESULT]}]
    last = {"role": "user", "content": [RESULT, *beside]}
    thinking = {"type": "enabled", "budget_tokens": 1024}
    for kind, expected in (({"type": "adaptive"}, True), (thinking, thinks)):
        body, outgoing = out(own(messages=[*loop[:-1], last], thinking=kind))
        assert body.get("thinking") == (kind if expected else None)
        assert ("thinking" in outgoing.dropped) is not expected
    body, outgoing = out(
        own(messages=[*loop, {"role": "assistant", "content": "1"}, USER], thinking=thinking)
    )
    assert body["thinking"] == thinking, "the user has spoken since"


def test_reasoning_goes_back_only_to_the_model_that_signed_it() -> None:
    def thoughts(signature: Signature | None, **fields: Any) -> tuple[list[str], tuple[str, ...]]:
        part = Reasoning("hm", signature, **fields)
        body, outgoing = out(lines(user("hi"), Line("assistant", (part, Text("yes"))), user("why")))
        content = body["messages"][1]["content"]
        found = [block["type"] for block in content] if isinstance(content, list) else ["text"]
        return found, outgoing.dropped

    assert thoughts(Signature("anthropic", "claude-1-20250929", "s")) == (["thinking", "text"], ())
    assert thoughts(Signature("anthropic", "", "s"), redacted=True) == (["redacted_thinking", "text"], ())
    for signature in (None, Signature("anthropic", "claude-2", "s"), Signature("gemini", "claude-1", "s")):
        assert thoughts(signature) == (["text"], ("reasoning",))


def test_what_other_hosts_made_is_left_out_of_the_assistants_words_with_notice() -> None:
    foreign = Opaque("gemini", raw({"executableCode": {}}))
    body, outgoing = out(lines(user("hi"), Line("assistant", (foreign, Text("4"))), user("why")))
    assert body["messages"][1]["content"] == "4"
    assert outgoing.dropped == ("messages[1].content[0]",)


def test_the_beginning_of_an_answer_is_sent_with_notice_and_without_white_space_at_its_end() -> None:
    body, outgoing = out(asked(messages=[USER, {"role": "assistant", "content": "The answer is: "}]))
    assert body["messages"][1]["content"] == "The answer is:"
    assert outgoing.dropped == ("messages[1]",)


def test_a_sealed_signature_finds_its_way_home() -> None:
    signature = Signature("gemini", "gemini-3", "AB+/=")
    assert unwrap(wrap(signature)) == signature
    assert unwrap("c2lnbmF0dXJl") is None
    assert unwrap("podium:gemini:%%%") is None
    thinking = {"type": "thinking", "thinking": "hm", "signature": wrap(signature)}
    request = own(messages=[USER, {"role": "assistant", "content": [thinking]}])
    assert request.lines[1].parts == (Reasoning("hm", signature),)


def test_a_call_takes_back_the_signature_that_went_out_behind_it() -> None:
    signature = Signature("gemini", "gemini-3", "AB")
    blocks = [
        {"type": "tool_use", "id": "a", "name": "f", "input": {}},
        {"type": "thinking", "thinking": "", "signature": wrap(signature)},
    ]
    request = own(messages=[USER, {"role": "assistant", "content": blocks}])
    assert request.lines[1].parts == (ToolCall("a", "f", "{}", signature=signature),)


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": "9"}, "max_tokens"),
        ({"messages": "x"}, "messages"),
        ({"messages": [{"role": 7, "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "url"}}]}]},
            "messages[0].content[0].source.url",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "tool_result", "content": "x"}]}]},
            "messages[0].content[0].tool_use_id",
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": [1]}]}
                ]
            },
            "messages[0].content[0].content[0]",
        ),
        ({"tools": [{"name": "f"}]}, "tools[0].input_schema"),
        ({"tool_choice": {"type": 7}}, "tool_choice.type"),
        ({"tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens"),
        ({"output_config": {"format": {"type": "json_schema"}}}, "output_config.format.schema"),
        ({"stop_sequences": "x"}, "stop_sequences"),
        ({"temperature": "hot"}, "temperature"),
    ],
)
def test_a_mistake_is_told_by_its_place(members: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        own(**members)
    assert refused.value.param == param


def test_counting_tokens_needs_no_cap() -> None:
    body = json.dumps({"model": "m", "messages": [USER]}).encode()
    assert WIRE.read_request({"method": "count_tokens"}, body).lines == (user("hi"),)
    with pytest.raises(InvalidRequest):
        WIRE.read_request({}, body)


def test_results_in_a_users_message_are_lines_of_their_own() -> None:
    result = {
        "type": "tool_result",
        "tool_use_id": "a",
        "content": "4",
        "cache_control": {"type": "ephemeral"},
    }
    request = own(messages=[{"role": "user", "content": [result, {"type": "text", "text": "go"}]}])
    assert [line.role for line in request.lines] == ["tool", "user"]
    anew, _ = out(msgspec.structs.replace(request, source=None))
    assert anew["messages"] == [{"role": "user", "content": [result, {"type": "text", "text": "go"}]}]


def test_tools_that_the_host_runs_are_refused_elsewhere() -> None:
    request = own(tools=[{"type": "web_search_20250305", "name": "web_search"}])
    assert out(msgspec.structs.replace(request, source=None))[0]["tools"] == [
        {"type": "web_search_20250305", "name": "web_search"}
    ]
    with pytest.raises(Inexpressible):
        OPENAI.write_request(request, PROFILE, Endpoint("e", "openai_chat", "http://e"))


def test_a_plain_answer_is_text() -> None:
    assert plain_text(answer(stream(text("Hi"))).choices[0].parts) == "Hi"
