"""What a budget is for, by the names that callers use: found, and shown to them again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from podium.api.behalf import ambiguous, find_session, user_of
from podium.api.identifier import session_name
from podium.api.services import Services
from podium.errors import Unknown
from podium.identity import Principal
from podium.identity.tenants import find_tenant
from podium.identity.tenants import names_of as names_of_tenants
from podium.identity.users import find_holder, names_of
from podium.kit import ids
from podium.ledger import budgets
from podium.ledger.budget import Budget, ScopeType
from podium.store.database import Database


@dataclass(frozen=True, slots=True)
class Scope:
    """A scope's id, and the user (an id) who holds it where it is a key or a session."""

    id: str
    owner: str | None = None


async def act_in(services: Services, who: Principal, tenant: str | None) -> Principal:
    """The same principal in the tenant that a body or a query names: by its name, and by admins by its id too.

    Raises:
        Unknown: there is none, or it is another's.
    """
    if tenant is None or tenant == who.tenant_name:
        return who
    found = await find_tenant(services.database, tenant) if who.is_admin else None
    return await services.keyring.act_in(who, tenant if found is None else found.name)


async def act_in_scope(services: Services, who: Principal, word: str) -> Principal:
    """The operator in the tenant that a budget is for, by its name or id.

    Raises:
        Unknown: there is none.
    """
    found = await find_tenant(services.database, word)
    if found is None:
        raise Unknown("There is no such tenant.", param="scope.id")
    return await services.keyring.act_in(who, found.name)


async def find_scope(database: Database, who: Principal, kind: ScopeType, word: str) -> Scope:
    """What an admin calls a tenant, a user, a key or a session of its tenant; a user that is new is made.

    Of a session that is not there yet the name is taken: it counts from the session's first message.

    Raises:
        Unknown: there is no such thing in the tenant.
        Conflict: several users have a session of this name.
    """
    found: Scope | None = None
    match kind:
        case "tenant":
            found = Scope(who.tenant) if word in (who.tenant, who.tenant_name) else None
        case "user":
            user = await user_of(database, who, word, make=True)
            found = None if user is None else Scope(user.id)
        case "key":
            owner = await find_holder(database, who.tenant, word)
            found = None if owner is None else Scope(word, owner)
        case "session":
            session = await find_session(database, who, word)
            if session is None:
                found = await _awaited(database, who, word)
            else:
                found = Scope(session.id, session.user)
        case "persona" | "dialogue":
            found = Scope(word)
    if found is None:
        raise Unknown(f"There is no such {kind}.", param="scope.id")
    return found


async def _awaited(database: Database, who: Principal, word: str) -> Scope | None:
    """A session that is yet to come: of who speaks as a user theirs, for admins that for which a budget waits."""
    name = session_name(word)
    if not who.is_admin:
        return Scope(budgets.waiting(name, who.user), who.user)
    there = {owner: scope for scope, owner in await budgets.find_waiting(database, who.tenant, name, None)}
    if len(there) > 1 and None not in there:
        raise ambiguous()
    if len(there) == 1:
        [(owner, scope)] = there.items()
        return Scope(scope, owner)
    return None if ids.is_id("conv", word) else Scope(name)


async def catch_up(database: Database, who: Principal, word: str, made: Budget) -> None:
    """Let a session's new budget count for it, if the session has begun meanwhile without having seen it."""
    found = await find_session(database, who, word)
    if found is not None and made.scope_id != found.id:
        await budgets.claim(database, who.tenant, session_name(word), found.id, found.user)


async def names_in(database: Database, listed: Iterable[Budget]) -> Mapping[str, str]:
    """What the tenants and users of budgets are called, by their ids."""
    found = list(listed)
    users = await names_of(database, {each.scope_id for each in found if each.scope_type == "user"})
    return {**users, **await names_of_tenants(database, {each.tenant for each in found})}
