"""A person or program of a tenant; conversations belong to one."""

from dataclasses import dataclass

from podium.identity.tenant import DEFAULT_TENANT


@dataclass(frozen=True, slots=True)
class User:
    """`id` is ours; `name` is what the tenant calls them, unique within it."""

    id: str
    tenant: str
    name: str


OPERATOR = User("usr_" + "0" * 32, DEFAULT_TENANT.id, "operator")
"""Who runs this installation, in whichever tenant it acts; made with the tables."""
