"""Put together what is sent: instructions, what was said, what is said now."""

from collections.abc import Sequence

import msgspec

from podium.context.history import fitting
from podium.errors import InvalidRequest
from podium.vocabulary.part import Reasoning, Text, ToolResult
from podium.vocabulary.request import Line, Request
from podium.wires.dialect import member_name

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
    a broken one asks for that in a line that is sent, never stored; where that had only thought, it begins again.

    Raises:
        InvalidRequest: it gives a tool's result, and there is no such call just before.
    """
    instructions = []
    for line in request.lines:
        if line.role not in ("system", "developer"):
            break
        instructions.append(line)
    said = fitting(history, window, reserved=request.sampling.max_output or 0)
    given = len(request.lines) - len(instructions)
    _check_answered(history[len(history) - given :], said, request)
    if continues and said and said[-1].role == "assistant":
        has_spoken = any(not isinstance(part, Reasoning) for part in said[-1].parts)
        said = (*said, _GO_ON) if has_spoken else said[:-1]
    return msgspec.structs.replace(request, lines=(*instructions, *said))


def _check_answered(given: Sequence[Line], said: Sequence[Line], request: Request) -> None:
    """What lacks its call is left out, but must not be what was just given: the host would be asked something else."""
    sent = {id(part) for line in said for part in line.parts}
    for line in given:
        for part in line.parts:
            if isinstance(part, ToolResult) and id(part) not in sent:
                raise InvalidRequest(
                    f"There is no open call {part.call_id!r} in this conversation.",
                    param="input" if request.source is None else member_name(request, "lines"),
                    hint="Give the results of all calls in the request that follows them, under their ids.",
                )
