"""Members of other dialects on their way to OpenAI's hosts: said, dropped and named, or refused by name."""

import msgspec
import pytest

from podium.catalogue.endpoint import Endpoint
from podium.catalogue.profile import Profile
from podium.catalogue.thinking import Thinking
from podium.errors import Inexpressible
from podium.vocabulary.part import Text
from podium.vocabulary.request import Effort, Line, Request, Sampling
from podium.wires.all import WIRES
from podium.wires.openai_chat.chat import OpenAIChat
from tests.wires.asked import BASE64, ENDPOINT, Json, configured, request_of, said, sent, told

TOOL = {"name": "f", "input_schema": {"type": "object"}}
DECLARED = {"functionDeclarations": [{"name": "f"}, {"name": "g"}]}


@pytest.mark.parametrize(
    ("dialect", "members", "dropped"),
    [
        ("anthropic", {"metadata": {"user_id": "u"}}, "metadata"),
        ("anthropic", {"service_tier": "standard_only"}, "service_tier"),
        ("anthropic", {"context_management": {"edits": [1]}}, "context_management"),
        ("anthropic", {"cache_control": {"type": "ephemeral"}}, "cache_control"),
        ("anthropic", {"some_new_member": 1}, "some_new_member"),
        ("anthropic", {"top_k": 3}, "top_k"),
        ("anthropic", {"thinking": {"type": "adaptive", "display": "omitted"}}, "thinking.display"),
        ("anthropic", {"output_config": {"task_budget": {"total": 9}}}, "output_config.task_budget"),
        ("anthropic", {"tools": [{**TOOL, "defer_loading": True}]}, "defer_loading"),
        ("anthropic", {"tools": [{**TOOL, "cache_control": {"type": "ephemeral"}}]}, "cache_control"),
        (
            "anthropic",
            said("user", {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}),
            "cache_control",
        ),
        ("gemini", {"safetySettings": [{"category": "c", "threshold": "t"}]}, "safetySettings"),
        ("gemini", {"labels": {"a": "b"}}, "labels"),
        ("gemini", configured(topK=3), "generationConfig.topK"),
        ("gemini", configured(mediaResolution="LOW"), "generationConfig.mediaResolution"),
        ("gemini", {"generation_config": {"media_resolution": "LOW"}}, "generation_config.media_resolution"),
        ("gemini", {"toolConfig": {"retrievalConfig": {"languageCode": "de"}}}, "toolConfig.retrievalConfig"),
        ("gemini", told("user", {"text": "x", "mediaResolution": {"level": "LOW"}}), "mediaResolution"),
        (
            "gemini",
            told("user", {"inlineData": {"mimeType": "image/png", "data": BASE64, "displayName": "me"}}),
            "filename",
        ),
    ],
)
def test_a_hint_is_dropped_and_named(dialect: str, members: Json, dropped: str) -> None:
    assert sent(dialect, members)[1] == (dropped,)


def test_a_beta_is_a_hint() -> None:
    headers = {"anthropic-beta": "context-1m", "anthropic-version": "2023-06-01"}
    assert sent("anthropic", {}, headers)[1] == ("anthropic-beta",)


