"""What a caller wants of a turn: the question, where it belongs, and how to behave about it."""

from dataclasses import dataclass
from typing import Literal

import msgspec
from msgspec import Raw, Struct

from podium.identity.payer import Payer
from podium.identity.principal import Tier
from podium.vocabulary.part import Part
from podium.vocabulary.request import Line, Request, Source
from podium.wires.dialect import without_prompt

OnBusy = Literal["enqueue", "reject", "interrupt"]
OnDisconnect = Literal["continue", "cancel"]

_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Once:
    """An idempotency key in its scope, and the hash of the request that came with it."""

    scope: str
    hash: str


@dataclass(frozen=True, slots=True)
class Tries:
    """Which try of a request this is, from 0, of a client that tells its tries apart; `mark` is the request's."""

    mark: int
    number: int

    @property
    def is_again(self) -> bool:
        """Whether the request was sent before."""
        return self.number > 0

    @property
    def pause(self) -> float:
        """Seconds within which the official SDKs come again: their own pause, and the time to connect."""
        return min(0.5 * (1 << self.number), 8.0) + 0.5


class Ask(Struct, frozen=True):
    """A turn to be.

    `request` holds the instructions and the new input; history is put in when it runs. `model` is what the caller
    named (None: the conversation's, else the default). `key` is the one it came with, `tier` the one whose limits count
    it (None: nobody's do). `continues` names the broken turn that this one goes on with; `strict` refuses a host that
    cannot be told all that was asked. A struct: a frozen dataclass of so many fields takes ten times as long to make.
    """

    tenant: str
    user: str
    sees_all: bool
    request: Request
    model: str | None
    trace: str
    conversation: str | None = None
    on_busy: OnBusy = "enqueue"
    on_disconnect: OnDisconnect = "continue"
    once: Once | None = None
    tries: Tries | None = None
    continues: str | None = None
    strict: bool = False
    key: str = ""
    tier: Tier | None = None

    @property
    def payer(self) -> Payer:
        """Who pays for it."""
        return Payer(self.tenant, self.user, self.key, conversation=self.conversation)

    @property
    def kept(self) -> bool:
        """Whether the turn's events are stored: those of a conversation, and those that a key may replay."""
        return self.conversation is not None or self.once is not None

    @property
    def shows_all_or_nothing(self) -> bool:
        """Whether its client is shown nothing of an answer that breaks off: a stateless one that is not streamed."""
        return self.conversation is None and not self.request.stream

    @property
    def input(self) -> tuple[Line, ...]:
        """The lines that become messages: all but the instructions at the head."""
        lines = self.request.lines
        first = next(
            (at for at, line in enumerate(lines) if line.role not in ("system", "developer")), len(lines)
        )
        return lines[first:]


class Message(Struct, frozen=True):
    """A message on its way into a conversation."""

    id: str
    speaker: str
    role: str
    parts: tuple[Part, ...]


class Said(Struct, frozen=True):
    """A message as a conversation gives it back."""

    position: int
    role: Literal["system", "developer", "user", "assistant", "tool"]
    speaker: str
    turn: str | None
    parts: tuple[Part, ...]


class _Stored(Struct, frozen=True, omit_defaults=True):
    request: Request
    model: str | None
    trace: str
    on_disconnect: OnDisconnect
    continues: str | None = None
    strict: bool = False
    wire: str | None = None
    key: str = ""
    tier: Tier | None = None
    headers: dict[str, str] = {}
    members: dict[str, Raw] = {}


_stored = msgspec.json.Decoder(_Stored)
_said = msgspec.json.Decoder(tuple[Said, ...])


def encode(ask: Ask) -> bytes:
    """An ask as its turn's row keeps it."""
    source = ask.request.source
    members = {} if source is None else without_prompt(source.wire, source.members)
    return _encoder.encode(
        _Stored(
            request=msgspec.structs.replace(ask.request, source=None),
            model=ask.model,
            trace=ask.trace,
            on_disconnect=ask.on_disconnect,
            continues=ask.continues,
            strict=ask.strict,
            key=ask.key,
            tier=ask.tier,
            wire=source.wire if source else None,
            headers=source.headers if source else {},
            members=members,
        )
    )


def decode(text: bytes, *, tenant: str, user: str, conversation: str | None) -> Ask:
    """The way back. Its lines are written anew: those of its conversation come between, and none is as it was sent."""
    stored = _stored.decode(text)
    request = stored.request
    if stored.wire is not None:
        members = without_prompt(stored.wire, stored.members)
        read = msgspec.structs.replace(request, lines=())
        source = Source(wire=stored.wire, members=members, read=read, headers=stored.headers)
        request = msgspec.structs.replace(request, source=source)
    return Ask(
        tenant=tenant,
        user=user,
        sees_all=False,
        request=request,
        model=stored.model,
        trace=stored.trace,
        conversation=conversation,
        on_disconnect=stored.on_disconnect,
        continues=stored.continues,
        strict=stored.strict,
        key=stored.key,
        tier=stored.tier,
    )


def encode_messages(messages: tuple[Message, ...]) -> str:
    """Messages as the database takes them: their parts as text, for it to keep and never to read.

    JSON can say NUL where Postgres cannot.
    """
    rows = [
        {
            "id": each.id,
            "speaker": each.speaker.replace("\0", ""),
            "role": each.role,
            "parts": _encoder.encode(each.parts).decode(),
        }
        for each in messages
    ]
    return _encoder.encode(rows).decode()


def decode_history(text: str) -> tuple[Line, ...]:
    """A conversation's history as lines."""
    return tuple(Line(role=said.role, parts=said.parts) for said in _said.decode(text))
