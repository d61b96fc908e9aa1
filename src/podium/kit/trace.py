"""On whose behalf a task works: the id of the request that asked for it."""

from contextvars import ContextVar

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
"""Tasks that a request starts inherit it; who goes on with what another has asked for sets it anew."""
