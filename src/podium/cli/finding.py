"""What a check of `podium doctor` comes to."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the checkup; `advice` is what to do, where something is to be done."""

    state: Literal["ok", "note", "WRONG"]
    name: str
    text: str
    advice: str = ""
