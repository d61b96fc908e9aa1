"""Requests of other dialects, sent to a host that speaks OpenAI's chat completions."""

import base64
import json
from typing import Any

from podium.catalogue.endpoint import Endpoint
from podium.catalogue.profile import Profile
from podium.vocabulary.request import Request
from podium.wires.anthropic import Anthropic
from podium.wires.gemini import Gemini
from podium.wires.openai_chat import OpenAIChat

WIRE = OpenAIChat()
ENDPOINT = Endpoint(name="e", wire="openai_chat", base_url="http://e.invalid")
PROFILE = Profile("e", "m")
BASE64 = base64.b64encode(b"bytes").decode()
PDF = base64.b64encode(b"%PDF-1.7").decode()
Json = dict[str, Any]


def request_of(dialect: str, members: Json, headers: dict[str, str] | None = None) -> Request:
    if dialect == "anthropic":
        usual: Json = {"model": "c", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
        return Anthropic().read_request(headers or {}, json.dumps(usual | members).encode())
    usual = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
    return Gemini().read_request({"model": "g"}, json.dumps(usual | members).encode())


def sent(
    dialect: str, members: Json, headers: dict[str, str] | None = None, profile: Profile = PROFILE
) -> tuple[Json, tuple[str, ...]]:
    """What the host is asked, and what was dropped."""
    outgoing = WIRE.write_request(request_of(dialect, members, headers), profile, ENDPOINT)
    return json.loads(outgoing.body), outgoing.dropped


def said(role: str, *blocks: Json) -> Json:
    """An Anthropic conversation of one message."""
    return {"messages": [{"role": role, "content": list(blocks)}]}


def told(role: str, *parts: Json) -> Json:
    """A Gemini conversation of one content."""
    return {"contents": [{"role": role, "parts": list(parts)}]}


def configured(**config: Any) -> Json:
    return {"generationConfig": config}
