"""[limits]: what users, keys and tenants may ask for, and how much at once this server takes."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from podium.identity.principal import TIERS
from podium.identity.quota import Limit, Limits

_Number = Annotated[int, Field(ge=0, le=1_000_000_000)]
_MEMBERS = {"requests_per_minute": "requests", "tokens_per_minute": "tokens", "concurrent_turns": "turns"}


class LimitTable(BaseModel):
    """[limits.free] and its like. What is None is as it was; 0 is no limit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    requests_per_minute: _Number | None = None
    tokens_per_minute: _Number | None = None
    concurrent_turns: _Number | None = None

    def over(self, limit: Limit) -> Limit:
        """The limit with what is said here."""
        said = {_MEMBERS[name]: number for name, number in self if number is not None}
        return replace(limit, **{name: number or None for name, number in said.items()})


class LimitsTable(BaseModel):
    """[limits]."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    free: LimitTable = LimitTable()
    basic: LimitTable = LimitTable()
    professional: LimitTable = LimitTable()
    enterprise: LimitTable = LimitTable()
    unlimited: LimitTable = LimitTable()
    key: LimitTable = LimitTable()
    tenant: LimitTable = LimitTable()
    replicas: Annotated[int, Field(ge=1, le=1_000)] | None = None
    turns_per_process: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    queued_per_conversation: Annotated[int, Field(ge=1, le=10_000)] | None = None


_SCOPES = (*TIERS, "key", "tenant")
_ALONE = ("replicas", "turns_per_process", "queued_per_conversation")
VARIABLES: Mapping[tuple[str, ...], str] = {
    **{(name,): f"PODIUM_LIMITS_{name.upper()}" for name in _ALONE},
    **{
        (scope, name): f"PODIUM_LIMITS_{scope.upper()}_{name.upper()}"
        for scope in _SCOPES
        for name in _MEMBERS
    },
}
"""What the environment may say, by the path of the key in [limits]."""


def limits_said_by(environment: Mapping[str, str]) -> LimitsTable:
    """What the environment says.

    Raises:
        ValidationError: of pydantic, about one of `VARIABLES`.
    """
    said = {path: environment[variable] for path, variable in VARIABLES.items() if variable in environment}
    alone = {path[0]: value for path, value in said.items() if len(path) == 1}
    tables = {
        scope: {path[1]: value for path, value in said.items() if path[0] == scope and len(path) > 1}
        for scope in _SCOPES
    }
    return LimitsTable.model_validate({**alone, **tables})


def limits(*tables: LimitsTable) -> Limits:
    """What the tables say together; the later goes before the earlier, all before the defaults."""
    found = Limits()
    for table in tables:
        found = Limits(
            tiers={tier: getattr(table, tier).over(limit) for tier, limit in found.tiers.items()},
            key=table.key.over(found.key),
            tenant=table.tenant.over(found.tenant),
            replicas=table.replicas or found.replicas,
            most_turns=table.turns_per_process or found.most_turns,
            most_queued=table.queued_per_conversation or found.most_queued,
        )
    return found


def told(found: Limits) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each setting as a person sees it: its path in [limits], and its value."""
    yield ("replicas",), str(found.replicas)
    yield ("turns_per_process",), str(found.most_turns)
    yield ("queued_per_conversation",), str(found.most_queued)
    for scope, limit in (*found.tiers.items(), ("key", found.key), ("tenant", found.tenant)):
        for name, member in _MEMBERS.items():
            number = getattr(limit, member)
            yield (scope, name), "" if number is None else str(number)
