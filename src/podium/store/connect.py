"""Connect to Postgres for the first time: what no other try can mend is told to the operator."""

import asyncpg

from podium.errors import OperatorError

_NEVER = (
    asyncpg.ClientConfigurationError,  # a member of the address that nobody understands, or a file that is not there
    asyncpg.UndefinedObjectError,  # what asyncpg does not know it sends on as a setting of the session
    asyncpg.CantChangeRuntimeParamError,
    asyncpg.InvalidParameterValueError,
)


async def connect(dsn: str, *, timeout: float, statement_cache_size: int = 100) -> asyncpg.Connection:
    """A connection; `timeout` in seconds.

    Raises:
        OperatorError: the address can never work.
        asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError: it does not work now.
    """
    try:
        return await asyncpg.connect(dsn, timeout=timeout, statement_cache_size=statement_cache_size)
    except _NEVER as error:
        raise OperatorError(
            f"DATABASE_URL cannot be used: {error}", hint='See to what stands after the "?" in it.'
        ) from error
