"""What every door that starts turns does with its request: read it whole, know who asks, and how often."""

import hashlib
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

import msgspec
from msgspec import Raw, Struct
from starlette.types import Receive, Scope

from podium.api.body import read_body
from podium.api.ending import ending_headers
from podium.api.limit import limit_headers
from podium.api.once import REPLAYED, once_of
from podium.api.passage import Limits, Passage, passage_of, principal_of
from podium.api.serve import Headers, Listening, Stretches, failure_of
from podium.errors import InvalidRequest, PodiumError
from podium.identity import Principal
from podium.kit import ids
from podium.turn.ask import Ask, OnBusy, Once, OnDisconnect, Tries
from podium.turn.turns import Turns
from podium.vocabulary.event import Terminal

_LONGEST_COUNT = 2
_TRY = b"x-stainless-retry-count"


class Wishes(Struct, frozen=True, forbid_unknown_fields=True):
    """What a dialect's client may ask of Podium beside its dialect, in the member `x_podium`."""

    conversation: str | None = None
    on_busy: OnBusy | None = None
    on_disconnect: OnDisconnect | None = None


_wishes = msgspec.json.Decoder(Wishes | None)


class Incoming(Struct, frozen=True):
    """A request that wants a turn."""

    passage: Passage
    who: Principal
    body: bytes
    once: Once | None
    tries: Tries | None


async def read_incoming(scope: Scope, receive: Receive, limits: Limits) -> Incoming:
    """Read the whole request.

    Raises:
        Overwhelmed: there is no room for another turn; found out before anything is read.
        InvalidRequest: the idempotency key is too long or not text.
        TooLarge: the body is beyond the limit.
    """
    who = principal_of(scope)
    limits.shed(scope)
    body = await read_body(receive, limits)
    once = once_of(scope, who, body)
    tries = _tries(scope, who, body) if once is None else None
    return Incoming(passage=passage_of(scope), who=who, body=body, once=once, tries=tries)


@dataclass(frozen=True, slots=True)
class Begun:
    """An accepted turn: its id, the headers that tell of it, and its events from the first on."""

    id: str
    headers: Headers
    stretches: Stretches
    _passage: Passage

    def failure(self, terminal: Terminal) -> PodiumError | None:
        """The error that ended it, if one did. Its answer, if it is one, tells of the turn and of what it cost."""
        error = failure_of(terminal)
        if error is not None:
            headers = [*self.headers, *ending_headers(terminal.turn)]
            self._passage.cost = terminal.turn.cost_info
            self._passage.told = {name.decode(): value.decode() for name, value in headers}
        return error


@asynccontextmanager
async def begun(
    turns: Turns, ask: Ask, incoming: Incoming, receive: Receive, *, stream: bool
) -> AsyncGenerator[Begun, None]:
    """Start a turn, or join the one that its key or an earlier try has started, and listen as long as the client does.

    Without `stream` its events may all come at the end.

    Raises:
        PodiumError: it is not accepted.
    """
    accepted = await turns.ask(ask, incoming.who)
    incoming.passage.turn = accepted.id
    headers: Headers = [(b"x-podium-turn", accepted.id.encode())]
    if accepted.standings:
        headers += [(name.encode(), said.encode()) for name, said in limit_headers(accepted.standings)]
    if accepted.depth:
        headers.append((b"x-podium-queue-depth", b"%d" % accepted.depth))
    if accepted.how == "attached":
        headers.append((REPLAYED, b"true"))

    async def left() -> None:
        await turns.leave(accepted, ask)

    async with Listening(receive, left):
        with turns.attended(accepted.id):
            async with aclosing(turns.follow(accepted.id, patient=not stream)) as stretches:
                yield Begun(accepted.id, headers, stretches, incoming.passage)


def read_wishes(given: Raw | None) -> Wishes:
    """The member `x_podium`.

    Raises:
        InvalidRequest: it is malformed; names the member.
    """
    if given is None:
        return Wishes()
    try:
        wishes = _wishes.decode(given) or Wishes()
    except msgspec.DecodeError as error:
        raise InvalidRequest(f"x_podium: {error}", param="x_podium") from None
    if wishes.conversation is not None and not ids.is_id("conv", wishes.conversation):
        # It answers as one that does not exist: to a malformed id nothing can belong.
        return msgspec.structs.replace(wishes, conversation=ids.nobody("conv"))
    return wishes


def _tries(scope: Scope, who: Principal, body: bytes) -> Tries | None:
    """Which try this is of an SDK that counts its own, as OpenAI's and Anthropic's do.

    Google's sends no such mark: its tries are told apart by nothing.
    """
    if _TRY not in passage_of(scope).found:
        return None
    for name, value in scope["headers"]:
        if name == _TRY and value.isdigit() and len(value) <= _LONGEST_COUNT:
            route = scope["path"].encode("utf-8", "surrogateescape")
            parts = (who.tenant.encode(), who.user.encode(), route, body)
            digest = hashlib.blake2b(b"\0".join(parts), digest_size=8).digest()
            return Tries(mark=int.from_bytes(digest, signed=True), number=int(value))
    return None
