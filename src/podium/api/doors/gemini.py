"""Gemini's dialect says in its path what to do and in its query how: this finds the right one of its doors."""

from urllib.parse import parse_qs

from starlette.types import ASGIApp, Receive, Scope, Send

from podium.api.doors.counting import Counting
from podium.api.doors.wire import WireDoor
from podium.api.passage import Limits
from podium.app.count import Counter
from podium.errors import Unknown
from podium.turn.turns import Turns
from podium.wires.gemini import Gemini

ACTIONS = ("generateContent", "streamGenerateContent", "countTokens")


class GeminiDoor:
    """`POST /{version}/models/{model}:{action}`."""

    def __init__(self, turns: Turns, counter: Counter, limits: Limits) -> None:
        wire = Gemini()
        self._events = WireDoor(wire, turns, limits, answer_prefix="")
        self._list = WireDoor(
            Gemini(as_list=True), turns, limits, answer_prefix="", media=b"application/json; charset=utf-8"
        )
        self._counting = Counting(wire, counter, limits, told=lambda tokens: {"totalTokens": tokens})
        self.refuse = self._events.refuse

    def app(self) -> ASGIApp:
        """The routes' handler."""
        return self._serve

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._door(scope)(scope, receive, send)

    def _door(self, scope: Scope) -> ASGIApp:
        action = scope["path_params"]["action"]
        if action not in ACTIONS:
            raise Unknown("There is no such method of a model.", hint=f"There are {', '.join(ACTIONS)}.")
        if action == "countTokens":
            return self._counting.app()
        query = parse_qs(scope["query_string"].decode("latin-1"))
        as_events = action == "generateContent" or query.get("alt") == ["sse"]
        return (self._events if as_events else self._list).app()
