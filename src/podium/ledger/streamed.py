"""What came of an answer, as it is counted here: at least that is owed, whatever becomes of the host's own count."""

import logging
from dataclasses import dataclass

from msgspec.structs import replace

from podium.tokens.count import count_text
from podium.vocabulary.cost import CountingMethod
from podium.vocabulary.usage import Usage

_log = logging.getLogger(__name__)

_MOST_CREDIBLE = 10_000_000  # tokens of a kind in one call: many times any window


@dataclass(frozen=True, slots=True)
class Streamed:
    """All that was said: `words` are texts, refusals and what calls were given; `thoughts` may have a price apart."""

    words: str = ""
    thoughts: str = ""

    def __bool__(self) -> bool:
        return bool(self.words or self.thoughts)


async def count_streamed(streamed: Streamed, model: str) -> tuple[Usage, CountingMethod]:
    """Its tokens, and how its words were counted; thoughts are framed in ways that nobody tells."""
    words = await count_text(streamed.words, model)
    thoughts = await count_text(streamed.thoughts, model)
    return Usage(output=words.tokens, reasoning=thoughts.tokens), words.method


def is_credible(usage: Usage) -> bool:
    """Whether a host means it: a count of nothing at all is none, and beyond every window it is mistaken."""
    if usage.capped(_MOST_CREDIBLE) != usage:
        _log.warning("usage.not_credible", extra={"usage": repr(usage)})
        return False
    return usage != Usage()


def went_on(usage: Usage, came: Usage) -> Usage:
    """A host's count from the middle of a stream, with as much more as came by our own."""
    missing = max(came.output_total - usage.output_total, 0)
    thoughts = min(max(came.reasoning - usage.reasoning, 0), missing)
    return replace(usage, output=usage.output + missing - thoughts, reasoning=usage.reasoning + thoughts)
