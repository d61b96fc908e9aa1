"""An API key: what is kept of it, and the secret that is shown once."""

import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime

from podium.identity.principal import Scope, Tier
from podium.kit import ids

_PREFIX = "pk"
_VISIBLE = 9
OPERATOR_KEY = ids.nobody("key")
"""The id of the operator's, which is no row."""

_SHAPE = re.compile(r"pk_[A-Za-z0-9_-]{43}\Z")


@dataclass(frozen=True, slots=True)
class NewKey:
    """What a key is to be; `tenant` and `user` are names and are made when new.

    `tier` is the key's own; None leaves it to the user's. `user_tier` becomes the user's; None leaves it as it is.
    """

    tenant: str
    user: str
    scope: Scope
    tier: Tier | None = None
    user_tier: Tier | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """A key without its secret. `tenant` and `user` are names; `prefix` the first characters of the secret."""

    id: str
    prefix: str
    tenant: str
    user: str
    scope: Scope
    tier: Tier
    created_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Issued:
    """A new key and its secret, which exists nowhere else."""

    key: Key
    secret: str = field(repr=False)


def new_secret() -> str:
    """`pk_` and 256 random bits."""
    return ids.secret(_PREFIX)


def may_be_key(presented: str) -> bool:
    """Whether this has the shape of a key of ours; what has not is refused without asking the database."""
    return _SHAPE.match(presented) is not None


def visible(secret: str) -> str:
    """The part of a secret by which people tell their keys apart."""
    return secret[:_VISIBLE]


def digest(secret: str) -> bytes:
    """SHA-256 of the whole secret. A fast hash is right for 256 random bits: there is nothing to guess."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
