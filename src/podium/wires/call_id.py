"""The ids of calls and of their results, as a host takes them, and which result is of which call."""

import hashlib
from collections.abc import Callable, Iterable, Iterator

from podium.vocabulary.part import Part, ToolCall, ToolResult
from podium.vocabulary.request import Line

_UNKNOWN = "call_unknown"


def paired(parts: Iterable[Part]) -> Iterator[tuple[ToolResult, ToolCall | None]]:
    """Each result of a conversation, in order, and the call that it is of, which comes before it; no call has two.

    A result with an id belongs to the call of that id. One without belongs to the first call of its name that waits
    for a result; if there is none, and no other result that came with it has a better right, to the first that waits.
    """
    waiting: list[ToolCall] = []
    together: list[ToolResult] = []
    for part in parts:
        if isinstance(part, ToolResult):
            together.append(part)
        elif isinstance(part, ToolCall):
            yield from _settled(together, waiting)
            together = []
            waiting.append(part)
    yield from _settled(together, waiting)


def _settled(results: list[ToolResult], waiting: list[ToolCall]) -> list[tuple[ToolResult, ToolCall | None]]:
    found: list[ToolCall | None] = [None] * len(results)
    for fits in (_by_id, _by_name, _by_order):
        for at, result in enumerate(results):
            if found[at] is None:
                place = next((each for each, call in enumerate(waiting) if fits(call, result)), None)
                found[at] = None if place is None else waiting.pop(place)
    return list(zip(results, found, strict=True))


def _by_id(call: ToolCall, result: ToolResult) -> bool:
    return bool(result.call_id) and call.id == result.call_id


def _by_name(call: ToolCall, result: ToolResult) -> bool:
    return not result.call_id and call.name == result.name


def _by_order(call: ToolCall, result: ToolResult) -> bool:  # noqa: ARG001 - any call will do
    return not result.call_id


class CallIds:
    """Ids that a host would refuse are mapped, always in the same way; a call without an id is given one."""

    def __init__(self, lines: Iterable[Line], valid: Callable[[str], str]) -> None:
        """`lines`: the whole conversation; `valid`: an id as the host takes it, the same one if it does."""
        self._valid = valid
        parts = [part for line in lines for part in line.parts]
        idless = (part for part in parts if isinstance(part, ToolCall) and not part.id)
        self._made = {id(call): f"call_{number}" for number, call in enumerate(idless, 1)}
        self._calls = {id(result): call for result, call in paired(parts)}

    def of_call(self, call: ToolCall) -> str:
        """The id of a call of the conversation."""
        return self._valid(call.id or self._made.get(id(call), _UNKNOWN))

    def of_result(self, result: ToolResult) -> str:
        """The id of the call that a result of the conversation is of."""
        if result.call_id:
            return self._valid(result.call_id)
        call = self._calls.get(id(result))
        return self._valid(_UNKNOWN) if call is None else self.of_call(call)


def digest(call_id: str, length: int) -> str:
    """So many hexadecimal digits that stand for an id."""
    return hashlib.sha256(call_id.encode()).hexdigest()[:length]
