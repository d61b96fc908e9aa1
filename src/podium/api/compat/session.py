"""Sessions by the names that clients give them."""

from podium import conversation
from podium.api import behalf
from podium.api.identifier import id_of, session_name
from podium.conversation import Found
from podium.errors import Unavailable, Unknown
from podium.identity import Principal
from podium.ledger.budgets import claim
from podium.store.database import Database

_MOST_TRIES = 5


async def open_session(database: Database, who: Principal, session: str) -> Found:
    """The session of this name, made if it is new, with the budget that waited for it; two at once make one.

    A name that is the UUID of a session that this principal may see means that one.
    """
    for _ in range(_MOST_TRIES):
        found = await conversation.find_named(database, who, session, identifier=id_of("conv", session))
        if not found:
            made = await conversation.create_named(database, who, session)
            found = [] if made is None else [Found(id=made, user=who.user, idle=0.0, new=True)]
        if found:
            if found[0].new:  # also where another has just made it and has not come as far as this
                await claim(database, who.tenant, session_name(session), found[0].id, found[0].user)
            return found[0]
    raise Unavailable("The session is being made and deleted by others.", after=1.0)


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
