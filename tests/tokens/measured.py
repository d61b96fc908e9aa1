"""What recorded requests were billed: the request as its wire reads it, and the tokens that its host counted."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from podium.catalogue.profile import Profile
from podium.errors import InvalidRequest, ProviderError
from podium.vocabulary.event import UsageSeen
from podium.vocabulary.request import Request
from podium.vocabulary.usage import Usage
from podium.wires.anthropic import Anthropic
from podium.wires.gemini import Gemini
from podium.wires.openai_chat import OpenAIChat
from podium.wires.wire import Wire
from tests.wires import recorded
from tests.wires.gemini import recorded as gemini_recorded


@dataclass(frozen=True)
class Measured:
    """One recorded request and the `usage` that its host told."""

    name: str
    provider: str
    profile: Profile
    request: Request
    usage: Usage

    @property
    def billed(self) -> int:
        """All tokens that the host counted as the prompt's own, before any tool of its own ran."""
        return self.usage.input_total - self.usage.tool_use

    @property
    def is_closed(self) -> bool:
        """Whether the host read no more than it was sent: no tool of its own, nothing behind a link or an id."""
        hosted = any(tool.kind == "hosted" for tool in self.request.tools)
        return not hosted and b'"file_id"' not in _whole(self.request)


def _whole(request: Request) -> bytes:
    return msgspec.json.encode(request.lines)


def measured(root: Path) -> Iterator[Measured]:
    """Every recorded request of the three wires whose host told what it counted."""
    for api, wire in (("openai.chat", OpenAIChat()), ("anthropic.messages", Anthropic())):
        for each in recorded.recordings(root, api):
            if each.request is not None and each.status == 200:
                yield from _read(wire, each, str(each.request.get("model", "")), {})
    for one in gemini_recorded.recordings(root):
        if one.request is not None and one.status == 200:
            yield from _read(Gemini(), one, one.model, {"model": one.model, "action": one.action})


def _read(wire: Wire, each: Any, model: str, path: dict[str, str]) -> Iterator[Measured]:
    """Nothing, where the wire refuses the request or the answer tells no usage."""
    try:
        request = wire.read_request(path, msgspec.json.encode(each.request))
        usage = _usage(wire, each.body)
    except (InvalidRequest, ProviderError):
        return
    if usage is not None and usage.input_total:
        yield Measured(each.name, each.provider, Profile(each.provider, model), request, usage)


def _usage(wire: Wire, body: bytes) -> Usage | None:
    reader = wire.reader("")
    deltas = list(reader.feed(body))
    while more := reader.close():
        deltas.extend(more)
    seen = [delta.usage for delta in deltas if isinstance(delta, UsageSeen)]
    return seen[-1] if seen else None
