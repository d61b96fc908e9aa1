"""Make, list and revoke keys."""

from podium.errors import InvalidRequest, Unknown
from podium.identity import queries
from podium.identity.key import Issued, Key, NewKey, digest, new_secret, visible
from podium.identity.keyring import Keyring
from podium.identity.principal import DEFAULT_TIER, Tier
from podium.kit import ids
from podium.store.database import Database


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
        stored = await queries.put_key(
            self._database,
            new_ids=(ids.new("ten"), ids.new("usr"), ids.new("key")),
            wanted=wanted,
            prefix=visible(secret),
            hash=digest(secret),
        )
        return Issued(stored, secret)

    async def tier_of(self, wanted: NewKey) -> Tier:
        """The tier that a key would have."""
        theirs = wanted.user_tier or await queries.find_tier(self._database, wanted.tenant, wanted.user)
        return wanted.tier or theirs or DEFAULT_TIER

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
