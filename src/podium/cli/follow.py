"""Follow a turn from its beginning to its end, through as many connections as it takes."""

import time
from collections.abc import Callable, Generator

from podium.cli.client import Client, Event, Json, Refused, Unanswered
from podium.cli.target import NotServing
from podium.kit import clock, ids

TERMINAL = ("turn.completed", "turn.failed", "turn.cancelled", "turn.interrupted")

# Seconds.
_PATIENCE = 30.0
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 1.0

Find = Callable[[], Client]
"""Gives a client of the server, wherever it is now; raises NotServing where there is none."""


class Following:
    """One turn that is started by a call, and heard to its end; each event is given once.

    The call carries an idempotency key, so that it can be made again where its answer was lost.
    """

    def __init__(self, find: Find, path: str, body: Json, *, lost: Callable[[str], None]) -> None:
        """`lost` is told, once each time, that the connection broke and is sought again."""
        self._find = find
        self._path = path
        self._body = body
        self._lost = lost
        self._once = ids.new("once")
        self._seen = 0
        self.turn: str | None = None

    def events(self) -> Generator[Event, None, None]:
        """What has not been given yet, up to the terminal event.

        Raises:
            Refused: the server says no.
            Unanswered: the connection broke, and no other could be had within half a minute.
        """
        heard_at, pause = clock.monotonic(), _FIRST_PAUSE
        while True:
            try:
                for event in self._connection():
                    heard_at, pause = clock.monotonic(), _FIRST_PAUSE
                    self.turn = self.turn or event.get("turn")
                    self._seen = event["seq"]
                    yield event
                    if event["type"] in TERMINAL:
                        return
                error: Exception = Unanswered("The connection to the server broke.")
            except (Unanswered, NotServing) as broken:
                error = broken
            except Refused as refused:
                if refused.status != 503:
                    raise
                error = refused  # it is going away, or its database is
            if clock.monotonic() - heard_at > _PATIENCE:
                raise error
            if pause == _FIRST_PAUSE:
                self._lost(str(error))
            time.sleep(pause)  # noqa: TID251  # nobody shares this thread
            pause = min(2 * pause, _LONGEST_PAUSE)

    def cancel(self) -> None:
        """Ask the server to stop the turn; its end is among the events."""
        if self.turn is None:
            next(self.events(), None)  # the answer to the call was lost, and with it the turn's name
        if self.turn is not None:
            self._find().ask("POST", f"/v1/turns/{self.turn}/cancel")

    def _connection(self) -> Generator[Event, None, None]:
        if self.turn is None:
            return self._find().listen("POST", self._path, {**self._body, "stream": True}, once=self._once)
        return self._find().listen("GET", f"/v1/turns/{self.turn}/events?after={self._seen}")
