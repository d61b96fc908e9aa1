"""Put the HTTP face together."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import cache
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.types import ASGIApp

import podium
from podium.api import errors
from podium.api.front import Astray, Front, HotRoute
from podium.api.gate import Gate, Guard
from podium.api.openapi import extended
from podium.api.passage import Limits
from podium.api.resources import ROUTERS
from podium.api.services import Services

_TELLING = (
    "The server between an application and language models. Every answer carries `x-request-id`. The operator's "
    "key acts in the tenant `default`, or in the one that the header `x-podium-tenant` names."
)


def build(
    services: Services,
    hot: Sequence[HotRoute],
    *,
    limits: Limits = Limits(),  # noqa: B008  # a frozen value
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None = None,
    astray: Astray = lambda _scope: None,
) -> ASGIApp:
    """The whole application: gate, hot routes, resources, OpenAPI.

    `astray` finds the dialect in which a request is told that there is no such path; None is natively.

    Raises:
        ValueError: a hot route is there twice, or is a resource's as well.
    """
    guard = Guard(services.keyring, limits)
    resources = FastAPI(
        title="Podium",
        version=podium.__version__,
        openapi_url=None,
        redirect_slashes=False,
        exception_handlers=errors.handlers(),
        lifespan=lifespan,
    )
    resources.state.services = services
    resources.state.guard = guard
    for router in ROUTERS:
        resources.include_router(router)

    @cache
    def document() -> dict[str, Any]:
        """Made when it is first asked for: it takes longer than all the rest."""
        told = get_openapi(
            title="Podium", version=podium.__version__, description=_TELLING, routes=resources.routes
        )
        for operation in (each for methods in told["paths"].values() for each in methods.values()):
            if operation["responses"].get("422", {}).get("description") == "Validation Error":
                del operation["responses"]["422"]  # FastAPI's own; ours is a 400 in the house's shape
        return extended(told, [route for route in hot if not route.is_alias])

    resources.state.openapi = document
    return Gate(Front(hot, resources, guard, astray))
