"""How many tokens a request would be, in the dialects that ask."""

from collections.abc import Callable

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from podium.api.doors.wire import said_outside
from podium.api.passage import Limits
from podium.api.serve import Headers, send_json
from podium.api.turning import read_incoming
from podium.app.count import Counted, Counter
from podium.wires.wire import Wire

METHOD = "x-podium-counting-method"
FAILURE = "x-podium-counting-failure"


class Counting:
    """Counts the tokens of a request of one wire's dialect, and says in a header whose count it is.

    Args:
        told: the answer's members for a number of tokens, as the dialect has them.
    """

    def __init__(
        self, wire: Wire, counter: Counter, limits: Limits, *, told: Callable[[int], dict[str, object]]
    ) -> None:
        self._wire = wire
        self._counter = counter
        self._limits = limits
        self._told = told

    def app(self) -> ASGIApp:
        """The route's handler."""
        return self._serve

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        incoming = await read_incoming(scope, receive, self._limits)
        said = {**said_outside(scope, self._wire), "method": "count_tokens"}
        request = self._wire.read_request(said, incoming.body)
        counted = await self._counter.count(request, trace=incoming.passage.id)
        await send_json(send, 200, _headers(counted), self._body(counted))

    def _body(self, counted: Counted) -> bytes:
        """The host's own words where it speaks the client's dialect."""
        if counted.wire == self._wire.name:
            return counted.body
        return msgspec.json.encode(self._told(counted.tokens))


def _headers(counted: Counted) -> Headers:
    headers = [(METHOD.encode(), counted.method.encode())]
    if counted.failure is not None:
        headers.append((FAILURE.encode(), counted.failure.encode()))
    return headers
