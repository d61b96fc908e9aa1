"""Why there is no embedded database; every message says what is wrong, every hint what to do.

OperatorError
├── Unusable      the data directory cannot serve, and nothing in it was touched
└── Unstartable   Postgres was to be started, and could not be
"""

import re

from podium.errors import OperatorError

_COMPLAINT = re.compile(r"(?:FATAL|PANIC|error): +(.+)")


class Unusable(OperatorError):
    """The data directory cannot be used."""

    code = "data_directory_unusable"


class Unstartable(OperatorError):
    """The embedded database cannot be started."""

    code = "database_unstartable"


def find_complaint(text: str) -> str:
    """The last complaint in what a program of Postgres wrote, else its last line."""
    complaints: list[str] = _COMPLAINT.findall(text)
    return (complaints or text.split("\n"))[-1].strip() or "it says nothing"
