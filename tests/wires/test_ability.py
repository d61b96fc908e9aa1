"""What a model is known not to take is refused to other dialects, by the client's own name for it."""

import json
from typing import Any

import pytest

from podium.catalogue.endpoint import Endpoint
from podium.catalogue.profile import Profile, described
from podium.config.families import FAMILIES
from podium.errors import Inexpressible
from podium.vocabulary.part import Audio, Media, Text
from podium.vocabulary.request import Line, Request
from podium.wires.wire import Outgoing
from tests.wires.translation import WIRES

PNG = "iVBORw0KGgo="
TEXT_ALONE = Profile("lab", "reader", media=frozenset(), tools=False)

OPENAI: dict[str, Any] = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "Look."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "this"},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
            ],
        },
    ],
}
ANTHROPIC: dict[str, Any] = {
    "model": "m",
    "max_tokens": 9,
    "messages": [
        {
            "role": "user",
            "content": [
                {
                    "type": "document",
                    "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="},
                }
            ],
        }
    ],
}
GEMINI: dict[str, Any] = {
    "contents": [{"role": "user", "parts": [{"inlineData": {"mimeType": "audio/wav", "data": "UklGRg=="}}]}],
}


def written(wire: str, body: dict[str, Any], target: str, profile: Profile) -> Outgoing:
    request = WIRES[wire].read_request({"model": "m", "action": "generateContent"}, json.dumps(body).encode())
    return write(request, target, profile)


def write(request: Request, target: str, profile: Profile) -> Outgoing:
    endpoint = Endpoint(name="lab", wire=target, base_url="http://host.invalid")
    return WIRES[target].write_request(request, profile, endpoint)


@pytest.mark.parametrize(
    ("wire", "body", "target", "place", "word"),
    [
        ("openai_chat", OPENAI, "gemini", "messages[1].content[1]", "images"),
        ("anthropic", ANTHROPIC, "openai_chat", "messages[0].content[0]", "documents"),
        ("gemini", GEMINI, "openai_chat", "contents[0].parts[0]", "audio"),
    ],
)
def test_media_that_a_model_does_not_take_are_refused_where_they_stand(
    wire: str, body: dict[str, Any], target: str, place: str, word: str
) -> None:
    with pytest.raises(Inexpressible) as caught:
        written(wire, body, target, TEXT_ALONE)
    assert caught.value.param == place
    assert caught.value.message == f"The model reader takes no {word}."


def test_tools_are_refused_to_a_model_without_any() -> None:
    body = {
        "contents": [{"parts": [{"text": "hi"}]}],
        "tools": [{"functionDeclarations": [{"name": "f"}]}],
    }
    with pytest.raises(Inexpressible) as caught:
        written("gemini", body, "anthropic", TEXT_ALONE)
    assert caught.value.param == "tools[0].functionDeclarations[0]"


def test_calls_that_were_made_before_are_tools_too() -> None:
    body = {
        "model": "m",
        "max_tokens": 9,
        "messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "1"}]},
        ],
    }
    with pytest.raises(Inexpressible) as caught:
        written("anthropic", body, "openai_chat", TEXT_ALONE)
    assert caught.value.param == "messages[1].content[0]"


def test_a_picture_among_what_a_tool_gave_back_is_one() -> None:
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    body = {
        "model": "m",
        "max_tokens": 9,
        "messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": [picture]}]},
        ],
    }
    with pytest.raises(Inexpressible) as caught:
        written("anthropic", body, "openai_chat", described("openai", "o3-mini", FAMILIES))
    assert caught.value.param == "messages[2].content[0]"


def test_a_text_that_came_as_a_document_is_a_text() -> None:
    source = {"type": "text", "media_type": "text/plain", "data": "Call me Ishmael."}
    message = {"role": "user", "content": [{"type": "document", "source": source}]}
    body = {"model": "m", "max_tokens": 9, "messages": [message]}
    assert b"Ishmael" in written("anthropic", body, "openai_chat", TEXT_ALONE).body


def test_a_native_request_is_held_to_what_the_model_takes() -> None:
    line = Line("user", (Text("listen"), Audio(Media("inline", "UklGRg==", media_type="audio/wav"))))
    for model, refused in (("gpt-5", True), ("gpt-4o-audio-preview", False), ("brand-new", False)):
        request = Request(model=model, lines=(line,))
        if refused:
            with pytest.raises(Inexpressible) as caught:
                write(request, "openai_chat", described("lab", model, FAMILIES))
            assert caught.value.param == "messages[0].content[1]"
        else:
            assert b"input_audio" in write(request, "openai_chat", described("lab", model, FAMILIES)).body


@pytest.mark.parametrize(
    ("wire", "body"), [("openai_chat", OPENAI), ("anthropic", ANTHROPIC), ("gemini", GEMINI)]
)
def test_in_its_own_dialect_the_host_answers_for_its_model(wire: str, body: dict[str, Any]) -> None:
    sent = json.loads(written(wire, body, wire, TEXT_ALONE).body)
    assert {name: value for name, value in sent.items() if name != "model"} == {
        name: value for name, value in body.items() if name != "model"
    }


@pytest.mark.parametrize("target", WIRES)
def test_a_model_that_nobody_described_refuses_nothing(target: str) -> None:
    for wire, body in (("openai_chat", OPENAI), ("anthropic", ANTHROPIC)):
        written(wire, body, target, described("lab", "brand-new", FAMILIES))
