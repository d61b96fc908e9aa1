"""Say something in a session and answer as its door does: whole, or in pieces as they come."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass

import msgspec
from msgspec import Struct
from starlette.types import Receive, Send

from podium import conversation
from podium.api.compat.refusal import refused
from podium.api.compat.session import taken_back
from podium.api.ending import ending_headers
from podium.api.serve import SSE, Stretches, failure_of, send_json, send_stream, wait_spoken, wait_terminal
from podium.api.turning import Incoming, begun
from podium.errors import PodiumError
from podium.identity import Principal
from podium.journal.log import Numbered
from podium.store.database import Database
from podium.turn import queries
from podium.turn.ask import Ask
from podium.turn.turns import Turns
from podium.vocabulary.event import RefusalDelta, Terminal, TextDelta, TurnCompleted, TurnReport, TurnStarted
from podium.vocabulary.part import Part, Refusal, Text
from podium.vocabulary.request import Line, Request, Sampling

_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Manner:
    """A door's way to answer: what it calls a conversation, and what it tells of a turn that has ended."""

    session: Callable[[str], str]
    whole: Callable[[TurnReport], Awaitable[Struct]]


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody says: who they are, where, and how it is to be answered."""

    who: Principal
    conversation: str
    text: str
    model: str | None = None
    sampling: Sampling = Sampling()  # noqa: RUF009  # a frozen value
    is_first: bool = False


async def answer(
    turns: Turns, said: Said, manner: Manner, incoming: Incoming, ends: tuple[Receive, Send], *, stream: bool
) -> None:
    """Take a turn and send its answer.

    Raises:
        PodiumError: it was not accepted, or came to nothing; of a stream, before its first word.
    """
    receive, send = ends
    spoken = msgspec.structs.replace(incoming, who=said.who)  # whose limit counts it
    async with begun(turns, _ask(said, incoming), spoken, receive, stream=stream) as turn:
        if stream:
            frames = Frames(manner, turn.id)
            async with aclosing(frames.foreseeing(turn.stretches)) as stretches:
                first = await wait_spoken(stretches, turn.failure)
                await send_stream(send, turn.headers, first, stretches, frames)
            return
        terminal, _ = await wait_terminal(turn.stretches)
        if (error := turn.failure(terminal)) is not None:
            raise error
        told = _encoder.encode(await manner.whole(terminal.turn))
        await send_json(send, 200, [*turn.headers, *ending_headers(terminal.turn)], told)


async def is_said(database: Database, said: Said, incoming: Incoming) -> bool:
    """Whether the request's idempotency key, or an earlier try of it, has said this before."""
    return await queries.is_known(database, _ask(said, incoming))


@asynccontextmanager
async def new_conversation(database: Database, who: Principal) -> AsyncGenerator[str, None]:
    """A conversation for a first message; gone afterwards if the message was refused or has been said elsewhere."""
    made = await conversation.create(database, who, title=None, model=None, metadata="{}")
    try:
        async with taken_back(database, made.id):
            yield made.id
    finally:
        with suppress(PodiumError):
            await conversation.drop_unused(database, made.id)


def text_of(parts: tuple[Part, ...]) -> str:
    """What was said in words, a refusal's included."""
    return "".join(part.text for part in parts if isinstance(part, Text | Refusal))


class Frames:
    """A streamed answer: `start` with the session, `delta` for each piece, `done` with all of it, or `error`."""

    media = SSE
    heartbeat = b": ping\n\n"

    def __init__(self, manner: Manner, turn: str) -> None:
        self._manner = manner
        self._turn = turn
        self._done = b""

    async def foreseeing(self, stretches: Stretches) -> Stretches:
        """The same stretches; before the last one of them `done` is made."""
        async for stretch in stretches:  # aclosing: who began the turn closes it
            last = stretch[-1].event
            if isinstance(last, TurnCompleted):
                self._done = _frame("done", _encoder.encode(await self._manner.whole(last.turn)))
            yield stretch

    def frame(self, entry: Numbered) -> bytes:
        """One SSE event, or nothing."""
        event = entry.event
        if isinstance(event, TextDelta | RefusalDelta):
            return _frame("delta", _encoder.encode({"text": event.text})) if not event.choice else b""
        if isinstance(event, TurnStarted):
            return _frame(
                "start", _encoder.encode({"session_id": self._manner.session(event.conversation or "")})
            )
        if isinstance(event, Terminal):
            error = failure_of(event)
            if error is not None:
                return _frame("error", refused(error, self._turn, event.turn.cost_info))
            return self._done
        return b""


def _frame(kind: str, members: bytes) -> bytes:
    return b'data: {"type":"%b",%b\n\n' % (kind.encode(), members[1:])


def _ask(said: Said, incoming: Incoming) -> Ask:
    who = said.who
    return Ask(
        tenant=who.tenant,
        user=who.user,
        key=who.key,
        sees_all=who.is_admin,
        request=Request(
            model=said.model or "",
            lines=(Line(role="user", parts=(Text(said.text),)),),
            sampling=said.sampling,
            stream=True,
            include_usage=True,
        ),
        model=said.model,
        trace=incoming.passage.id,
        conversation=said.conversation,
        once=incoming.once,
        # Another try of a first message is another session: there is nothing yet that it could be known by.
        tries=None if said.is_first else incoming.tries,
    )
