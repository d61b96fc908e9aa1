"""Why an answer ended: the words of this wire and the vocabulary's."""

from podium.vocabulary.event import FinishReason
from podium.wires.finish import foreign_word

_READ: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
_WRITTEN: dict[FinishReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}


def read_reason(word: str) -> FinishReason:
    """What a `stop_reason` means; `pause_turn` and words yet to come are `other`."""
    return _READ.get(word, "other")


def write_reason(reason: FinishReason, word: str | None = None) -> str:
    """The `stop_reason` for a reason; for one that the vocabulary has no name for, the host's own `word`."""
    return _WRITTEN.get(reason) or foreign_word(word)
