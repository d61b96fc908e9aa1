"""One turn's events in memory: what was said, how much of it is stored, how much may be shown."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

import msgspec
from msgspec import Struct

from podium.vocabulary.event import Terminal, TurnEvent

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(TurnEvent)


class Numbered(Struct, eq=False):
    """An event with its number, from 1. `line` is its one line of JSON, which is stored and which SSE carries."""

    seq: int
    event: TurnEvent
    _line: bytes | None = None

    @property
    def line(self) -> bytes:
        """`{"seq":5,"type":"text.delta",…}`; made when it is first asked for, as fleeting events seldom are."""
        if self._line is None:
            self._line = b'{"seq":%d,%b' % (self.seq, _encoder.encode(self.event)[1:])
        return self._line


def read_lines(text: bytes, first: int) -> list[Numbered]:
    """Read stored lines back; the first is number `first`."""
    return [
        Numbered(seq, _decoder.decode(line), line) for seq, line in enumerate(text.split(b"\n"), start=first)
    ]


class Log:
    """The events of one turn in this process. `shown` of them may be seen by listeners; it never shrinks.

    `stored` is how many are known to be in the database; it shrinks when a crash of Postgres took some back. A `sealed`
    log waits for its record: what is added to it is stored, and then shown, with that alone. `unkept` is how the turn
    ended whose events the database has no more; what comes before it is not known, so it has no number.
    """

    __slots__ = (
        "_patient",
        "_waiting",
        "ended",
        "events",
        "id",
        "lost",
        "owner",
        "sealed",
        "shown",
        "stored",
        "unkept",
    )

    def __init__(self, log_id: str, owner: str, events: Sequence[Numbered] = ()) -> None:
        self.id = log_id
        self.owner = owner
        self.events = list(events)
        self.stored = self.shown = len(self.events)
        self.ended = False
        self.lost = False
        self.sealed = False
        self.unkept: Terminal | None = None
        self._waiting: list[asyncio.Future[None]] = []
        self._patient: list[asyncio.Future[None]] = []

    def append(self, event: TurnEvent) -> Numbered:
        """Add the next event; not yet shown."""
        entry = Numbered(len(self.events) + 1, event)
        self.events.append(entry)
        return entry

    def lines(self, after: int = 0) -> bytes:
        """The events after a number, a line each."""
        return b"\n".join([entry.line for entry in self.events[after:]])

    def show(self, upto: int) -> None:
        """Let listeners see the first `upto` events."""
        if upto > self.shown:
            self.shown = upto
            self._wake()

    def end(self) -> None:
        """Nothing follows any more; all of it may be seen."""
        self.ended = True
        self.shown = len(self.events)
        self._close()

    def lose(self) -> None:
        """Another process owns the turn now: what is not stored never happened."""
        self.lost = True
        self._close()

    def changed(self) -> "asyncio.Future[None]":
        """Done when something was shown, or the log ended or was lost, or storing made progress."""
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        return waiting

    def closed(self) -> "asyncio.Future[None]":
        """Done when the log has ended or was lost."""
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._patient.append(waiting)
        return waiting

    async def follow(self, after: int) -> AsyncGenerator[list[Numbered], None]:
        """The events after a number, in stretches as they may be shown, until the log has ended or was lost."""
        at = after
        while True:
            if at < self.shown:
                stretch = self.events[at : self.shown]
                at += len(stretch)
                yield stretch
            elif self.ended or self.lost:
                return
            else:
                await self.changed()

    def _close(self) -> None:
        self._waiting += self._patient
        self._patient = []
        self._wake()

    def _wake(self) -> None:
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            for each in waiting:
                if not each.done():
                    each.set_result(None)

    def progress(self, stored: int) -> None:
        """Note how many events are stored, and show them."""
        self.stored = stored
        self.shown = max(self.shown, stored)
        self._wake()
