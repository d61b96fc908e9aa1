"""Put together what is sent: instructions, what was said, what is said now."""

from collections.abc import Sequence

import msgspec

from podium.context.history import exchanges, fitting
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
        InvalidRequest: it gives the result of no call of the answer just before, or not those of all its calls.
    """
    instructions = []
    for line in request.lines:
        if line.role not in ("system", "developer"):
            break
        instructions.append(line)
    said = fitting(history, window, reserved=request.sampling.max_output or 0)
    given = 1 if continues else len(request.lines) - len(instructions)
    _check_answered(history[len(history) - given :], history, request)
    if continues and said and said[-1].role == "assistant":
        has_spoken = any(not isinstance(part, Reasoning) for part in said[-1].parts)
        said = (*said, _GO_ON) if has_spoken else said[:-1]
    return msgspec.structs.replace(request, lines=(*instructions, *said))


def _check_answered(given: Sequence[Line], history: Sequence[Line], request: Request) -> None:
    """Calls and results that lack each other are left out, but not now: the host would be asked something else."""
    results = [part for line in given for part in line.parts if isinstance(part, ToolResult)]
    answered = [exchange for exchange in exchanges(history) if exchange] if results else []
    for result in results:
        calls = next((each for each in answered if any(found is result for _, found in each)), None)
        if calls is None:
            raise _refused(
                request, f"There is no open call {result.call_id or result.name!r} in this conversation."
            )
        missing = [f"{call.id!r} ({call.name})" for call, found in calls if found is None]
        if missing:
            raise _refused(request, f"The last answer's calls have no result yet: {', '.join(missing)}.")


def _refused(request: Request, message: str) -> InvalidRequest:
    return InvalidRequest(
        message,
        param="input" if request.source is None else member_name(request, "lines"),
        hint="Give the results of all calls in the request that follows them, under their ids.",
    )
