"""Who asks: tenants, users, their keys, and the principal that a presented key stands for.

`api` finds the principal of every request here, through a keyring that remembers it for at most three seconds, and
makes, lists and revokes keys; every other folder is handed the principal as a value. Secrets are stored hashed and
shown once.
"""

from podium.identity.key import OPERATOR_KEY, Issued, Key, NewKey, digest
from podium.identity.keyring import CHANNEL, Keyring
from podium.identity.keys import Keys
from podium.identity.principal import Principal, Scope, Tier
from podium.identity.tenant import DEFAULT_TENANT, Tenant
from podium.identity.user import User

__all__ = [
    "CHANNEL",
    "DEFAULT_TENANT",
    "OPERATOR_KEY",
    "Issued",
    "Key",
    "Keyring",
    "Keys",
    "NewKey",
    "Principal",
    "Scope",
    "Tenant",
    "Tier",
    "User",
    "digest",
]
