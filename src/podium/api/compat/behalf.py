"""In whose name a request speaks: one's own, or, for admins, that of any user of the tenant."""

from dataclasses import replace

from podium.api.compat.identifier import canonical, id_of, uuid_of
from podium.errors import Unknown
from podium.identity import Principal
from podium.identity.users import find_user, make_user
from podium.store.database import Database


async def acting_for(database: Database, who: Principal, user: str, *, make: bool) -> Principal:
    """This principal as the user that it names: by name, or by the user's id as a UUID.

    It sees and does then what that user may. An admin's naming makes a user that is new if `make` is set.

    Raises:
        Unknown: there is no such user, or the key may not speak for them; the two are not told apart.
    """
    name = canonical(user)
    if name in (canonical(who.user_name), uuid_of(who.user)):
        return replace(who, scope="member")
    found = None
    if who.is_admin:
        found = await find_user(database, who.tenant, name, id_of("usr", name))
        if found is None and make:
            found = await make_user(database, who.tenant, name)
    if found is None:
        raise Unknown("There is no such user.", param="user_id")
    return replace(who, user=found.id, user_name=found.name, scope="member")


def as_owner(who: Principal, user: str) -> Principal:
    """This principal as the user (an id) whose session it may see: what is said there is theirs."""
    return who if user == who.user else replace(who, user=user, scope="member")
