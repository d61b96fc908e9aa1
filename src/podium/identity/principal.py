"""Who asks, as every folder above is told."""

from dataclasses import dataclass
from typing import Literal

Scope = Literal["admin", "member"]
Tier = Literal["free", "basic", "professional", "enterprise", "unlimited"]

TIERS: tuple[Tier, ...] = ("free", "basic", "professional", "enterprise", "unlimited")
"""In rising order."""

DEFAULT_TIER: Tier = "basic"
"""Of a key that has none, of a user who has none."""


@dataclass(frozen=True, slots=True)
class Principal:
    """A user of a tenant, by one of their keys. `tenant`, `user` and `key` are ids; the names are for people.

    `tier` is the key's own, else the user's, else the default; of who is spoken for, the user's.
    """

    tenant: str
    user: str
    key: str
    scope: Scope
    tier: Tier
    tenant_name: str
    user_name: str
    is_operator: bool = False

    @property
    def is_admin(self) -> bool:
        """Whether it may see and change everything of its tenant."""
        return self.scope == "admin"

    @property
    def only_user(self) -> str | None:
        """The user whose private things alone it may see; None for an admin, who sees the whole tenant's."""
        return None if self.scope == "admin" else self.user
