"""A person or program of a tenant; conversations belong to one."""

import re
from dataclasses import dataclass

from podium.identity.principal import DEFAULT_TIER, Tier
from podium.identity.tenant import DEFAULT_TENANT

UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")


@dataclass(frozen=True, slots=True)
class User:
    """`id` is ours; `name` is what the tenant calls them, unique within it; `tier` is that of keys which have none."""

    id: str
    tenant: str
    name: str
    tier: Tier = DEFAULT_TIER


OPERATOR = User("usr_" + "0" * 32, DEFAULT_TENANT.id, "operator")
"""Who runs this installation, in whichever tenant it acts; made with the tables."""


def canonical(name: str) -> str:
    """A user's name as it is stored: the same for every spelling of a UUID."""
    return name.lower() if UUID.match(name) else name
