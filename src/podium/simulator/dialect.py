"""The formats that the simulator speaks: which path belongs to which wire."""

from dataclasses import dataclass

from podium.wires.anthropic import Anthropic
from podium.wires.gemini import Gemini
from podium.wires.openai_chat import OpenAIChat
from podium.wires.wire import Wire


@dataclass(frozen=True, slots=True)
class Dialect:
    """A wire at its path; `prefix` begins the ids of its answers. Another wire is one more entry in DIALECTS."""

    path: str
    wire: Wire
    prefix: str


DIALECTS = (
    Dialect("/v1/chat/completions", OpenAIChat(), "chatcmpl"),
    Dialect("/v1/messages", Anthropic(), "msg"),
    Dialect("/v1beta/models/{model:path}:{action}", Gemini(), "resp"),
)
