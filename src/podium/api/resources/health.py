"""Whether the server lives, and whether it can work."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

import podium
from podium.api.resources.route import OpenRoute
from podium.api.services import Services, services_of
from podium.errors import OperatorError, PodiumError
from podium.store.migrate import is_current

router = APIRouter(route_class=OpenRoute, tags=["health"])

Check = Callable[[], Awaitable[None]]

_CHECK_SECONDS = 2.0


class Life(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Health(BaseModel):
    """Whether requests can be served, and what of it is well. `checks` by name: `ok`, or the code of what is wrong."""

    status: Literal["ok", "degraded", "unwell", "draining"]
    version: str
    checks: dict[str, str]


_UNWELL: dict[int | str, dict[str, Any]] = {503: {"model": Health, "description": "It cannot serve now."}}


@router.get("/livez", summary="Does the process live?")
async def livez() -> Life:
    """Answers as long as the process does; asks nothing else."""
    return Life()


@router.get("/readyz", summary="Can it serve?", responses=_UNWELL, response_model=Health)
async def readyz(services: Annotated[Services, Depends(services_of)]) -> JSONResponse:
    """Asks for what it cannot do without: the database and its schema; 503 also while the server is going away."""
    return _told(services, await _ask(_needed(services)), {})


@router.get("/health", summary="How is it?", responses=_UNWELL, response_model=Health)
async def health(services: Annotated[Services, Depends(services_of)]) -> JSONResponse:
    """Asks for what it could do without as well; then it is `degraded`, and goes on."""
    needed, wanted = await asyncio.gather(_ask(_needed(services)), _ask(services.checks))
    return _told(services, needed, wanted)


def _needed(services: Services) -> dict[str, Check]:
    async def database() -> None:
        await services.database.fetch("SELECT 1")

    async def schema() -> None:
        if not await is_current(services.database.dsn):
            raise OperatorError("The database's schema is older than this server.")

    return {"database": database, "schema": schema}


async def _ask(checks: Mapping[str, Check]) -> dict[str, str]:
    said = await asyncio.gather(*(_asked(check) for check in checks.values()))
    return dict(zip(checks, said, strict=True))


async def _asked(check: Check) -> str:
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            await check()
    except PodiumError as error:
        return error.code
    except TimeoutError:
        return "timeout"
    return "ok"


def _told(services: Services, needed: dict[str, str], wanted: dict[str, str]) -> JSONResponse:
    status: Literal["ok", "degraded", "unwell", "draining"] = "ok"
    if services.is_draining():
        status = "draining"
    elif any(said != "ok" for said in needed.values()):
        status = "unwell"
    elif any(said != "ok" for said in wanted.values()):
        status = "degraded"
    told = Health(status=status, version=podium.__version__, checks={**needed, **wanted})
    return JSONResponse(told.model_dump(), 200 if status in ("ok", "degraded") else 503)


@router.get("/", include_in_schema=False)
@router.head("/", include_in_schema=False)
async def root() -> dict[str, str]:
    """Say who is here."""
    return {"name": "podium", "version": podium.__version__, "openapi": "/openapi.json", "health": "/health"}


@router.get("/openapi.json", include_in_schema=False)
async def openapi(request: Request) -> JSONResponse:
    """The document that describes every route."""
    return JSONResponse(request.app.state.openapi())
