"""What database errors mean, decided in one place."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from podium.errors import PodiumError, Unavailable


class BadItem(PodiumError):
    """The database refused the data itself; trying again cannot help."""

    code = "bad_data"


class Again(PodiumError):
    """A deadlock or serialization failure; the same statement may succeed now."""

    code = "try_again"


class ConnectionLost(Unavailable):
    """The connection broke while a statement was under way: it may or may not have happened."""


_CONNECTION = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    OSError,
    TimeoutError,
)
_NOT_NOW = (
    asyncpg.TooManyConnectionsError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.QueryCanceledError,
    asyncpg.ObjectNotInPrerequisiteStateError,  # a lock not had in time; or nobody is let in, while it is moved
    asyncpg.InvalidAuthorizationSpecificationError,  # a password that is being changed
    asyncpg.InvalidCatalogNameError,
    asyncpg.DatabaseDroppedError,
)
_BAD_DATA = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.ProgramLimitExceededError)


@contextmanager
def translated() -> Iterator[None]:
    """Turn asyncpg's errors into Podium's.

    Raises:
        ConnectionLost: the connection broke; outcome unknown.
        Unavailable: the database answers, but not this now.
        Again: deadlock or serialization failure.
        BadItem: the data was refused.
    """
    try:
        yield
    except (asyncpg.DeadlockDetectedError, asyncpg.SerializationError) as error:
        raise Again(str(error)) from error
    except _BAD_DATA as error:
        raise BadItem(str(error)) from error
    except _NOT_NOW as error:
        raise Unavailable(f"The database refuses: {error}", after=1.0) from error
    except _CONNECTION as error:
        raise ConnectionLost(f"The database does not answer: {error}", after=1.0) from error
