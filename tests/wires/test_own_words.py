"""Words that a dialect may have and Podium does not know: its own hosts judge them, others are not told another."""

import json
from typing import Any

import pytest

from podium.catalogue.endpoint import Endpoint
from podium.catalogue.profile import Profile
from podium.errors import Inexpressible
from podium.vocabulary.part import Opaque
from podium.vocabulary.request import Request
from podium.wires.anthropic import Anthropic
from podium.wires.gemini import Gemini
from podium.wires.member import raw
from podium.wires.openai_chat import OpenAIChat
from podium.wires.stranger import strange_line
from podium.wires.wire import Wire

Json = dict[str, Any]

WIRES: dict[str, Wire] = {"openai_chat": OpenAIChat(), "anthropic": Anthropic(), "gemini": Gemini()}
PROFILE = Profile("host", "model-1")
USER = {"role": "user", "content": "hi"}
HEARD = {"role": "user", "parts": [{"text": "hi"}]}
BODIES: dict[str, Json] = {
    "openai_chat": {"model": "model-1", "messages": [USER]},
    "anthropic": {"model": "model-1", "max_tokens": 9, "messages": [USER]},
    "gemini": {"contents": [HEARD]},
}

UNKNOWN = [
    ("openai_chat", {"tool_choice": "sometimes"}, "tool_choice"),
    ("openai_chat", {"tool_choice": {"type": "function"}}, "tool_choice"),
    ("openai_chat", {"tool_choice": {"type": "hosted", "name": "x"}}, "tool_choice"),
    (
        "openai_chat",
        {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "most", "tools": []}}},
        "tool_choice",
    ),
    ("openai_chat", {"messages": [USER, {"role": "robot", "content": "x"}]}, "messages[1].role"),
    ("anthropic", {"tool_choice": {"type": "most"}}, "tool_choice"),
    ("anthropic", {"output_config": {"format": {"type": "yaml"}}}, "output_config.format"),
    ("anthropic", {"messages": [{"role": "robot", "content": "x"}, USER]}, "messages[0].role"),
    (
        "gemini",
        {"toolConfig": {"functionCallingConfig": {"mode": "MAYBE"}}},
        "toolConfig.functionCallingConfig",
    ),
    ("gemini", {"contents": [{"role": "robot", "parts": [{"x": 1}, HEARD]}, HEARD]}, "contents[0].role"),
]
UNJUDGED = [
    ("openai_chat", {"n": 200}),
    ("openai_chat", {"n": 0}),
    ("openai_chat", {"messages": []}),
    ("openai_chat", {"messages": [{"role": "tool", "content": "x"}]}),
    ("anthropic", {"messages": []}),
    ("anthropic", {"system": [{"type": "image", "source": {"type": "url", "url": "u"}}]}),
    ("gemini", {"contents": []}),
    ("gemini", {"generationConfig": {"candidateCount": 0}}),
    ("gemini", {"generationConfig": {"candidateCount": 200}}),
]


def read(wire: str, members: Json) -> Request:
    body = json.dumps({**BODIES[wire], **members}).encode()
    return WIRES[wire].read_request({"model": "model-1", "action": "generateContent"}, body)


def write(wire: str, request: Request, profile: Profile = PROFILE) -> Json:
    endpoint = Endpoint("host", wire, "http://host.invalid", api_key="k")
    written: Json = json.loads(WIRES[wire].write_request(request, profile, endpoint).body)
    return written


@pytest.mark.parametrize(("wire", "members"), [*(each[:2] for each in UNKNOWN), *UNJUDGED])
def test_what_only_its_host_can_judge_reaches_a_host_of_its_own_dialect_untouched(
    wire: str, members: Json
) -> None:
    assert write(wire, read(wire, members)) == {**BODIES[wire], **members}


@pytest.mark.parametrize(("wire", "members", "param"), UNKNOWN)
@pytest.mark.parametrize("other", WIRES)
def test_a_word_of_one_dialect_is_refused_by_name_before_a_host_of_another(
    wire: str, members: Json, param: str, other: str
) -> None:
    if other == wire:
        other = "openai_chat" if wire == "anthropic" else "anthropic"
    with pytest.raises(Inexpressible) as refused:
        write(other, read(wire, members))
    assert refused.value.param == param


@pytest.mark.parametrize("wire", WIRES)
def test_a_message_of_an_unknown_role_is_itself_again_when_it_comes_out_of_memory(wire: str) -> None:
    member, strange = ("contents", HEARD) if wire == "gemini" else ("messages", USER)
    message = {**strange, "role": "robot"}
    request = Request(model="m", lines=(strange_line(wire, raw(message)),))
    assert isinstance(request.lines[0].parts[0], Opaque)
    assert write(wire, request)[member] == [message]


@pytest.mark.parametrize(
    ("wire", "members", "param"),
    [
        ("openai_chat", {"web_search_options": {}}, "web_search_options"),
        ("openai_chat", {"audio": {}}, "audio"),
        ("anthropic", {"container": {}}, "container"),
    ],
)
def test_an_empty_object_that_switches_something_on_is_no_nothing(
    wire: str, members: Json, param: str
) -> None:
    with pytest.raises(Inexpressible) as refused:
        write("gemini", read(wire, members))
    assert refused.value.param == param


@pytest.mark.parametrize(
    "model",
    ["x/../../../upload?x=#", "../../etc", "..", ".", "models/./x", "models//x", "tunedModels/", "/x", ""],
)
def test_a_model_whose_name_leads_to_another_path_is_refused_and_takes_no_key_along(model: str) -> None:
    for ask in (write_path, count_path):
        with pytest.raises(Inexpressible) as refused:
            ask(model)
        assert refused.value.param == "model"


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("gemini-2.5-flash", "/v1beta/models/gemini-2.5-flash"),
        ("models/x", "/v1beta/models/x"),
        ("tunedModels/a b", "/v1beta/tunedModels/a%20b"),
        ("publishers/google/models/x", "/v1beta/publishers/google/models/x"),
        ("projects/p/locations/l/endpoints/7", "/v1beta/projects/p/locations/l/endpoints/7"),
        ("meta/llama:8b", "/v1beta/models/meta%2Fllama:8b"),
        ("x?y=1#z", "/v1beta/models/x%3Fy%3D1%23z"),
        ("%2e%2e", "/v1beta/models/%252e%252e"),
        ("a\\..\\b", "/v1beta/models/a%5C..%5Cb"),
    ],
)
def test_only_the_slashes_of_googles_own_names_are_slashes_in_a_path(model: str, path: str) -> None:
    assert write_path(model) == f"{path}:generateContent"
    assert count_path(model) == f"{path}:countTokens"


def write_path(model: str) -> str:
    endpoint = Endpoint("host", "gemini", "http://host.invalid", api_key="k")
    return WIRES["gemini"].write_request(read("gemini", {}), Profile("host", model), endpoint).path


def count_path(model: str) -> str:
    return Gemini().write_count(read("gemini", {}), Profile("host", model)).path
