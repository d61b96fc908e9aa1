"""Whether the server lives, whether it can work, and how what it works with is."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

import podium
from podium.api.openapi import error_replies
from podium.api.resources.route import OpenRoute, Route
from podium.api.services import Services, services_of
from podium.errors import OperatorError, PodiumError
from podium.kit import clock
from podium.resilience.circuit import State
from podium.resilience.health import Report
from podium.store.migrate import is_current
from podium.turn import queries

router = APIRouter(route_class=OpenRoute, tags=["health"])
neighbours = APIRouter(route_class=Route, tags=["health"])

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


class Service(BaseModel):
    """One neighbour. `state` is an endpoint's circuit, else `up` or `down`.

    `latency_ms` is that of the last answer's first piece, for database and Redis that of a question asked now; null
    before there was any. `last_error` is null when the last call went well.
    """

    healthy: bool
    state: State | Literal["up", "down"]
    latency_ms: float | None
    last_error: str | None


class Backlog(BaseModel):
    """Turns of all server processes together: how many run, how many wait, and for how long the first of these has."""

    running: int
    queued: int
    waited_seconds: float


class ServiceList(BaseModel):
    """Every neighbour by name: the endpoints, `database`, and `redis` where there is one."""

    services: dict[str, Service]


class Stats(BaseModel):
    """Since this process started. A request is a call with its retries; a response time is that of its first piece."""

    total_requests: int
    success_rate: float
    consecutive_failures: int
    avg_response_time_ms: float


class CircuitBreaker(BaseModel):
    """Whether an endpoint is asked; `half_open` asks it once to see."""

    state: State
    stats: Stats


class CircuitBreakerList(BaseModel):
    """Every endpoint by name."""

    circuit_breakers: dict[str, CircuitBreaker]


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


@neighbours.get(
    "/health/services",
    responses=error_replies("member", takes="nothing"),
    summary="How are its neighbours?",
)
async def list_services(services: Annotated[Services, Depends(services_of)]) -> ServiceList:
    """Endpoints as their last calls found them, in the process that answers; nothing is sent to them for this."""
    checks = {"database": _needed(services)["database"], **services.checks}
    timed = await asyncio.gather(*(_timed(check) for check in checks.values()))
    endpoints = {name: _service(health.report()) for name, health in services.endpoints.items()}
    return ServiceList(services={**endpoints, **dict(zip(checks, timed, strict=True))})


@neighbours.get(
    "/health/turns",
    responses=error_replies("member", takes="nothing"),
    summary="How much is there to do?",
)
async def get_backlog(services: Annotated[Services, Depends(services_of)]) -> Backlog:
    """Of all processes together."""
    found = await queries.backlog(services.database)
    return Backlog(running=found.running, queued=found.queued, waited_seconds=round(found.seconds, 3))


@neighbours.get(
    "/health/circuit-breakers",
    responses=error_replies("member", takes="nothing"),
    summary="Which endpoints are asked?",
)
async def list_circuit_breakers(services: Annotated[Services, Depends(services_of)]) -> CircuitBreakerList:
    """In the process that answers: each has its own. An endpoint whose breaker is off is always `closed`."""
    reports = {name: health.report() for name, health in services.endpoints.items()}
    return CircuitBreakerList(circuit_breakers={name: _breaker(each) for name, each in reports.items()})


def _service(report: Report) -> Service:
    return Service(
        healthy=report.is_healthy,
        state=report.state,
        latency_ms=report.last_milliseconds,
        last_error=report.last_error,
    )


def _breaker(report: Report) -> CircuitBreaker:
    stats = Stats(
        total_requests=report.total_requests,
        success_rate=report.success_rate,
        consecutive_failures=report.consecutive_failures,
        avg_response_time_ms=report.average_milliseconds,
    )
    return CircuitBreaker(state=report.state, stats=stats)


async def _timed(check: Check) -> Service:
    began = clock.monotonic()
    said = await _asked(check)
    is_up = said == "ok"
    milliseconds = round((clock.monotonic() - began) * 1000, 3)
    return Service(
        healthy=is_up,
        state="up" if is_up else "down",
        latency_ms=milliseconds if is_up else None,
        last_error=None if is_up else said,
    )


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
