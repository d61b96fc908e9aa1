"""The tool calls of one choice, out of whole entries or fragments, with or without index, id and type."""

from collections.abc import Callable

from msgspec import Raw, ValidationError

from podium.vocabulary.event import Delta, ToolCallCompleted, ToolCallDelta, ToolCallStarted
from podium.vocabulary.part import Extra
from podium.wires.openai_chat.member import NULL, Members, parse, raw

_CALL = frozenset({"id", "type"})
_CUSTOM = Raw(b'"custom"')
_INNER = frozenset({"name", "arguments", "input"})


class _Call:
    """A call in the making; it is told of as soon as its name is known."""

    __slots__ = ("at", "id", "kind", "levels", "name", "pieces", "started", "whole")

    def __init__(self, at: int) -> None:
        self.at = at
        self.id = ""
        self.name = ""
        self.kind = "function"
        self.pieces: list[str] = []
        self.levels: Members = {}
        self.started = False
        self.whole = False


class CallReader:
    """Reads the calls of one choice. `next_part` counts its parts, `carried` gives the extra that waits for a delta."""

    def __init__(
        self, choice: int, next_part: Callable[[], int], carried: Callable[[Members | None], Extra | None]
    ) -> None:
        self._choice = choice
        self._next_part = next_part
        self._carried = carried
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}
        self._legacy: _Call | None = None
        self._last: _Call | None = None

    @property
    def any(self) -> bool:
        """Whether there is a call at all; finish reasons are known to lie about it."""
        return bool(self._calls)

    def read(self, entries: list[Members], out: list[Delta], *, whole: bool) -> None:
        """The `tool_calls` of a delta, or of a whole message."""
        for entry in entries:
            custom = _is_custom(entry)
            known = _CALL | ({"custom"} if custom else {"function"}) | (set() if whole else {"index"})
            outer = {name: value for name, value in entry.items() if name not in known}
            inner = parse(entry.get("custom" if custom else "function"), Members) or {}
            call = self._new() if whole else self._of(entry, inner)
            if self._last is not None and self._last is not call:
                self._leave(self._last, out)
            self._last = call
            if not call.id:
                call.id = parse(entry.get("id"), str) or ""
            if custom and not call.started:
                call.kind = "custom"
            self._take(call, inner, outer, out)

    def read_legacy(self, inner: Members, out: list[Delta]) -> bool:
        """A `function_call`, as models were asked for before tools; False for an empty one, some hosts' filler."""
        if self._legacy is None:
            if not parse(inner.get("name"), str) and not parse(inner.get("arguments"), str):
                return False
            self._legacy = self._new()
            self._legacy.levels["legacy"] = raw(True)
        self._take(self._legacy, inner, {}, out)
        return True

    def end(self, out: list[Delta]) -> None:
        """Every call is whole."""
        for call in self._calls:
            if not call.started:
                self._start(call, out)
            if not call.whole:
                out.append(ToolCallCompleted(index=call.at, choice=self._choice))

    def _leave(self, call: _Call, out: list[Delta]) -> None:
        """A call that another follows is whole if its arguments are: this wire has no word for the end of one call.

        Some hosts go back to it, but nothing can follow an object of JSON.
        """
        if call.whole or not call.started or call.kind == "custom":
            return
        if parse(Raw("".join(call.pieces).encode("utf-8", "replace")), Members) is not None:
            call.whole = True
            out.append(ToolCallCompleted(index=call.at, choice=self._choice))

    def _of(self, entry: Members, inner: Members) -> _Call:
        """The call that a fragment belongs to: by index, else by id, else the last one.

        Some hosts give every call the index 0; a new id together with a name is a new call all the same.
        """
        index, call_id = parse(entry.get("index"), int), parse(entry.get("id"), str)
        named = bool(parse(inner.get("name"), str))
        if index is not None:
            known = self._by_index.get(index)
            if known is None or (call_id and known.id and call_id != known.id and named):
                known = self._by_index[index] = self._new()
            return known
        if call_id:
            same = next((call for call in self._calls if call.id == call_id), None)
            return same or self._new()
        if named or not self._calls:
            return self._new()
        return self._calls[-1]

    def _new(self) -> _Call:
        call = _Call(self._next_part())
        self._calls.append(call)
        return call

    def _take(self, call: _Call, inner: Members, outer: Members, out: list[Delta]) -> None:
        if not inner.keys() <= _INNER:
            call.levels["function"] = raw({k: v for k, v in inner.items() if k not in _INNER})
        if outer:
            call.levels["call"] = raw(outer)
        if not call.name:
            call.name = parse(inner.get("name"), str) or ""
        text = _arguments(inner.get("arguments"), inner.get("input"))
        if call.whole:
            if text.strip():
                raise ValidationError("more arguments of a call that had all of them")
            return
        if not call.started:
            if not call.name:
                call.pieces.append(text)
                return
            self._start(call, out)
        call.pieces.append(text)
        if text or call.levels:
            levels, call.levels = call.levels, {}
            out.append(
                ToolCallDelta(index=call.at, arguments=text, choice=self._choice, extra=self._carried(levels))
            )

    def _start(self, call: _Call, out: list[Delta]) -> None:
        call.started = True
        levels, call.levels = call.levels, {}
        out.append(
            ToolCallStarted(
                index=call.at,
                id=call.id,
                name=call.name,
                choice=self._choice,
                kind="custom" if call.kind == "custom" else "function",
                extra=self._carried(levels),
            )
        )
        if held := "".join(call.pieces):
            out.append(ToolCallDelta(index=call.at, arguments=held, choice=self._choice))


def _is_custom(entry: Members) -> bool:
    """By its type, else by what is there; a host fills a function's unused `custom` with empty values."""
    kind = entry.get("type")
    if kind is not None and kind != NULL:
        return kind == _CUSTOM
    return "custom" in entry and "function" not in entry


def _arguments(*members: Raw | None) -> str:
    """The characters of the arguments; hosts that send an object instead mean its JSON."""
    for value in members:
        if value is not None and value != NULL:
            text = parse(value, str)
            return text if text is not None else bytes(value).decode("utf-8", "replace")
    return ""
