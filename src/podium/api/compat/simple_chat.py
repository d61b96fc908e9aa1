"""Simple chat: `/chat` and `/sessions/…`, where clients name sessions as they like."""

from dataclasses import dataclass

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from podium import conversation
from podium.api.behalf import as_owner
from podium.api.compat.history import history
from podium.api.compat.session import asker, find_session, session_for, speaker, unknown_session
from podium.api.compat.shape import ChatAnswer, ChatGiven, ChatHistory, ChatMessage, Done
from podium.api.compat.speaking import Manner, Said, answer, is_said, new_conversation, text_of
from podium.api.doors.native import decoded, wants_stream
from podium.api.forgetting import forget
from podium.api.identifier import uuid_of
from podium.api.passage import Limits
from podium.api.resources.model import storable
from podium.api.serve import send_json
from podium.api.services import Services
from podium.api.turning import Incoming, read_incoming
from podium.errors import Gone, InvalidRequest, Unknown
from podium.identity import Principal
from podium.turn.turns import Turns
from podium.vocabulary.event import TurnReport
from podium.vocabulary.part import ToolCall
from podium.vocabulary.request import Effort, Sampling

_given = msgspec.json.Decoder(ChatGiven)


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds where a request does not say it: caps in tokens (no thinking is None), a session's life in seconds."""

    max_tokens: int
    thinking_budget: int | None
    session_seconds: float


@dataclass(frozen=True, slots=True)
class _Door:
    """A request, and where its answer goes."""

    incoming: Incoming
    ends: tuple[Receive, Send]
    stream: bool


class SimpleChat:
    """The handlers of simple chat."""

    def __init__(self, turns: Turns, services: Services, limits: Limits, defaults: Defaults) -> None:
        self._turns = turns
        self._services = services
        self._database = services.database
        self._limits = limits
        self._defaults = defaults

    def chat(self) -> ASGIApp:
        """`POST /chat`."""
        return self._chat

    def history(self) -> ASGIApp:
        """`GET /sessions/{id}/history`."""
        return self._history

    def delete(self) -> ASGIApp:
        """`DELETE /sessions/{id}`."""
        return self._delete

    async def _chat(self, scope: Scope, receive: Receive, send: Send) -> None:
        incoming = await read_incoming(scope, receive, self._limits)
        given = decoded(_given, incoming.body)
        stream, ends = wants_stream(scope, given.stream), (receive, send)
        who = await speaker(self._database, incoming.who, given.user_id, make=True)
        if given.session_id is None:
            async with new_conversation(self._database, who) as made:
                said = self._said(who, made, given)
                await answer(self._turns, said, _manner(None), incoming, ends, stream=stream)
            return
        door = _Door(incoming, ends, stream)
        while not await self._say_named(who, given, _name(given.session_id), door):
            pass  # who had made the session was refused, and it is gone with them

    async def _say_named(self, who: Principal, given: ChatGiven, name: str, door: _Door) -> bool:
        """Say it in the session of this name; False if that was gone before it was said."""
        incoming = door.incoming
        async with session_for(self._database, who, name) as found:
            said = self._said(await as_owner(self._database, who, found.user), found.id, given)
            if found.idle > self._defaults.session_seconds:
                await self._check_said(said, incoming)
            try:
                await answer(self._turns, said, _manner(name), incoming, door.ends, stream=door.stream)
            except Unknown:
                was_accepted = incoming.passage.turn is not None
                if (
                    was_accepted
                    or found.is_made
                    or await conversation.find(self._database, said.who, found.id)
                ):
                    raise
                return False
            return True

    async def _check_said(self, said: Said, incoming: Incoming) -> None:
        """Refuse what was not said while the session lasted."""
        if not await is_said(self._database, said, incoming):
            raise Gone(
                f"The session has expired: nothing was said in it for {self._defaults.session_seconds:g} seconds.",
                param="session_id",
                hint="Begin another. What was said in this one can still be read.",
            )

    async def _history(self, scope: Scope, _receive: Receive, send: Send) -> None:
        who, session, conversation_id = await self._named(scope)
        said = await history(self._database, who, conversation_id)
        if said is None:
            raise unknown_session()
        messages = tuple(ChatMessage(uuid_of(each.id), each.role, each.text, each.at) for each in said)
        await send_json(send, 200, [], msgspec.json.encode(ChatHistory(session, messages)))

    async def _delete(self, scope: Scope, _receive: Receive, send: Send) -> None:
        who, _, conversation_id = await self._named(scope)
        if not await forget(self._services, who, conversation_id):
            raise unknown_session()
        await send_json(send, 200, [], msgspec.json.encode(Done("The session was deleted.")))

    def _said(self, who: Principal, conversation_id: str, given: ChatGiven) -> Said:
        thinking = (
            given.thinking_budget if given.thinking_budget is not None else self._defaults.thinking_budget
        )
        return Said(
            who=who,
            conversation=conversation_id,
            text=given.message,
            model=given.model,
            sampling=Sampling(
                max_output=given.max_tokens or self._defaults.max_tokens,
                effort=None if thinking is None else Effort(tokens=thinking),
            ),
            is_first=given.session_id is None,
        )

    async def _named(self, scope: Scope) -> tuple[Principal, str, str]:
        """Who asks, the session that the path names, and the conversation that it is."""
        session = scope["path_params"]["id"]
        who = await asker(self._database, scope)
        found = await find_session(self._database, who, session)
        return who, session, found.id


def _name(session: str) -> str:
    """A session's name, as it can be kept.

    Raises:
        InvalidRequest: it cannot.
    """
    try:
        return storable(session)
    except ValueError as error:
        raise InvalidRequest(f"session_id: {error}.", param="session_id") from None


def _manner(session: str | None) -> Manner:
    """How simple chat answers in the session of this name; without one, by the conversation's UUID."""

    def called(conversation_id: str) -> str:
        return session if session is not None else uuid_of(conversation_id)

    async def whole(turn: TurnReport) -> ChatAnswer:
        output = turn.output or ()
        return ChatAnswer(
            response=text_of(output),
            session_id=called(turn.conversation_id or ""),
            model=turn.model,
            tools_used=tuple(part.name for part in output if isinstance(part, ToolCall)),
            finish_reason=turn.finish_reason,
            cost_info=turn.cost_info,
        )

    return Manner(session=called, whole=whole)
