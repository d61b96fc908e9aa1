"""What a budget is for, by the names that callers use: found, and shown to them again."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from podium import conversation
from podium.api.services import Services
from podium.errors import Conflict, Unknown
from podium.identity import Principal
from podium.identity.tenants import find_holder, find_tenant
from podium.identity.tenants import names_of as names_of_tenants
from podium.identity.users import find_user, make_user, names_of
from podium.kit import ids
from podium.ledger.budget import Budget, ScopeType
from podium.store.database import Database

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Found:
    """A scope's id, and the user (an id) who holds it where it is a key or a session."""

    id: str
    owner: str | None = None


def id_of(prefix: str, word: str) -> str | None:
    """The id that is meant by an id, or by its 128 bits as a UUID."""
    if _UUID.match(word):
        return f"{prefix}_{word.replace('-', '').lower()}"
    return word if ids.is_id(prefix, word) else None


def name_of(word: str) -> str:
    """A user's name; the same for every spelling of a UUID."""
    return word.lower() if _UUID.match(word) else word


async def act_in(services: Services, who: Principal, tenant: str | None) -> Principal:
    """The same principal in the tenant that a body or a query names: by its name, and by admins by its id too.

    Raises:
        Unknown: there is none, or it is another's.
    """
    if tenant is None or tenant == who.tenant_name:
        return who
    found = await find_tenant(services.database, tenant) if who.is_admin else None
    return await services.keyring.act_in(who, tenant if found is None else found.name)


async def find_scope(database: Database, who: Principal, kind: ScopeType, word: str) -> Found:
    """What an admin calls a tenant, a user, a key or a session of its tenant; a user that is new is made.

    Of a session that is not there yet the name is taken: it counts from the session's first message.

    Raises:
        Unknown: there is no such thing in the tenant.
        Conflict: several users have a session of this name.
    """
    found: Found | None = None
    match kind:
        case "tenant":
            found = Found(who.tenant) if word in (who.tenant, who.tenant_name) else None
        case "user":
            user = await user_of(database, who, word, make=True)
            found = None if user is None else Found(user)
        case "key":
            owner = await find_holder(database, who.tenant, word)
            found = None if owner is None else Found(word, owner)
        case "session":
            found = await find_session(database, who, word)
            if found is None and not ids.is_id("conv", word):
                found = Found(word)
        case "persona" | "dialogue":
            found = Found(word)
    if found is None:
        raise Unknown(f"There is no such {kind}.", param="scope.id")
    return found


async def user_of(database: Database, who: Principal, word: str, *, make: bool = False) -> str | None:
    """The id of a user that this principal may name: oneself, or for admins anybody in the tenant."""
    if name_of(word) in (name_of(who.user_name), who.user) or id_of("usr", word) == who.user:
        return who.user
    if not who.is_admin:
        return None
    found = await find_user(database, who.tenant, name_of(word), id_of("usr", word))
    if found is None and make and not ids.is_id("usr", word):
        found = await make_user(database, who.tenant, name_of(word))
    return None if found is None else found.id


async def acting_for(
    database: Database, who: Principal, user: str | None, *, make: bool = False
) -> Principal:
    """This principal as the user whom it names; an admin's naming makes a user that is new if `make` is set.

    Raises:
        Unknown: there is no such user, or the key may not speak for them.
    """
    if user is None:
        return who
    found = await user_of(database, who, user, make=make)
    if found is None:
        raise Unknown("There is no such user.", param="user_id")
    return replace(who, user=found, scope="member")


async def find_session(database: Database, who: Principal, word: str) -> Found | None:
    """The conversation of this name, id or UUID that this principal may see.

    Raises:
        Conflict: several users of an admin's tenant have one.
    """
    found = await _named(database, who, word)
    if len(found) > 1 and found[0].user != who.user and found[0].id != id_of("conv", word):
        raise Conflict("Several users have a session of this name.", hint="Name one as ?user_id=…")
    return Found(found[0].id, found[0].user) if found else None


async def sessions_of(database: Database, who: Principal, word: str) -> list[str]:
    """The ids of the conversations, two at the most, that this principal may mean by a name, an id or a UUID."""
    return [each.id for each in await _named(database, who, word)]


async def _named(database: Database, who: Principal, word: str) -> list[conversation.Found]:
    return await conversation.find_named(
        database, who, word, identifier=id_of("conv", word), of_all=who.is_admin
    )


async def names_in(database: Database, budgets: Iterable[Budget]) -> Mapping[str, str]:
    """What the tenants and users of budgets are called, by their ids."""
    listed = list(budgets)
    users = await names_of(database, {each.scope_id for each in listed if each.scope_type == "user"})
    return {**users, **await names_of_tenants(database, {each.tenant for each in listed})}
