"""Put together what is sent: instructions, what was said, what is said now."""

from collections.abc import Sequence

import msgspec

from podium.context.history import fitting
from podium.vocabulary.part import Text
from podium.vocabulary.request import Line, Request

_GO_ON = Line(
    role="user",
    parts=(
        Text(
            "Continue your last message exactly where it broke off. Do not repeat what you have already said."
        ),
    ),
)


def compose(request: Request, history: Sequence[Line], window: int, *, continues: bool = False) -> Request:
    """The request of a conversation's turn. `history` ends with the turn's own input.

    Instructions (system and developer lines at the head of `request`) come first and always stay. A turn that continues
    a broken one asks for that in a line that is sent, never stored.
    """
    instructions = []
    for line in request.lines:
        if line.role not in ("system", "developer"):
            break
        instructions.append(line)
    said = fitting(history, window, reserved=request.sampling.max_output or 0)
    asked = (_GO_ON,) if continues and said and said[-1].role == "assistant" else ()
    return msgspec.structs.replace(request, lines=(*instructions, *said, *asked))
