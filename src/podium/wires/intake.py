"""The bytes of an answer, told apart by how they begin: one JSON document, or server-sent events."""

from podium.errors import Garbled
from podium.wires.sse import Event, EventParser

_SPACE = b" \t\r\n\xef\xbb\xbf"


class Intake:
    """Takes bytes in whatever pieces they come. `document` holds those of a document; None while it may be none."""

    __slots__ = ("_body_bytes", "_decided", "_event_bytes", "_events", "_undecided", "document", "fault")

    def __init__(self, *, event_bytes: int, body_bytes: int) -> None:
        """`event_bytes`, `body_bytes`: the most that one event or one whole document may hold."""
        self.document: bytearray | None = None
        self.fault: Garbled | None = None
        self._event_bytes, self._body_bytes = event_bytes, body_bytes
        self._events = EventParser(event_bytes)
        self._undecided = b""
        self._decided = False

    @property
    def any(self) -> bool:
        """Whether anything but white space has come."""
        return self._decided

    def feed(self, data: bytes) -> list[Event]:
        """The events that these bytes complete; what is wrong with the bytes behind them stands in `fault`."""
        if not self._decided:
            data = self._decide(data)
        if self.document is not None:
            self._gather(data)
            return []
        if not data or self.fault is not None:
            return []
        events = self._events.feed(data)
        if self._events.too_large:
            self.fault = Garbled(f"The model's host sent an event of more than {self._event_bytes} bytes.")
        elif self._events.garbled:
            self.fault = Garbled("The model's host sent bytes that are no server-sent events.")
        return events

    def close(self) -> list[Event]:
        """The event that the end of the bytes has cut off before its blank line; it may be torn."""
        return [] if self.document is not None else self._events.close()

    def _decide(self, data: bytes) -> bytes:
        self._undecided += data
        first = self._undecided.lstrip(_SPACE)[:1]
        if not first:
            return b""
        data, self._undecided, self._decided = self._undecided, b"", True
        if first in b"{[":
            self.document = bytearray()
            return data.lstrip(_SPACE)
        return data

    def _gather(self, data: bytes) -> None:
        assert self.document is not None  # noqa: S101 - the caller asked; this tells the type checker
        if len(self.document) + len(data) > self._body_bytes:
            self.fault = Garbled(f"The model's host sent an answer of more than {self._body_bytes} bytes.")
        else:
            self.document += data
