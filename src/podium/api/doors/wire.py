"""Every dialect that is a wire's: the wire's server half around a turn."""

from urllib.parse import quote

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from podium.api.ending import ending_headers
from podium.api.errors import status_of
from podium.api.passage import Limits, passage_of
from podium.api.serve import (
    SSE,
    Headers,
    failure_of,
    send_json,
    send_stream,
    wait_spoken,
    wait_terminal,
)
from podium.api.turning import Incoming, Wishes, begun, read_incoming, read_wishes
from podium.errors import InvalidRequest, PodiumError
from podium.journal.log import Numbered
from podium.kit import ids
from podium.turn.ask import Ask
from podium.turn.turns import Turns
from podium.vocabulary.answer import Collector
from podium.vocabulary.event import AttemptStarted, Decided, Terminal, is_delta
from podium.vocabulary.request import Line, Request
from podium.wires.dialect import member_name
from podium.wires.wire import AnswerWriter, Wire

_INSTRUCTIONS = ("system", "developer")
_STRICT = "x-podium-strict"
_IN_HEADER = "!#$&'()*+/:;<=>?@[]^`{|}"
_MOST_DROPPED = 2048
_YES, _NO = (b"true", b"1", b"yes"), (b"false", b"0", b"no", b"")


class WireDoor:
    """Serves one wire's dialect.

    Args:
        answer_prefix: what this dialect's answer ids begin with, such as `chatcmpl-`.
        media: the content type of its streams.
    """

    def __init__(
        self, wire: Wire, turns: Turns, limits: Limits, *, answer_prefix: str, media: bytes = SSE
    ) -> None:
        self._wire = wire
        self._turns = turns
        self._limits = limits
        self._answer_prefix = answer_prefix
        self._media = media

    def refuse(self, status: int, error: PodiumError) -> bytes:
        """An error in this dialect."""
        return self._wire.write_error(status, error)

    def app(self) -> ASGIApp:
        """The route's handler."""
        return self._serve

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        incoming = await read_incoming(scope, receive, self._limits)
        request = self._wire.read_request(said_outside(scope, self._wire), incoming.body)
        wishes = read_wishes(request.source.members.get("x_podium") if request.source else None)
        ask = _ask(incoming, request, wishes, strict=_is_strict(scope))
        async with begun(self._turns, ask, incoming, receive, stream=request.stream) as turn:
            writing = _Writing(self._wire, request, turn.id, self._answer_prefix, self._media)
            if request.stream:
                first = await wait_spoken(turn.stretches, turn.failure)
                await send_stream(send, [*turn.headers, *_dropped(first)], first, turn.stretches, writing)
                return
            terminal, heard = await wait_terminal(turn.stretches)
            error = turn.failure(terminal)
            if error is not None:
                raise error
            headers = [*turn.headers, *_dropped(heard), *ending_headers(terminal.turn)]
            await send_json(send, 200, headers, _whole(heard, writing))


def _dropped(heard: list[Numbered]) -> Headers:
    """What the answering host's wire could not say, told in a header.

    Clients choose the names of members: what no header may hold is percent-encoded, and a long list is cut.
    """
    names = [name for entry in heard if isinstance(entry.event, Decided) for name in entry.event.dropped]
    told = ", ".join(quote(name, _IN_HEADER, errors="replace") for name in dict.fromkeys(names))
    return [(b"x-podium-dropped", told[:_MOST_DROPPED].encode())] if names else []


def _whole(heard: list[Numbered], writing: "_Writing") -> bytes:
    collector = Collector()
    for entry in heard:
        if is_delta(entry.event):
            collector.add(entry.event)
        elif isinstance(entry.event, AttemptStarted):
            writing.attempt(entry.event)
    return writing.writer().whole(collector.answer())


class _Writing:
    """Writes a turn's events as the dialect's answer, under an id that the turn's own determines."""

    def __init__(self, wire: Wire, request: Request, turn_id: str, prefix: str, media: bytes) -> None:
        self.media = media
        self.heartbeat = wire.heartbeat
        self._wire = wire
        self._request = request
        self._turn_id = turn_id
        self._prefix = prefix
        self._model = request.model
        self._writer: AnswerWriter | None = None

    def attempt(self, event: AttemptStarted) -> None:
        """Note who speaks."""
        self._model = f"{event.endpoint}/{event.model}"

    def writer(self) -> AnswerWriter:
        """The wire's writer, made when the first piece is written."""
        if self._writer is None:
            stamp = ids.stamp(self._turn_id)
            self._writer = self._wire.writer(
                self._request,
                answer_id=f"{self._prefix}{self._turn_id.partition('_')[2]}",
                created=stamp,
                model=self._model,
            )
        return self._writer

    def frame(self, entry: Numbered) -> bytes:
        """The bytes for one event."""
        event = entry.event
        if is_delta(event):
            return (self._writer or self.writer()).frame(event)
        if isinstance(event, AttemptStarted):
            self.attempt(event)
        elif isinstance(event, Terminal):
            error = failure_of(event)
            writer = self.writer()
            return writer.end() if error is None else writer.error(status_of(error), error)
        return b""


def _ask(incoming: Incoming, request: Request, wishes: Wishes, *, strict: bool) -> Ask:
    if wishes.conversation is not None:
        lines = _since_last_answer(request.lines)
        if all(line.role in _INSTRUCTIONS for line in lines):
            raise InvalidRequest(
                "Nothing is said in this conversation: the last message must be its user's, or a tool's result.",
                param=member_name(request, "lines"),
            )
        request = msgspec.structs.replace(request, lines=lines)
    return Ask(
        tenant=incoming.who.tenant,
        user=incoming.who.user,
        key=incoming.who.key,
        sees_all=incoming.who.is_admin,
        request=request,
        model=request.model or None,
        trace=incoming.passage.id,
        conversation=wishes.conversation,
        on_busy=wishes.on_busy or "enqueue",
        on_disconnect=wishes.on_disconnect
        or ("continue" if wishes.conversation or incoming.once else "cancel"),
        once=incoming.once,
        tries=incoming.tries,
        strict=strict,
    )


def _is_strict(scope: Scope) -> bool:
    """Whether a hint that would be lost is refused too.

    Raises:
        InvalidRequest: it cannot be told from the header.
    """
    name = _STRICT.encode()
    if name not in passage_of(scope).found:
        return False
    said = [value.strip().lower() for given, value in scope["headers"] if given == name]
    if any(word not in _YES and word not in _NO for word in said):
        raise InvalidRequest(f"`{_STRICT}` must be `true` or `false`.", param=_STRICT)
    return any(word in _YES for word in said)


def _since_last_answer(lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """Instructions, and what follows the last answer: the conversation itself is the memory of the rest."""
    instructions = tuple(line for line in lines if line.role in _INSTRUCTIONS)
    said = tuple(line for line in lines if line.role not in _INSTRUCTIONS)
    last = max((at for at, line in enumerate(said) if line.role == "assistant"), default=-1)
    return instructions + said[last + 1 :]


def said_outside(scope: Scope, wire: Wire) -> dict[str, str]:
    """What a dialect says outside of the body: in the path and in its own headers. No wire reads the query."""
    said = dict(scope.get("path_params", {}))
    for name in wire.headers:
        for given, value in scope["headers"]:
            if given == name.encode():
                said[name] = value.decode("latin-1")
    return said
