"""Podium's own dialect: a conversation's turns, as JSON or as their numbered events."""

import re
from typing import Annotated, Literal, TypeVar, get_args

import msgspec
from msgspec import Meta, Struct
from starlette.types import ASGIApp, Receive, Scope, Send

from podium.api.accept import prefers_events
from podium.api.ending import ending_headers
from podium.api.passage import Limits
from podium.api.serve import (
    SSE,
    send_json,
    send_stream,
    wait_terminal,
)
from podium.api.turning import Incoming, begun, read_incoming
from podium.errors import Conflict, InvalidRequest
from podium.journal.log import Numbered
from podium.kit import ids
from podium.store.database import Database
from podium.turn import queries
from podium.turn.ask import Ask, OnBusy, OnDisconnect
from podium.turn.turns import Turns
from podium.vocabulary.event import TurnEvent, TurnFailed, TurnReport
from podium.vocabulary.part import Audio, Document, Image, Part, Text, ToolResult, Video
from podium.vocabulary.request import Line, Request, Sampling
from podium.wires.demand import members_of

Given = TypeVar("Given")
GivenPart = Text | Image | Audio | Video | Document | ToolResult
Name = Annotated[str, Meta(min_length=1, max_length=256)]


class TurnGiven(Struct, frozen=True, forbid_unknown_fields=True):
    """A new turn: what is said, and how to answer. What is null is not given."""

    input: str | Annotated[tuple[GivenPart, ...], Meta(min_length=1, max_length=1000)]
    model: Name | None = None
    stream: bool | None = None
    on_busy: OnBusy | None = "enqueue"
    on_disconnect: OnDisconnect | None = "continue"
    instructions: str | None = None
    max_output_tokens: Annotated[int, Meta(ge=1, le=10_000_000)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    stop: Annotated[tuple[str, ...], Meta(max_length=16)] | None = ()
    seed: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None = None


class ContinueGiven(Struct, frozen=True, forbid_unknown_fields=True):
    """How to go on with a turn that broke off."""

    model: Name | None = None
    stream: bool | None = None
    on_disconnect: OnDisconnect | None = "continue"


_turn_given = msgspec.json.Decoder(TurnGiven)
_continue_given = msgspec.json.Decoder(ContinueGiven)
_encoder = msgspec.json.Encoder()
_MEMBER = re.compile("(?:missing required|contains unknown) field `(.*)`", re.DOTALL)
"""How msgspec names a member that an object lacks, or has too much."""

_CONTINUABLE = ("interrupted", "failed", "cancelled")


class EventFrames:
    """Events as the native stream carries them: `id:` the number, `event:` the type, `data:` the JSON."""

    media = SSE
    heartbeat = b": ping\n\n"

    def frame(self, entry: Numbered) -> bytes:
        """One SSE event."""
        return b"id: %d\nevent: %b\ndata: %b\n\n" % (entry.seq, type_of(entry.event), entry.line)


def type_of(event: TurnEvent) -> bytes:
    """The event's type, as its tag says it."""
    return _TYPES[type(event)]


_TYPES = {kind: str(kind.__struct_config__.tag).encode() for kind in get_args(TurnEvent)}


class NativeDoor:
    """`POST /v1/conversations/{id}/turns` and `POST /v1/turns/{id}/continue`."""

    def __init__(self, turns: Turns, database: Database, limits: Limits) -> None:
        self._turns = turns
        self._database = database
        self._limits = limits

    def start(self) -> ASGIApp:
        """The handler that starts a turn."""
        return self._start

    def go_on(self) -> ASGIApp:
        """The handler that continues a broken one."""
        return self._continue

    async def _start(self, scope: Scope, receive: Receive, send: Send) -> None:
        incoming = await read_incoming(scope, receive, self._limits)
        given = decoded(_turn_given, incoming.body)
        conversation_id = scope["path_params"]["id"]
        if not ids.is_id("conv", conversation_id):
            conversation_id = ids.nobody("conv")
        stream = wants_stream(scope, given.stream)
        await self._answer(_asked(incoming, given, conversation_id), incoming, (receive, send), stream=stream)

    async def _continue(self, scope: Scope, receive: Receive, send: Send) -> None:
        incoming = await read_incoming(scope, receive, self._limits)
        given = decoded(_continue_given, incoming.body or b"{}")
        stream = wants_stream(scope, given.stream)
        ask = await self._continuing(incoming, given, scope["path_params"]["id"], stream=stream)
        await self._answer(ask, incoming, (receive, send), stream=stream)

    async def _continuing(
        self, incoming: Incoming, given: ContinueGiven, turn_id: str, *, stream: bool
    ) -> Ask:
        who = incoming.who
        broken = (await self._turns.get(turn_id, tenant=who.tenant, user=who.only_user)).report
        if broken.conversation_id is None:
            raise Conflict("A stateless turn cannot be continued.", hint="Send its messages again.")
        cut = broken.status == "completed" and broken.finish_reason == "length"
        if broken.status not in _CONTINUABLE and not cut:
            raise Conflict(f"A turn that is {broken.status} cannot be continued.")
        ask = await queries.get_ask(
            self._database, turn_id, tenant=who.tenant, user=who.user, conversation=broken.conversation_id
        )
        instructions = ask.request.lines[: len(ask.request.lines) - len(ask.input)]
        request = msgspec.structs.replace(ask.request, lines=instructions, stream=stream)
        return Ask(
            tenant=who.tenant,
            user=who.user,
            key=who.key,
            sees_all=who.is_admin,
            request=request,
            model=given.model or ask.model,
            trace=incoming.passage.id,
            conversation=broken.conversation_id,
            on_busy="reject",
            on_disconnect=given.on_disconnect or "continue",
            once=incoming.once,
            tries=incoming.tries,
            continues=broken.id,
        )

    async def _answer(
        self, ask: Ask, incoming: Incoming, ends: tuple[Receive, Send], *, stream: bool
    ) -> None:
        receive, send = ends
        async with begun(self._turns, ask, incoming, receive, stream=stream) as turn:
            if stream:
                await send_stream(send, turn.headers, [], turn.stretches, EventFrames())
                return
            terminal, _ = await wait_terminal(turn.stretches)
            if isinstance(terminal, TurnFailed) and (error := turn.failure(terminal)) is not None:
                raise error
            headers = [*turn.headers, *ending_headers(terminal.turn)]
            await send_json(send, 200, headers, _encoder.encode(terminal.turn))


def encode_report(report: TurnReport) -> bytes:
    """A turn as JSON."""
    return _encoder.encode(report)


def decoded(decoder: msgspec.json.Decoder[Given], body: bytes) -> Given:
    """A body read by its shape.

    Raises:
        InvalidRequest: it has another; names the member.
    """
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        members_of(body)  # says what is no JSON object, and why
        told, _, at = str(error).partition(" - at `$")
        named = _MEMBER.search(told)
        place = [at.strip("`."), "" if named is None else named[1]]
        raise InvalidRequest(told + ".", param=".".join(filter(None, place)) or None) from None


def wants_stream(scope: Scope, given: bool | None) -> bool:
    """Whether the answer is to come in pieces: as the body says, else as the header `accept` does."""
    if given is not None:
        return given
    return prefers_events(b",".join(value for name, value in scope["headers"] if name == b"accept"))


def _asked(incoming: Incoming, given: TurnGiven, conversation_id: str) -> Ask:
    parts: tuple[Part, ...] = (Text(given.input),) if isinstance(given.input, str) else given.input
    role: Literal["user", "tool"] = "tool" if all(isinstance(part, ToolResult) for part in parts) else "user"
    instructions = (Line(role="system", parts=(Text(given.instructions),)),) if given.instructions else ()
    return Ask(
        tenant=incoming.who.tenant,
        user=incoming.who.user,
        key=incoming.who.key,
        sees_all=incoming.who.is_admin,
        request=Request(
            model=given.model or "",
            lines=(*instructions, Line(role=role, parts=parts)),
            sampling=Sampling(
                max_output=given.max_output_tokens,
                temperature=given.temperature,
                top_p=given.top_p,
                stop=given.stop or (),
                seed=given.seed,
            ),
            stream=True,
            include_usage=True,
        ),
        model=given.model,
        trace=incoming.passage.id,
        conversation=conversation_id,
        on_busy=given.on_busy or "enqueue",
        on_disconnect=given.on_disconnect or "continue",
        once=incoming.once,
        tries=incoming.tries,
    )
