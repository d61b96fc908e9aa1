"""Server-sent events, read as the WHATWG standard has it: any chunking, any line ending, comments, a byte-order mark.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html, section 9.2.6. `id` and `retry` mean nothing to
an answer that cannot be resumed and are passed over. Two deviations: an event that the end of the stream cuts off
before its blank line is given out by `close`, since hosts forget that line; the caller knows that it may be torn. And a
line `error: {…}`, which llama.cpp's server writes, is an event named `error` with this data.
"""

from typing import NamedTuple

EVENT_BYTES = 8 << 20
"""The most that one event may hold unless told otherwise: a generated picture comes as a single event."""

_BOM = b"\xef\xbb\xbf"


class Event(NamedTuple):
    """One event: its name (empty when the host gave none) and its data."""

    name: str
    data: bytes


class EventParser:
    """Turns bytes into events as they complete.

    `too_large` says that a line or an event went beyond the limit, `garbled` that a line is no text of this format at
    all, so that an event may be lost in it; from there on no event is given out.
    """

    __slots__ = (
        "_begun",
        "_data",
        "_held",
        "_limit",
        "_name",
        "_size",
        "_skip_newline",
        "garbled",
        "too_large",
    )

    def __init__(self, limit: int = EVENT_BYTES) -> None:
        """`limit`: the most bytes that one event may hold."""
        self._limit = limit
        self._held = bytearray()
        self._data: list[bytes] = []
        self._name = ""
        self._size = 0
        self._skip_newline = False
        self._begun = False
        self.too_large = False
        self.garbled = False

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that these bytes complete; none any more once they were found to be no events."""
        if self.garbled or self.too_large:
            return []
        if self._skip_newline and chunk:
            self._skip_newline = False
            if chunk[0] == 0x0A:
                chunk = chunk[1:]
        if self._held:
            if b"\n" not in chunk and b"\r" not in chunk:
                self._hold(chunk)
                return []
            chunk = bytes(self._held) + chunk
            self._held.clear()
        lines = chunk.splitlines(keepends=True)
        last = lines[-1] if lines else b""
        if not last.endswith((b"\n", b"\r")):
            events = self._take(lines[:-1])
            self._hold(last)
            return events
        self._skip_newline = last.endswith(b"\r")
        return self._take(lines)

    @property
    def is_between(self) -> bool:
        """Whether the last event is whole and nothing of the next has come."""
        return not (self._held or self._data or self._name or self._skip_newline)

    def close(self) -> list[Event]:
        """The event that the end of the bytes has cut off, if there is one with data."""
        if self.garbled or self.too_large:
            return []
        last = bytes(self._held)
        self._held.clear()
        return self._take([last, b""] if last else [b""])

    def _hold(self, piece: bytes) -> None:
        if self._size + len(self._held) + len(piece) > self._limit:
            self.too_large = True
        else:
            self._held += piece

    def _take(self, lines: list[bytes]) -> list[Event]:
        events: list[Event] = []
        if lines and not self._begun:
            self._begun = True
            lines[0] = lines[0].removeprefix(_BOM)
        for ended in lines:
            line = ended.rstrip(b"\r\n")
            if line:
                self._line(line)
            elif self._data:
                data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
                events.append(Event(self._name, data))
                self._data, self._name, self._size = [], "", 0
            else:
                self._name = ""
            if self.too_large or self.garbled:
                break
        return events

    def _line(self, line: bytes) -> None:
        if self._size + len(line) > self._limit:
            self.too_large = True
        elif line.startswith(b"data:"):
            self._data.append(line[6:] if line.startswith(b"data: ") else line[5:])
            self._size += len(line)
        elif line.startswith(b"event:"):
            self._name = line[6:].removeprefix(b" ").decode("utf-8", "replace")
        elif line.startswith(b"error:"):
            self._name = "error"
            self._data.append(line[6:])
            self._size += len(line)
        elif line == b"data":
            self._data.append(b"")
        elif not line.startswith(b":") and not line.isascii():
            self.garbled = True
