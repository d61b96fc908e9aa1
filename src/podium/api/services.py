"""What the handlers work with, made by `app` and handed in as one value."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from podium.identity import Keyring, Keys
from podium.resilience.health import Health
from podium.store.database import Database


async def stop_nothing(_conversation: str) -> None:
    """Where no turns run, none has to be stopped."""


def is_staying() -> bool:
    """Whether a server that never leaves is leaving."""
    return False


@dataclass(frozen=True, slots=True)
class Services:
    """Args of every handler.

    `forget_turns` is called with the id of a conversation before it is deleted: it stops what runs and waits there and
    removes what is kept of its turns. `checks` are what `/health` asks besides the database, by name; one that fails
    raises a PodiumError, and the server works without it. `endpoints` are the hosts of models, by name.
    `is_draining` says whether this server is going away. `default_budgets` are those of users who have none, by day, by
    month and in total, in nano-dollars.
    """

    database: Database
    keyring: Keyring
    keys: Keys
    forget_turns: Callable[[str], Awaitable[None]] = stop_nothing
    checks: Mapping[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)
    is_draining: Callable[[], bool] = is_staying
    endpoints: Mapping[str, Health] = field(default_factory=dict)
    default_budgets: Sequence[int | None] = ()


_OWN = "podium.services"


async def services_of(request: Request) -> Services:  # FastAPI runs others in a thread
    """The services of the application that serves this request, or those that were lent to this request alone."""
    services: Services = request.scope.get(_OWN) or request.app.state.services
    return services


TheServices = Annotated[Services, Depends(services_of)]
"""As handlers of resources are given them."""


def lend(request: Request, services: Services) -> None:
    """Let this request be served with these."""
    request.scope[_OWN] = services
