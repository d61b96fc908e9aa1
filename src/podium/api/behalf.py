"""In whose name a request speaks: one's own, or, for admins, any user's of the tenant; and whose session it means."""

from dataclasses import replace

from podium import conversation
from podium.api.identifier import id_of
from podium.conversation import Found
from podium.errors import Conflict, Unknown
from podium.identity import Principal
from podium.identity.user import User, canonical
from podium.identity.users import find_tier, find_user, make_user
from podium.kit import ids
from podium.store.database import Database


async def user_of(database: Database, who: Principal, word: str, *, make: bool = False) -> User | None:
    """The user whom this principal means by a name, an id or a UUID: oneself, or for admins anybody of the tenant.

    One that is new is made if `make` is set, for admins; by a name, never by an id.
    """
    name, identifier = canonical(word), id_of("usr", word)
    if name == who.user_name or identifier == who.user:
        return User(id=who.user, tenant=who.tenant, name=who.user_name, tier=who.tier)
    if not who.is_admin:
        return None
    found = await find_user(database, who.tenant, name, identifier)
    if found is None and make and not ids.is_id("usr", word):
        found = await make_user(database, who.tenant, name)
    return found


async def acting_for(
    database: Database, who: Principal, user: str | None, *, make: bool = False
) -> Principal:
    """This principal as the user whom it names, if it names one: it sees and does then what and as much as they may.

    Raises:
        Unknown: there is no such user, or the key may not speak for them; the two are not told apart.
    """
    if user is None:
        return who
    found = await user_of(database, who, user, make=make)
    if found is None:
        raise Unknown("There is no such user.", param="user_id")
    return replace(who, user=found.id, user_name=found.name, tier=found.tier, scope="member")


async def as_owner(database: Database, who: Principal, user: str) -> Principal:
    """This principal as the user (an id) whose session it may see: what is said there is theirs."""
    if user == who.user:
        return who
    return replace(who, user=user, tier=await find_tier(database, user), scope="member")


async def sessions_of(database: Database, who: Principal, word: str) -> list[Found]:
    """The sessions, two at the most, that this principal may mean by a name, an id or a UUID; its own goes first."""
    if "\0" in word:
        return []
    return await conversation.find_named(
        database, who, word, identifier=id_of("conv", word), of_all=who.is_admin
    )


async def find_session(database: Database, who: Principal, word: str) -> Found | None:
    """The session that this principal means, if there is one.

    Raises:
        Conflict: several other users have one of this name.
    """
    found = await sessions_of(database, who, word)
    if len(found) > 1 and found[0].user != who.user and found[0].id != id_of("conv", word):
        raise ambiguous()
    return found[0] if found else None


def ambiguous() -> Conflict:
    """What is said where several users are meant."""
    return Conflict("Several users have a session of this name.", hint="Name one of them: ?user_id=…")
