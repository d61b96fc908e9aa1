"""Sessions by the names that clients give them."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass
from urllib.parse import parse_qs

from starlette.types import Scope

from podium import conversation
from podium.api import behalf
from podium.api.behalf import acting_for
from podium.api.identifier import id_of, session_name
from podium.api.passage import principal_of
from podium.api.resources.model import plain, storable
from podium.conversation import Found
from podium.errors import BudgetExceeded, InvalidRequest, PodiumError, Unavailable, Unknown
from podium.identity import Principal
from podium.ledger import budgets
from podium.store.database import Database
from podium.turn import queries

_MOST_TRIES = 5


async def speaker(database: Database, who: Principal, user: str | None, *, make: bool = False) -> Principal:
    """Who asks, in the name of the user that the request names, if it does.

    Raises:
        InvalidRequest: what it names can be no user's name.
        Unknown: there is no such user, or the key may not speak for them.
    """
    if user is None:
        return who
    try:
        named = plain(storable(user))
    except ValueError as error:
        raise InvalidRequest(f"user_id: {error}.", param="user_id") from None
    return await acting_for(database, who, named, make=make)


async def asker(database: Database, scope: Scope) -> Principal:
    """As `speaker`, where the query says `user_id`."""
    user = parse_qs(scope["query_string"].decode("latin-1")).get("user_id")
    return await speaker(database, principal_of(scope), user[-1] if user else None)


@dataclass(frozen=True, slots=True)
class Opened:
    """A session to speak in; `idle` is for how many seconds nothing was said in it.

    Where it was made by being opened, `anybodys` are its budgets (ids) that had waited for anybody's session.
    """

    id: str
    user: str
    idle: float = 0.0
    is_made: bool = False
    anybodys: tuple[str, ...] = ()


@asynccontextmanager
async def taken_back(database: Database, conversation_id: str) -> AsyncGenerator[None, None]:
    """For the first message of a new conversation: if a budget refuses it, it was never said."""
    try:
        yield
    except BudgetExceeded:
        with suppress(PodiumError):
            await queries.unsay(database, conversation_id)
        raise


@asynccontextmanager
async def session_for(database: Database, who: Principal, session: str) -> AsyncGenerator[Opened, None]:
    """The session of this name, as `open_session`, for a message.

    If it was made here and the message was refused, or had been said elsewhere, it is gone afterwards, and its budgets
    wait as they waited before.
    """
    opened = await open_session(database, who, session)
    try:
        async with taken_back(database, opened.id) if opened.is_made else nullcontext():
            yield opened
    finally:
        if opened.is_made:
            with suppress(PodiumError):
                await _drop_unused(database, who, session, opened)


async def open_session(database: Database, who: Principal, session: str) -> Opened:
    """The session of this name, made if it is new, with the budget that waited for it; two at once make one.

    A name that is the UUID of a session that this principal may see means that one.
    """
    for _ in range(_MOST_TRIES):
        found = await conversation.find_named(database, who, session, identifier=id_of("conv", session))
        if found:
            return Opened(found[0].id, found[0].user, found[0].idle)
        made = await _make(database, who, session)
        if made is not None:
            return made
    raise Unavailable("The session is being made and deleted by others.", after=1.0)


async def _make(database: Database, who: Principal, session: str) -> Opened | None:
    """A new session; None if another has just made it.

    Nobody sees it without its budgets. They are claimed again when it can be seen: one that was made meanwhile has not
    found it, nor did it find that one.
    """
    name = session_name(session)
    async with database.together() as here:
        made = await conversation.create_named(here, who, session)
        if made is None:
            return None
        anybodys = await budgets.claim(here, who.tenant, name, made, who.user)
    anybodys += await budgets.claim(database, who.tenant, name, made, who.user)
    return Opened(made, who.user, is_made=True, anybodys=tuple(anybodys))


async def _drop_unused(database: Database, who: Principal, session: str, opened: Opened) -> None:
    async with database.together() as here:
        if await conversation.drop_unused(here, opened.id):
            name = session_name(session)
            await budgets.release(here, who.tenant, opened.id, name, opened.user, anybodys=opened.anybodys)


async def find_session(database: Database, who: Principal, session: str) -> Found:
    """The session of this name, or of this UUID; an admin's own goes before those of the tenant's other users.

    Raises:
        Unknown: this principal has none.
        Conflict: several of the others have one.
    """
    found = await behalf.find_session(database, who, session)
    if found is None:
        raise unknown_session()
    return found


def unknown_session() -> Unknown:
    """What is said of one that does not exist, or is another's."""
    return Unknown("There is no such session.")
