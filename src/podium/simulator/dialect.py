"""The formats that the simulator speaks: which path belongs to which wire."""

from dataclasses import dataclass

from podium.wires.anthropic import Anthropic
from podium.wires.gemini import Gemini
from podium.wires.openai_chat import OpenAIChat
from podium.wires.wire import Wire


@dataclass(frozen=True, slots=True)
class Dialect:
    """A wire at its path; `prefix` begins the ids of its answers. Another wire is one more entry in DIALECTS.

    `counted` is the member that tells a count of tokens, where the wire has a question for it.
    """

    path: str
    wire: Wire
    prefix: str
    counted: str = ""


_COUNTS = ("/count_tokens", ":countTokens")


def asks_for_count(path: str) -> bool:
    """Whether a call of this path wants a count of tokens in place of an answer."""
    return path.endswith(_COUNTS)


DIALECTS = (
    Dialect("/v1/chat/completions", OpenAIChat(), "chatcmpl"),
    Dialect("/v1/messages", Anthropic(), "msg"),
    Dialect("/v1/messages/count_tokens", Anthropic(), "msg", "input_tokens"),
    Dialect("/{version}/models/{model:path}:{action}", Gemini(), "resp", "totalTokens"),
)
