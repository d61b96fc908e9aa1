"""The ids of calls and of their results, as a host takes them."""

import hashlib
from collections.abc import Callable

from podium.vocabulary.part import ToolCall, ToolResult


class CallIds:
    """Ids that a host would refuse are mapped, always in the same way.

    A call without an id is given one; a result without one belongs to the first such call that has none yet, of its
    own name if it has a name.
    """

    def __init__(self, valid: Callable[[str], str]) -> None:
        """`valid`: an id as the host takes it, the same one if it does."""
        self._valid = valid
        self._count = 0
        self._waiting: list[tuple[str, str]] = []

    def of_call(self, call: ToolCall) -> str:
        """The id of a call; calls come before their results."""
        if call.id:
            return self._valid(call.id)
        self._count += 1
        made = self._valid(f"call_{self._count}")
        self._waiting.append((call.name, made))
        return made

    def of_result(self, result: ToolResult) -> str:
        """The id of the call that a result is of."""
        if result.call_id:
            return self._valid(result.call_id)
        named = [each for each in self._waiting if each[0] == result.name] or self._waiting
        if not named:
            return self._valid("call_unknown")
        self._waiting.remove(named[0])
        return named[0][1]


def digest(call_id: str, length: int) -> str:
    """So many hexadecimal digits that stand for an id."""
    return hashlib.sha256(call_id.encode()).hexdigest()[:length]
