"""What the model in the house does not take is refused by name at every door, and it goes on answering."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.cli.installation import Installation, installed
from tests.local.conftest import NAME

MODEL = f"local/{NAME}"
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
OBJECT = {"type": "object", "properties": {}}
SAID = {"role": "user", "content": "Say hi."}


def pictured(part: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, part]}]


CHAT, MESSAGES, GEMINI = "/v1/chat/completions", "/v1/messages", f"/v1beta/models/{MODEL}:generateContent"
IMAGE_URL = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
INLINE = {"inlineData": {"mimeType": "image/png", "data": PNG}}
FUNCTION = {"type": "function", "function": {"name": "look", "parameters": OBJECT}}


@pytest.fixture(scope="module")
def house() -> Iterator[Installation]:
    with installed(PODIUM_LOCAL="1") as installation:
        # The simulator answers where it is the default.
        (installation.place / "podium.toml").write_text(
            f'default_model = "simulator/echo"\n[routes]\nfast = ["{MODEL}", "simulator/echo"]\n'
        )
        installation.serve()
        yield installation


@pytest.mark.parametrize(
    ("door", "body", "told"),
    [
        (CHAT, {"model": MODEL, "messages": [SAID], "tools": [FUNCTION]}, ("no tools", "tools[0]")),
        (
            CHAT,
            {"model": MODEL, "messages": pictured(IMAGE_URL)},
            ("no images", "messages[0].content[1]"),
        ),
        (
            MESSAGES,
            {
                "model": MODEL,
                "max_tokens": 9,
                "messages": [SAID],
                "tools": [{"name": "look", "input_schema": OBJECT}],
            },
            ("no tools", "tools[0]"),
        ),
        (
            MESSAGES,
            {"model": MODEL, "max_tokens": 9, "messages": pictured(IMAGE)},
            ("no images", "messages[0].content[1]"),
        ),
        (
            GEMINI,
            {"contents": [{"role": "user", "parts": [{"text": "What is it?"}, INLINE]}]},
            ("no images", "contents[0].parts[1]"),
        ),
    ],
)
def test_tools_and_images_are_refused_by_name(
    house: Installation, door: str, body: dict[str, Any], told: tuple[str, str]
) -> None:
    lacking, member = told
    for _ in range(6):  # more often than a breaker would bear, if it counted these
        refused = house.ask("POST", door, body)
        error = refused.body["error"]
        assert refused.status == 400, refused.body
        assert f"The model {NAME} takes {lacking}." in error["message"]
        assert error.get("param", member) == member
    answered = house.ask("POST", CHAT, {"model": MODEL, "messages": [SAID], "max_tokens": 5})
    assert answered.status == 200, answered.body
    assert answered.body["choices"][0]["message"]["content"]


def test_a_route_goes_on_from_it_to_one_that_takes_tools(house: Installation) -> None:
    asked = {"model": "fast", "messages": [SAID], "tools": [FUNCTION]}
    answered = house.ask("POST", CHAT, asked)
    assert (answered.status, answered.body["model"]) == (200, "simulator/echo"), answered.body
    plain = house.ask("POST", CHAT, {"model": "fast", "messages": [SAID], "max_tokens": 5})
    assert (plain.status, plain.body["model"]) == (200, MODEL), plain.body


def test_a_name_that_is_not_its_own_is_unknown_with_the_likely_one(house: Installation) -> None:
    unknown = house.ask("POST", CHAT, {"model": "local/llama-70b", "messages": [SAID]})
    assert (unknown.status, unknown.body["error"]["code"]) == (404, "model_not_found")
    assert f"Did you mean '{MODEL}'?" in unknown.body["error"]["message"]
