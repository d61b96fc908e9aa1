"""Which dialect a request speaks where its path alone does not tell."""

from collections.abc import Callable, Mapping
from typing import Literal
from urllib.parse import parse_qs

from podium.api.passage import Refuse, Scope

Speech = Literal["openai_chat", "anthropic", "gemini"]
Refusing = Mapping[str, Refuse]
"""How each dialect says an error, by the name of its wire."""

_PLACES: tuple[tuple[str, Speech], ...] = (
    ("/v1beta/", "gemini"),
    ("/v1alpha/", "gemini"),
    ("/v1/messages/", "anthropic"),
    ("/v1/chat/", "openai_chat"),
)


def speech_of(scope: Scope) -> Speech | None:
    """The dialect whose clients send such headers: Google's bring their key in their own way, Anthropic's a version."""
    names = {name for name, _ in scope["headers"]}
    query = scope["query_string"]
    if b"x-goog-api-key" in names or (b"key=" in query and parse_qs(query.decode("latin-1")).get("key")):
        return "gemini"
    return "anthropic" if b"anthropic-version" in names else None


def refusing_astray(refusing: Refusing) -> Callable[[Scope], Refuse | None]:
    """How to say that there is no such path to a client that speaks a dialect; None is natively."""

    def refuse(scope: Scope) -> Refuse | None:
        place = scope["path"] + "/"
        speech = next((each for start, each in _PLACES if place.startswith(start)), None) or speech_of(scope)
        return None if speech is None else refusing[speech]

    return refuse
