"""What only hosts of one wire are told as such, on its way to hosts of the others."""

import json
from typing import Any

import pytest

from podium.catalogue.endpoint import Endpoint
from podium.catalogue.profile import Profile
from podium.errors import Inexpressible
from podium.wires.anthropic import Anthropic
from podium.wires.gemini import Gemini
from podium.wires.openai_chat import OpenAIChat
from podium.wires.wire import Wire

Json = dict[str, Any]

WIRES: dict[str, Wire] = {"openai_chat": OpenAIChat(), "anthropic": Anthropic(), "gemini": Gemini()}
PDF = {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0x"}


def sent(dialect: str, target: str, *said: tuple[str, Json]) -> tuple[str, tuple[str, ...]]:
    """A conversation of one dialect as a host of another gets it, and what was dropped; `said` by whom."""
    if dialect == "gemini":
        body: Json = {"contents": [{"role": role, "parts": [part]} for role, part in said]}
    else:
        body = {
            "model": "m",
            "max_tokens": 9,
            "messages": [{"role": role, "content": [part]} for role, part in said],
        }
    path = {"model": "m", "action": "generateContent"}
    request = WIRES[dialect].read_request(path, json.dumps(body).encode())
    outgoing = WIRES[target].write_request(request, Profile("e", "m"), Endpoint("e", target, "http://e"))
    return outgoing.body.decode(), outgoing.dropped


def refused(dialect: str, target: str, *said: tuple[str, Json]) -> str | None:
    with pytest.raises(Inexpressible) as error:
        sent(dialect, target, *said)
    return error.value.param


@pytest.mark.parametrize("target", ["openai_chat", "anthropic"])
def test_a_part_that_holds_a_text_and_a_picture_is_both(target: str) -> None:
    picture = {"mimeType": "image/png", "data": "iVBORw0KGgoAAAA"}
    body, dropped = sent("gemini", target, ("user", {"text": "See:", "inlineData": picture}))
    assert body.index("See:") < body.index("iVBORw0KGgoAAAA")
    assert dropped == ()


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("target", ["openai_chat", "gemini"])
def test_what_is_said_of_a_document_stands_before_it_with_notice(target: str, *, inside: bool) -> None:
    document: Json = {"type": "document", "source": PDF, "context": "The author is Bob."}
    said: list[tuple[str, Json]] = [("user", document)]
    if inside:
        call = {"type": "tool_use", "id": "a", "name": "f", "input": {}}
        result = {"type": "tool_result", "tool_use_id": "a", "content": [document]}
        said = [("user", {"type": "text", "text": "x"}), ("assistant", call), ("user", result)]
    body, dropped = sent("anthropic", target, *said)
    assert body.index("The author is Bob.") < body.index("JVBERi0x")
    assert "context" in dropped


@pytest.mark.parametrize("target", ["openai_chat", "gemini"])
def test_the_summary_of_what_was_said_before_is_said_with_notice(target: str) -> None:
    asked = ("user", {"type": "text", "text": "Who?"})
    body, dropped = sent(
        "anthropic", target, ("assistant", {"type": "compaction", "content": "He is Bob."}), asked
    )
    assert body.index("He is Bob.") < body.index("Who?")
    assert dropped == ("messages[0].content[0]",)
    sealed = {"type": "compaction", "content": None, "encrypted_content": "x"}
    assert refused("anthropic", target, ("assistant", sealed), asked) == "messages[0].content[0]"


@pytest.mark.parametrize(
    ("dialect", "part", "is_past"),
    [
        ("anthropic", {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}, True),
        ("anthropic", {"type": "web_search_tool_result", "tool_use_id": "s", "content": []}, True),
        ("anthropic", {"type": "compaction", "content": None}, True),
        ("anthropic", {"type": "hologram"}, False),
        ("gemini", {"executableCode": {"code": "1"}}, True),
        ("gemini", {"codeExecutionResult": {"output": "1"}}, True),
        ("gemini", {"hologram": {}}, False),
        ("openai_chat", {"type": "reference", "reference_ids": [1]}, True),
        ("openai_chat", {"type": "hologram"}, False),
    ],
)
def test_what_a_host_ran_for_a_past_answer_is_dropped_with_notice_and_what_is_unknown_is_refused(
    dialect: str, part: Json, *, is_past: bool
) -> None:
    text = {"text": "x"} if dialect == "gemini" else {"type": "text", "text": "x"}
    said = (("user", text), ("model" if dialect == "gemini" else "assistant", part), ("user", text))
    place = "contents[1].parts[0]" if dialect == "gemini" else "messages[1].content[0]"
    for target in WIRES.keys() - {dialect}:
        if is_past:
            assert sent(dialect, target, *said)[1] == (place,)
        else:
            assert refused(dialect, target, *said) == place
