"""Why an answer ended, in this dialect's words and back.

Source: https://ai.google.dev/api/generate-content#FinishReason; the numbers are those of Vertex AI, whose hosts can
tell enumerations so (`$alt=json;enum-encoding=int`).
"""

from msgspec import Raw

from podium.vocabulary.event import FinishReason
from podium.wires.finish import foreign_word
from podium.wires.member import parse, raw

_REASONS: dict[str, FinishReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
}
_NUMBERS = (
    "FINISH_REASON_UNSPECIFIED",
    "STOP",
    "MAX_TOKENS",
    "SAFETY",
    "RECITATION",
    "OTHER",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "MALFORMED_FUNCTION_CALL",
    "MODEL_ARMOR",
)
_WORDS: dict[FinishReason, str] = {
    "stop": "STOP",
    "length": "MAX_TOKENS",
    "tool_calls": "STOP",
    "content_filter": "SAFETY",
}
_PLAIN = ("STOP", "MAX_TOKENS")
UNSPECIFIED = _NUMBERS[0]


def word_of(value: Raw) -> str | None:
    """The word of a `finishReason`, also where it came as a number; None where the answer has not ended by it."""
    word = parse(value, str)
    if word is None:
        number = parse(value, int)
        if number is None:
            return None
        word = _NUMBERS[number] if 0 <= number < len(_NUMBERS) else str(number)
    return None if word in ("", UNSPECIFIED) else word


def reason_of(word: str, *, has_calls: bool) -> tuple[FinishReason, str | None]:
    """The reason, and the word where the reason does not tell it. Hosts say `STOP` of calls, and worse."""
    reason = _REASONS.get(word, "other")
    if has_calls and reason in ("stop", "other"):
        reason = "tool_calls"
    return reason, None if word in _PLAIN else word


def word_for(reason: FinishReason, word: str | None = None) -> Raw:
    """The `finishReason` for a reason of ours; for one that the vocabulary has no name for, the host's own `word`."""
    return raw(_WORDS.get(reason) or foreign_word(word).upper())