@pytest.mark.parametrize(
    ("dialect", "members", "param"),
    [
        ("anthropic", {"container": "c1"}, "container"),
        ("anthropic", {"mcp_servers": [{"type": "url", "url": "u", "name": "n"}]}, "mcp_servers"),
        ("anthropic", {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools[0]"),
        ("anthropic", {"temperature": 2.5}, "temperature"),
        ("anthropic", {"stop_sequences": list("abcde")}, "stop_sequences"),
        ("anthropic", {"tool_choice": {"type": "any"}}, "tool_choice"),
        (
            "anthropic",
            said("user", {"type": "image", "source": {"type": "file", "file_id": "f"}}),
            "messages[0].content[0]",
        ),
        (
            "anthropic",
            said(
                "user",
                {"type": "text", "text": "x"},
                {"type": "document", "source": {"type": "url", "url": "http://u"}},
            ),
            "messages[0].content[1]",
        ),
        (
            "anthropic",
            said("user", {"type": "document", "source": {"type": "file", "file_id": "f"}}),
            "messages[0].content[0]",
        ),
        ("anthropic", said("user", {"type": "search_result", "content": []}), "messages[0].content[0]"),
        (
            "anthropic",
            {
                "system": "s",
                "messages": [
                    {"role": "user", "content": "x"},
                    {
                        "role": "assistant",
                        "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {}}],
                    },
                    {
                        "role": "user",
                        "content": [
                            {"type": "tool_result", "tool_use_id": "a", "content": "1"},
                            {"type": "text", "text": "and"},
                            {"type": "container_upload", "file_id": "f"},
                        ],
                    },
                ],
            },
            "messages[2].content[2]",
        ),
        ("gemini", {"cachedContent": "cachedContents/1"}, "cachedContent"),
        ("gemini", {"cached_content": "cachedContents/1"}, "cached_content"),
        ("gemini", {"tools": [{"googleSearch": {}}]}, "tools[0]"),
        ("gemini", configured(temperature=2.1), "generationConfig.temperature"),
        ("gemini", configured(stopSequences=list("abcde")), "generationConfig.stopSequences"),
        ("gemini", configured(responseModalities=["TEXT", "IMAGE"]), "generationConfig.responseModalities"),
        (
            "gemini",
            configured(responseMimeType="text/x.enum", responseSchema={"type": "STRING", "enum": ["a"]}),
            "generationConfig.responseSchema",
        ),
        (
            "gemini",
            {"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}},
            "toolConfig.functionCallingConfig",
        ),
        (
            "gemini",
            told("user", {"inlineData": {"mimeType": "video/mp4", "data": BASE64}}),
            "contents[0].parts[0]",
        ),
        (
            "gemini",
            told("user", {"inlineData": {"mimeType": "audio/flac", "data": BASE64}}),
            "contents[0].parts[0]",
        ),
        (
            "gemini",
            told("user", {"fileData": {"mimeType": "audio/mpeg", "fileUri": "https://u/a.mp3"}}),
            "contents[0].parts[0]",
        ),
        (
            "gemini",
            told("user", {"text": "x"}, {"fileData": {"mimeType": "image/png", "fileUri": "gs://b/i"}}),
            "contents[0].parts[1]",
        ),
        ("gemini", told("user", {"executableCode": {"code": "1"}}), "contents[0].parts[0]"),
        (
            "gemini",
            told("user", {"inlineData": {"mimeType": "application/zip", "data": BASE64}}),
            "contents[0].parts[0]",
        ),
        (
            "gemini",
            {"systemInstruction": {"parts": [{"inlineData": {"mimeType": "image/png", "data": BASE64}}]}},
            "systemInstruction",
        ),
    ],
)
def test_what_carries_meaning_is_refused_by_the_clients_own_name_for_it(
    dialect: str, members: Json, param: str
) -> None:
    with pytest.raises(Inexpressible) as refused:
        sent(dialect, members)
    assert refused.value.param == param


@pytest.mark.parametrize(
    ("dialect", "members", "word"),
    [
        ("anthropic", said("user", {"type": "search_result", "content": []}), "search_result"),
        ("gemini", told("user", {"executableCode": {"code": "1"}}), "executableCode"),
    ],
)
def test_a_part_that_one_dialect_alone_has_is_refused_by_its_own_type(
    dialect: str, members: Json, word: str
) -> None:
    for wire in WIRES:
        if wire.name != dialect:
            with pytest.raises(Inexpressible, match=f"A part of type '{word}'"):
                wire.write_request(request_of(dialect, members), Profile("e", "m"), ENDPOINT)


@pytest.mark.parametrize(
    ("dialect", "members"),
    [
        ("anthropic", {"tool_choice": {"type": "auto"}}),
        (
            "anthropic",
            {"thinking": {"type": "disabled"}, "metadata": {}, "container": None, "mcp_servers": []},
        ),
        ("anthropic", {"tools": [], "stop_sequences": [], "output_config": {}}),
        ("anthropic", {"service_tier": "auto", "speed": "standard"}),
        ("gemini", configured(mediaResolution="MEDIA_RESOLUTION_UNSPECIFIED", candidateCount=0)),
        ("gemini", configured(candidateCount=1, responseModalities=["TEXT"], responseMimeType="text/plain")),
        ("gemini", configured(thinkingConfig={"includeThoughts": True, "thinkingBudget": -1})),
        ("gemini", {"safetySettings": [], "labels": {}, "cachedContent": "", "tools": []}),
        ("gemini", {"toolConfig": {"functionCallingConfig": {"mode": "NONE"}}}),
    ],
)
def test_what_is_the_default_is_never_refused(dialect: str, members: Json) -> None:
    body, dropped = sent(dialect, members)
    assert dropped == ()
    assert body.keys() <= {"model", "messages", "max_completion_tokens", "n"}


@pytest.mark.parametrize(
    ("config", "member", "value"),
    [
        ({"candidateCount": 3}, "n", 3),
        ({"responseLogprobs": True, "logprobs": 5}, "top_logprobs", 5),
        ({"seed": 7}, "seed", 7),
        ({"presencePenalty": 0.5}, "presence_penalty", 0.5),
        ({"maxOutputTokens": 9}, "max_completion_tokens", 9),
        ({"temperature": 2}, "temperature", 2.0),
        ({"stopSequences": ["a"]}, "stop", ["a"]),
        ({"thinkingConfig": {"thinkingLevel": "HIGH"}}, "reasoning_effort", "high"),
        ({"thinkingConfig": {"thinkingBudget": 9000}}, "reasoning_effort", "medium"),
        (
            {"responseMimeType": "application/json", "responseSchema": {"type": "OBJECT", "nullable": True}},
            "response_format",
            {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": {"type": "object", "nullable": True}},
            },
        ),
    ],
)
def test_how_gemini_is_to_answer_is_said_in_openais_words(config: Json, member: str, value: object) -> None:
    body, dropped = sent("gemini", configured(**config))
    assert body[member] == value
    assert dropped == ()


def test_any_json_is_asked_for_with_the_word_that_openai_wants_to_read() -> None:
    body, dropped = sent("gemini", configured(responseMimeType="application/json"))
    assert body["response_format"] == {"type": "json_object"}
    assert "JSON" in body["messages"][0]["content"]
    assert dropped == ("generationConfig.responseSchema",)
    asked = told("user", {"text": "Some Json, please"}) | configured(responseMimeType="application/json")
    body, dropped = sent("gemini", asked)
    assert (len(body["messages"]), dropped) == (1, ())


def test_an_effort_is_what_the_model_takes() -> None:
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 2_000}, "max_tokens": 4_000}
    for known, expected, dropped in (
        (None, "low", ()),
        (Thinking(("medium", "high"), off="never"), "medium", ()),
        (Thinking(), None, ("thinking",)),
    ):
        body, names = sent("anthropic", thinking, profile=Profile("e", "m", thinking=known))
        assert (body.get("reasoning_effort"), names) == (expected, dropped)
    off = configured(thinkingConfig={"thinkingBudget": 0})
    for known, expected, dropped in (
        (None, None, ("generationConfig.thinkingConfig",)),
        (Thinking(), None, ()),
        (Thinking(("low",), off="never"), "low", ("generationConfig.thinkingConfig",)),
        (Thinking(("low",), off="disabled"), "none", ()),
    ):
        body, names = sent("gemini", off, profile=Profile("e", "m", thinking=known))
        assert (body.get("reasoning_effort"), names) == (expected, dropped)


def test_who_speaks_no_dialect_does_not_forbid_a_model_to_think_that_nobody_described() -> None:
    """Many hosts refuse the word."""
    request = Request("m", (Line("user", (Text("hello"),)),), sampling=Sampling(effort=Effort(tokens=0)))
    for known, expected in ((None, None), (Thinking(("low",), off="disabled"), "none")):
        profile = Profile("e", "m", thinking=known)
        outgoing = OpenAIChat().write_request(request, profile, Endpoint("e", "openai_chat", "http://e"))
        assert msgspec.json.decode(outgoing.body).get("reasoning_effort") == expected


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"mode": "AUTO"}, "auto"),
        ({"mode": "NONE", "allowedFunctionNames": ["f"]}, "none"),
        ({"mode": "ANY"}, "required"),
        ({"mode": "ANY", "allowedFunctionNames": ["f"]}, {"type": "function", "function": {"name": "f"}}),
        (
            {"mode": "ANY", "allowedFunctionNames": ["f", "g"]},
            {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "required",
                    "tools": [
                        {"type": "function", "function": {"name": "f"}},
                        {"type": "function", "function": {"name": "g"}},
                    ],
                },
            },
        ),
    ],
)
def test_a_choice_among_functions_is_the_same_choice(config: Json, expected: object) -> None:
    body, _ = sent("gemini", {"tools": [DECLARED], "toolConfig": {"functionCallingConfig": config}})
    assert body["tool_choice"] == expected


def test_calls_one_after_the_other_and_a_strict_tool_are_said_as_such() -> None:
    choice = {"type": "any", "disable_parallel_tool_use": True}
    body, dropped = sent("anthropic", {"tools": [{**TOOL, "strict": True}], "tool_choice": choice})
    assert (body["tool_choice"], body["parallel_tool_calls"]) == ("required", False)
    assert body["tools"][0]["function"]["strict"] is True
    assert dropped == ()
