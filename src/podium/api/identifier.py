"""Sessions, users and messages by UUID: the same 128 bits that stand in our own ids."""

from podium.identity.user import UUID
from podium.kit import ids


def uuid_of(identifier: str) -> str:
    """An id of ours as a UUID."""
    bits = identifier.rpartition("_")[2]
    return f"{bits[:8]}-{bits[8:12]}-{bits[12:16]}-{bits[16:20]}-{bits[20:]}"


def user_uuid(user: str, name: str) -> str:
    """A user's UUID: their name where that is one, else their id."""
    return name.lower() if UUID.match(name) else uuid_of(user)


def id_of(prefix: str, text: str) -> str | None:
    """The id that a UUID stands for, or that is given as it is; None if it is neither."""
    if UUID.match(text):
        return f"{prefix}_{text.replace('-', '').lower()}"
    return text if ids.is_id(prefix, text) else None


def session_name(word: str) -> str:
    """A session's name, under which budgets wait for it; the same for its id and every spelling of its UUID."""
    identifier = id_of("conv", word)
    return word if identifier is None else uuid_of(identifier)
