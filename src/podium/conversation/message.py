"""A message: what one speaker said, at its place in a conversation."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Message:
    """`position` counts from 1 without gaps; `parts` is the exact JSON of the vocabulary's parts."""

    id: str
    position: int
    speaker: str
    role: str
    parts: str
    turn_id: str | None
    created_at: datetime
