"""Make, list and revoke keys."""

from dataclasses import dataclass
from datetime import datetime

from podium.errors import InvalidRequest, Unknown
from podium.identity import queries
from podium.identity.key import Issued, Key, digest, new_secret, visible
from podium.identity.keyring import Keyring
from podium.identity.principal import Scope, Tier
from podium.kit import clock, ids
from podium.store.database import Database


@dataclass(frozen=True, slots=True)
class NewKey:
    """What a key is to be; `tenant` and `user` are names and are made when new."""

    tenant: str
    user: str
    scope: Scope
    tier: Tier = "basic"
    expires_at: datetime | None = None


class Keys:
    """The keys of all tenants. Who may do what to whose is decided by the caller."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring

    async def create(self, wanted: NewKey) -> Issued:
        """Make a key. Its secret is in the answer and nowhere else.

        Raises:
            InvalidRequest: it would have expired already.
        """
        if wanted.expires_at and not await queries.expiry_is_ahead(self._database, wanted.expires_at):
            raise InvalidRequest("The key would have expired already.", param="expires_at")
        secret = new_secret()
        key = Key(
            id=ids.new("key"),
            prefix=visible(secret),
            tenant=wanted.tenant,
            user=wanted.user,
            scope=wanted.scope,
            tier=wanted.tier,
            created_at=clock.now(),
            expires_at=wanted.expires_at,
        )
        stored = await queries.put_key(
            self._database,
            new_ids=(ids.new("ten"), ids.new("usr"), key.id),
            key=key,
            hash=digest(secret),
        )
        return Issued(stored, secret)

    async def list(self, tenant: str | None, *, before: str | None, limit: int) -> list[Key]:
        """Keys in force or expired, newest first, of a tenant (an id) or of all; those made before key `before`."""
        return await queries.list_keys(self._database, tenant, before=before, limit=limit)

    async def revoke(self, key_id: str, tenant: str | None) -> None:
        """End a key: here at once, elsewhere within the keyring's three seconds.

        Raises:
            Unknown: the tenant (an id; None for any) has no such key.
        """
        if not ids.is_id("key", key_id) or not await queries.revoke_key(self._database, key_id, tenant):
            raise Unknown("There is no such key.")
        self._keyring.forget(key_id)
