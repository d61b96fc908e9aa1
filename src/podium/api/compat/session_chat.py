"""Session chat: `/llm/chat/…`, where sessions are named by UUIDs."""

from contextlib import suppress
from datetime import datetime

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from podium import conversation
from podium.api.behalf import acting_for, as_owner
from podium.api.compat.history import history
from podium.api.compat.session import unknown_session
from podium.api.compat.shape import (
    Done,
    MessageAnswered,
    MessageGiven,
    Session,
    SessionBegun,
    SessionGiven,
    SessionMessage,
)
from podium.api.compat.speaking import Manner, Said, answer, new_conversation, text_of
from podium.api.doors.native import decoded, wants_stream
from podium.api.forgetting import forget
from podium.api.identifier import id_of, user_uuid, uuid_of
from podium.api.passage import Limits, principal_of
from podium.api.serve import send_json
from podium.api.services import Services
from podium.api.turning import read_incoming
from podium.errors import PodiumError
from podium.identity import Principal
from podium.identity.users import names_of
from podium.kit import ids
from podium.turn.turns import Turns
from podium.vocabulary.event import TurnReport

_MOST_SESSIONS = 1_000
_session_given = msgspec.json.Decoder(SessionGiven)
_message_given = msgspec.json.Decoder(MessageGiven)


class SessionChat:
    """The handlers of session chat.

    A session is active for `seconds` after its last message.
    """

    def __init__(self, turns: Turns, services: Services, limits: Limits, *, seconds: float) -> None:
        self._turns = turns
        self._services = services
        self._database = services.database
        self._limits = limits
        self._seconds = seconds

    def begin(self) -> ASGIApp:
        """`POST /llm/chat/`."""
        return self._begin

    def go_on(self) -> ASGIApp:
        """`POST /llm/chat/{id}/message/`."""
        return self._go_on

    def history(self) -> ASGIApp:
        """`GET /llm/chat/{id}/history/`."""
        return self._history

    def delete(self) -> ASGIApp:
        """`DELETE /llm/chat/{id}/`."""
        return self._delete

    def listing(self) -> ASGIApp:
        """`GET /llm/chat/sessions/`."""
        return self._listing

    async def _begin(self, scope: Scope, receive: Receive, send: Send) -> None:
        incoming = await read_incoming(scope, receive, self._limits)
        given = decoded(_session_given, incoming.body)
        who = await acting_for(self._database, incoming.who, str(given.user_id), make=True)
        async with new_conversation(self._database, who) as made:
            said = Said(who=who, conversation=made, text=given.initial_message, is_first=True)
            stream = wants_stream(scope, None)
            await answer(self._turns, said, _BEGINNING, incoming, (receive, send), stream=stream)

    async def _go_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        incoming = await read_incoming(scope, receive, self._limits)
        given = decoded(_message_given, incoming.body)
        found = await conversation.find(self._database, incoming.who, _named(scope))
        if found is None:
            raise unknown_session()
        who = await as_owner(self._database, incoming.who, found.user)
        said = Said(who, found.id, given.user_message)
        stream = wants_stream(scope, None)
        await answer(self._turns, said, self._going_on(who), incoming, (receive, send), stream=stream)

    def _going_on(self, who: Principal) -> Manner:
        async def whole(turn: TurnReport) -> MessageAnswered:
            return MessageAnswered(_text_of(turn), updated_session=await self._last_active(who, turn))

        return Manner(session=uuid_of, whole=whole)

    async def _last_active(self, who: Principal, turn: TurnReport) -> datetime:
        """When its session was last active; when it ended, where the session cannot be read or is gone."""
        found = None
        with suppress(PodiumError):  # an answer that is there is told, whatever befalls the database
            found = await conversation.find(self._database, who, turn.conversation_id or "")
        return turn.ended_at or turn.created_at if found is None else found.updated_at

    async def _history(self, scope: Scope, _receive: Receive, send: Send) -> None:
        conversation_id = _named(scope)
        said = await history(self._database, principal_of(scope), conversation_id)
        if said is None:
            raise unknown_session()
        told = [
            SessionMessage(
                message_id=uuid_of(each.id),
                session_id=uuid_of(conversation_id),
                sender="user" if each.role == "user" else "llm",
                content=each.text,
                timestamp=each.at,
            )
            for each in said
        ]
        await send_json(send, 200, [], msgspec.json.encode(told))

    async def _delete(self, scope: Scope, _receive: Receive, send: Send) -> None:
        if not await forget(self._services, principal_of(scope), _named(scope)):
            raise unknown_session()
        await send_json(send, 200, [], msgspec.json.encode(Done("The session was deleted.")))

    async def _listing(self, scope: Scope, _receive: Receive, send: Send) -> None:
        found = await conversation.find_recent(
            self._database, principal_of(scope), seconds=self._seconds, limit=_MOST_SESSIONS
        )
        names = await names_of(self._database, {each.user for each in found})
        told = [
            Session(
                session_id=uuid_of(each.id),
                user_id=user_uuid(each.user, names.get(each.user, "")),
                created_at=each.created_at,
                last_active=each.updated_at,
            )
            for each in found
        ]
        await send_json(send, 200, [], msgspec.json.encode(told))


def _named(scope: Scope) -> str:
    """The conversation that the path names, with dashes or without; what is no UUID names one that does not exist."""
    word = scope["path_params"]["id"]
    return id_of("conv", word) or id_of("conv", f"conv_{word.lower()}") or ids.nobody("conv")


def _text_of(turn: TurnReport) -> str:
    return text_of(turn.output or ())


async def _begun(turn: TurnReport) -> SessionBegun:
    return SessionBegun(session_id=uuid_of(turn.conversation_id or ""), message=_text_of(turn))


_BEGINNING = Manner(session=uuid_of, whole=_begun)
