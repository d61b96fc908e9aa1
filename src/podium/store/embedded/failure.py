"""Why there is no embedded database; every message says what is wrong, every hint what to do.

OperatorError
├── Unusable      the data directory cannot serve, and nothing in it was touched
└── Unstartable   Postgres was to be started, and could not be
"""

from podium.errors import OperatorError


class Unusable(OperatorError):
    """The data directory cannot be used."""

    code = "data_directory_unusable"


class Unstartable(OperatorError):
    """The embedded database cannot be started."""

    code = "database_unstartable"
