"""Whether the server lives, and whether it can work."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

import podium
from podium.api.resources.route import OpenRoute
from podium.api.services import Services, services_of
from podium.errors import PodiumError

router = APIRouter(route_class=OpenRoute, tags=["health"])

_CHECK_SECONDS = 2.0


class Life(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Health(BaseModel):
    """Whether requests can be served, and what of it is well. `checks` by name: `ok`, or the code of what is wrong."""

    status: Literal["ok", "unwell", "draining"]
    version: str
    checks: dict[str, str]


_UNWELL: dict[int | str, dict[str, Any]] = {503: {"model": Health, "description": "It cannot serve now."}}


@router.get("/livez", summary="Does the process live?")
async def livez() -> Life:
    """Answers as long as the process does; asks nothing else."""
    return Life()


@router.get("/readyz", summary="Can it serve?", responses=_UNWELL, response_model=Health)
@router.get("/health", summary="How is it?", responses=_UNWELL, response_model=Health)
async def health(services: Annotated[Services, Depends(services_of)]) -> JSONResponse:
    """Asks the database, its schema and whatever else is needed; 503 while one fails or the server is going away."""
    checks = dict(
        zip(services.checks, await asyncio.gather(*map(_check, services.checks.values())), strict=True)
    )
    status: Literal["ok", "unwell", "draining"] = "ok"
    if services.is_draining():
        status = "draining"
    elif any(said != "ok" for said in checks.values()):
        status = "unwell"
    told = Health(status=status, version=podium.__version__, checks=checks)
    return JSONResponse(told.model_dump(), 200 if status == "ok" else 503)


async def _check(check: Callable[[], Awaitable[None]]) -> str:
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            await check()
    except PodiumError as error:
        return error.code
    except TimeoutError:
        return "timeout"
    return "ok"


@router.get("/", include_in_schema=False)
@router.head("/", include_in_schema=False)
async def root() -> dict[str, str]:
    """Say who is here."""
    return {"name": "podium", "version": podium.__version__, "openapi": "/openapi.json", "health": "/health"}


@router.get("/openapi.json", include_in_schema=False)
async def openapi(request: Request) -> JSONResponse:
    """The document that describes every route."""
    return JSONResponse(request.app.state.openapi())
