"""Identifiers: a prefix that says what it names, then 128 bits that sort by time of making; and other random draws."""

import random
import re
import secrets
import time

_SHAPE = re.compile(r"[a-z]+_[0-9a-f]{32}\Z")


def new(prefix: str) -> str:
    """A new identifier: 48 bits of milliseconds, then 80 random bits, in hexadecimal.

    The order of making keeps index pages warm. An identifier is no secret (who may see what it names is always asked),
    so the quick generator, seeded by the system, draws the rest.
    """
    return f"{prefix}_{int(time.time() * 1000) & 0xFFFF_FFFF_FFFF:012x}{random.getrandbits(80):020x}"


def stamp(identifier: str) -> int:
    """When an identifier was made, in whole seconds since 1970."""
    return int(identifier.partition("_")[2][:12], 16) // 1000


def nobody(prefix: str) -> str:
    """An identifier that nothing has."""
    return f"{prefix}_{'0' * 32}"


def before(prefix: str, seconds: float) -> str:
    """The smallest identifier that could have been made so many seconds ago: all smaller ones are older."""
    return f"{prefix}_{int((time.time() - seconds) * 1000) & 0xFFFF_FFFF_FFFF:012x}{'0' * 20}"


def is_id(prefix: str, text: str) -> bool:
    """Whether `text` has the shape of an identifier with this prefix; says nothing of its existence."""
    return text.startswith(prefix + "_") and _SHAPE.match(text) is not None


def secret(prefix: str) -> str:
    """A new secret of 256 random bits, to be shown once and stored hashed."""
    return f"{prefix}_{secrets.token_urlsafe(32)}"


def draw(most: float) -> float:
    """A random number from 0 to below `most`; so that those who wait do not all come back at once."""
    return most * random.getrandbits(48) / (1 << 48)
