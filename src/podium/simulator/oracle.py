"""What the simulator truly served: one line for each call, the truth that ledgers are held against.

The count is the simulator's own and goes by what it sent, not by what it told: a call that was cut off is counted up to
the cut, a refused one not at all, whatever usage the answer claimed.
"""

import json
from collections import deque
from dataclasses import dataclass, field, fields
from typing import Literal

from podium.kit import clock
from podium.simulator.option import Options
from podium.vocabulary.usage import Usage

Ended = Literal["complete", "cut", "fault", "refused", "client_gone"]


@dataclass(slots=True)
class Served:
    """One call. `number` counts from 1; times are of day, durations in seconds.

    `signed` is how many of this host's own signatures it brought back.

    `input`, `cached_input`, `output` and `reasoning` are the tokens really used, in buckets that do not overlap.

    `ended`: `complete`, `cut` (its last bytes never left), `fault` (something went wrong, and yet it was sent to its
    end), `refused` (an error status; nothing used) or `client_gone`.
    """

    number: int
    path: str
    attempt: str | None
    id: str | None = None
    model: str | None = None
    stream: bool = False
    said: str = ""
    fault: str | None = None
    status: int | None = None
    ended: Ended | None = None
    input: int = 0
    cached_input: int = 0
    output: int = 0
    reasoning: int = 0
    chunks: int = 0
    characters: int = 0
    signed: int = 0
    bytes: int = 0
    started_at: str = field(default_factory=lambda: clock.rfc3339(clock.now()))
    first_byte_after: float | None = None
    ended_after: float | None = None
    began: float = field(default_factory=clock.monotonic, repr=False)

    def elapsed(self) -> float:
        """Seconds since the call came in."""
        return round(clock.monotonic() - self.began, 6)

    @property
    def usage(self) -> Usage:
        """The buckets, as the vocabulary has them."""
        return Usage(
            input=self.input, cached_input=self.cached_input, output=self.output, reasoning=self.reasoning
        )

    def members(self) -> dict[str, object]:
        """The call as JSON members."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.name != "began"}


class Oracle:
    """Keeps the last calls and writes every one to the file, if there is one, as it ends."""

    def __init__(self, options: Options) -> None:
        self._calls: deque[Served] = deque(maxlen=options.remembered)
        self._running: dict[int, Served] = {}
        self._number = 0
        self._file = options.oracle.open("a", encoding="utf-8", buffering=1) if options.oracle else None

    def begin(self, path: str, attempt: str | None) -> Served:
        """A call has come in."""
        self._number += 1
        served = self._running[self._number] = Served(self._number, path, attempt)
        return served

    def end(self, served: Served, ended: Ended) -> None:
        """The call is over; once ended it stays as it is."""
        if self._running.pop(served.number, None) is None:
            return
        served.ended = ended
        served.ended_after = served.elapsed()
        self._calls.append(served)
        if self._file is not None:
            self._file.write(json.dumps(served.members()) + "\n")

    @property
    def calls(self) -> tuple[Served, ...]:
        """The calls that have ended, in that order."""
        return tuple(self._calls)

    @property
    def running(self) -> tuple[Served, ...]:
        """The calls that are being answered."""
        return tuple(self._running.values())

    def report(self, after: int = 0) -> dict[str, object]:
        """What `GET /oracle` says, of calls numbered beyond `after`."""
        return {
            "in_flight": len(self._running),
            "running": [each.members() for each in self._running.values()],
            "calls": [each.members() for each in self._calls if each.number > after],
        }

    def forget(self) -> None:
        """Drop the calls that have ended."""
        self._calls.clear()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
