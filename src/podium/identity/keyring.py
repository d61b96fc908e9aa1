"""Find the principal of a presented key, on every request: from memory, or in one batched statement.

An entry is good for three seconds from before its query was sent, so a revoked key dies everywhere within that time
even where no notification arrives, and at once where one does. Nothing is written here.
"""

import hmac
from collections.abc import Sequence
from typing import TypeVar

from podium.errors import Unauthenticated, Unknown
from podium.identity import queries
from podium.identity.key import OPERATOR_KEY, digest, may_be_key
from podium.identity.principal import Principal
from podium.identity.queries import CHANNEL
from podium.identity.tenant import DEFAULT_TENANT
from podium.identity.user import OPERATOR
from podium.kit import clock
from podium.store.batch import Batch
from podium.store.database import Database

__all__ = ["CHANNEL", "Keyring"]

_GOOD_SECONDS = 3.0
_BAD_SECONDS = 1.0
_MOST_ENTRIES = 16_384
_MOST_CHARACTERS = 512

_Found = tuple[Principal, float | None] | None
_By = TypeVar("_By")
_Kept = TypeVar("_Kept")


class Keyring:
    """The keys that this process has seen lately.

    Args:
        operator_hash: `digest` of the operator's key, which is a setting and no row; None if there is no such key.
    """

    def __init__(self, database: Database, operator_hash: bytes | None) -> None:
        self._database = database
        self._operator_hash = operator_hash
        self._good: dict[bytes, tuple[Principal, float]] = {}
        self._bad: dict[bytes, float] = {}
        self._tenants: dict[str, str] = {DEFAULT_TENANT.name: DEFAULT_TENANT.id}
        self._forgotten = 0
        self._lookup: Batch[bytes, _Found] = Batch("keys", self._look_up, patience=1.0)

    async def find(self, presented: str) -> Principal:
        """The principal of this key; the operator's own acts in the tenant `default`.

        Raises:
            Unauthenticated: not a key of ours, or expired, or revoked.
            Unavailable: the key is not in memory and the database does not answer.
        """
        if not 0 < len(presented) <= _MOST_CHARACTERS:
            raise Unauthenticated
        hashed = digest(presented)
        known = self._good.get(hashed)
        if known is not None and clock.monotonic() < known[1]:
            return known[0]
        if self._operator_hash is not None and hmac.compare_digest(hashed, self._operator_hash):
            return _OPERATOR
        if not may_be_key(presented) or clock.monotonic() < self._bad.get(hashed, 0.0):
            raise Unauthenticated
        return await self._find_stored(hashed)

    async def act_in(self, principal: Principal, tenant_name: str) -> Principal:
        """The same principal in the tenant that a request names: the operator's in any, others in their own alone.

        Raises:
            Unknown: there is no such tenant, or it is another's; the two are not told apart.
        """
        if tenant_name == principal.tenant_name:
            return principal
        tenant = await self._find_tenant(tenant_name) if principal.is_operator else None
        if tenant is None:
            raise Unknown("There is no such tenant.", param="tenant")
        return operator_in(tenant, tenant_name)

    def forget(self, key_id: str) -> None:
        """Ask the database again for this key; called when it was revoked, here or elsewhere."""
        self._forgotten += 1
        for hashed in [hashed for hashed, (known, _) in self._good.items() if known.key == key_id]:
            del self._good[hashed]

    async def close(self) -> None:
        """Wait for lookups under way."""
        await self._lookup.close()

    async def _find_stored(self, hashed: bytes) -> Principal:
        asked_at, forgotten = clock.monotonic(), self._forgotten
        found = await self._lookup.put(hashed)
        if found is None:
            _keep(self._bad, hashed, clock.monotonic() + _BAD_SECONDS)
            raise Unauthenticated
        principal, remaining = found
        if forgotten == self._forgotten:
            good = _GOOD_SECONDS if remaining is None else min(_GOOD_SECONDS, remaining)
            _keep(self._good, hashed, (principal, asked_at + good))
        return principal

    async def _look_up(self, hashes: Sequence[bytes]) -> list[_Found]:
        found = await queries.find_principals(self._database, hashes)
        return [found.get(each) for each in hashes]

    async def _find_tenant(self, name: str) -> str | None:
        if name not in self._tenants:
            tenant = await queries.find_tenant(self._database, name)
            if tenant is None:
                return None
            _keep(self._tenants, name, tenant)  # a tenant keeps its name for ever
        return self._tenants[name]


def operator_in(tenant: str, tenant_name: str) -> Principal:
    """The operator, acting as admin of this tenant."""
    return Principal(
        tenant=tenant,
        user=OPERATOR.id,
        key=OPERATOR_KEY,
        scope="admin",
        tier="unlimited",
        tenant_name=tenant_name,
        user_name=OPERATOR.name,
        is_operator=True,
    )


_OPERATOR = operator_in(DEFAULT_TENANT.id, DEFAULT_TENANT.name)


def _keep(kept: dict[_By, _Kept], by: _By, value: _Kept) -> None:
    """Remember, and start over rather than grow without end."""
    if len(kept) >= _MOST_ENTRIES:
        kept.clear()
    kept[by] = value
