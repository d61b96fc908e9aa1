"""Sessions, users and messages by UUID: the same 128 bits that stand in our own ids."""

import re

from podium.kit import ids

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")


def uuid_of(identifier: str) -> str:
    """An id of ours as a UUID."""
    bits = identifier.rpartition("_")[2]
    return f"{bits[:8]}-{bits[8:12]}-{bits[12:16]}-{bits[16:20]}-{bits[20:]}"


def user_uuid(user: str, name: str) -> str:
    """A user's UUID: their name where that is one, else their id."""
    return name.lower() if _UUID.match(name) else uuid_of(user)


def id_of(prefix: str, text: str) -> str | None:
    """The id that a UUID stands for, or that is given as it is; None if it is neither."""
    if _UUID.match(text):
        return f"{prefix}_{text.replace('-', '').lower()}"
    return text if ids.is_id(prefix, text) else None


def canonical(name: str) -> str:
    """A name; the same for every spelling of a UUID."""
    return name.lower() if _UUID.match(name) else name


def session_name(word: str) -> str:
    """A session's name, under which budgets wait for it; the same for its id and every spelling of its UUID."""
    identifier = id_of("conv", word)
    return word if identifier is None else uuid_of(identifier)
