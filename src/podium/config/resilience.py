"""[resilience] and [endpoints.NAME.resilience]: how persistent and how patient to be with hosts of models."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat

from podium.catalogue.endpoint import Patience, Resilience

VARIABLES = {
    "requests_per_minute": "RATE_LIMIT_REQUESTS_PER_MINUTE",
    "breaker_failures": "CIRCUIT_BREAKER_FAILURE_THRESHOLD",
}
"""Settings that the environment may hold for all endpoints."""

_PER_MINUTE = Annotated[int, Field(ge=0, le=1_000_000_000)]


class PatienceTable(BaseModel):
    """How long to wait, in seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    connect_seconds: PositiveFloat | None = None
    first_byte_seconds: PositiveFloat | None = None
    idle_seconds: PositiveFloat | None = None
    total_seconds: PositiveFloat | None = None

    def over(self, patience: Patience) -> Patience:
        """The patience with what is said here."""
        said = {name: getattr(self, f"{name}_seconds") for name in ("connect", "first_byte", "idle", "total")}
        return replace(patience, **{name: value for name, value in said.items() if value is not None})


class ResilienceTable(PatienceTable):
    """What is None is left to the wider table, and in the end to the default. Rates of 0 are no limit."""

    attempts: Annotated[int, Field(ge=1, le=10)] | None = None
    breaker_failures: Annotated[int, Field(ge=0, le=10_000)] | None = None
    requests_per_minute: _PER_MINUTE | None = None
    tokens_per_minute: _PER_MINUTE | None = None


def resilience(tables: Iterable[ResilienceTable]) -> Resilience:
    """What the tables say together, the widest first."""
    said: dict[str, int] = {}
    for table in tables:
        said |= table.model_dump(exclude_none=True, include=set(Resilience.__slots__))
    limits = ("requests_per_minute", "tokens_per_minute")
    return replace(
        Resilience(), **{name: value for name, value in said.items() if value or name not in limits}
    )


def said_by(environment: Mapping[str, str]) -> ResilienceTable:
    """What the environment says for all endpoints.

    Raises:
        ValidationError: of pydantic, about one of `VARIABLES`.
    """
    return ResilienceTable.model_validate(
        {name: environment[variable] for name, variable in VARIABLES.items() if variable in environment}
    )
