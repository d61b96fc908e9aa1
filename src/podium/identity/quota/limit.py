"""What may be taken, as the operator sets it, and the meters that a principal's turns run through."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from podium.identity.principal import Principal, Tier
from podium.identity.quota.rate import Rate
from podium.identity.user import OPERATOR

What = Literal["requests", "tokens"]
Whose = Literal["user", "key", "tenant"]


@dataclass(frozen=True, slots=True)
class Limit:
    """Requests and tokens a minute, and turns under way at once; None is no limit."""

    requests: int | None = None
    tokens: int | None = None
    turns: int | None = None


def _even(number: int) -> Limit:
    return Limit(requests=number, turns=number)


TIERS: Mapping[Tier, Limit] = MappingProxyType(
    {
        "free": _even(5),
        "basic": _even(10),
        "professional": _even(100),
        "enterprise": _even(500),
        "unlimited": Limit(),
    }
)
"""What a user of each tier may take where the operator says nothing else."""


@dataclass(frozen=True, slots=True)
class Limits:
    """All limits of an installation.

    `tiers` are those of a user, by the tier of the key that they ask with; `key` and `tenant` hold for each key and
    each tenant, whatever the tier. `replicas` is the number of servers among which limits are divided where they share
    no Redis. `most_turns` bounds the turns under way in one process, `most_queued` those that wait in one conversation.
    """

    tiers: Mapping[Tier, Limit] = field(default_factory=lambda: TIERS)
    key: Limit = Limit()
    tenant: Limit = Limit()
    replicas: int = 1
    most_turns: int = 2000
    most_queued: int = 100


@dataclass(frozen=True, slots=True)
class Meter:
    """What counts one thing for one user, key or tenant, under `name`; `said` is the limit as people know it."""

    name: str
    what: What
    whose: Whose
    rate: Rate
    said: int


@dataclass(frozen=True, slots=True)
class Seats:
    """How many turns of one user, key or tenant may be under way."""

    name: str
    whose: Whose
    most: int
    said: int


@dataclass(frozen=True, slots=True)
class Plan:
    """All that one principal's turns are counted by."""

    meters: tuple[Meter, ...]
    seats: tuple[Seats, ...]
    counts_tokens: bool
    one: tuple[int, ...]
    """One request, where tokens do not matter."""

    def amounts(self, requests: int, tokens: int) -> tuple[int, ...]:
        """So many requests and tokens, as each meter counts them."""
        if requests == 1 and not self.counts_tokens:
            return self.one
        return tuple([requests if each.what == "requests" else tokens for each in self.meters])


def plan(who: Principal, limits: Limits, *, share: int) -> Plan | None:
    """What counts this principal's turns in one of `share` processes that divide the limits; None: nothing does.

    The operator's key has no limit, nor has a tenant in which it asks; a user for whom it speaks has theirs.
    """
    is_itself = who.is_operator and who.user == OPERATOR.id
    scopes: tuple[tuple[Whose, str, Limit], ...] = (
        ("user", who.user, Limit() if is_itself else limits.tiers[who.tier]),
        ("key", who.key, Limit() if who.is_operator else limits.key),
        ("tenant", who.tenant, Limit() if who.is_operator else limits.tenant),
    )
    # In braces what keeps all of a tenant's on one node of a Redis cluster.
    named = [(whose, f"podium:quota:{{{who.tenant}}}:{name}", limit) for whose, name, limit in scopes]
    meters = tuple(meter for scope in named for meter in _meters(*scope, share=share))
    seats = tuple(
        Seats(f"{name}:turns", whose, max(limit.turns // share, 1), limit.turns)
        for whose, name, limit in named
        if limit.turns is not None
    )
    if not meters and not seats:
        return None
    counts_tokens = any(each.what == "tokens" for each in meters)
    return Plan(meters, seats, counts_tokens, one=tuple(1 for _ in meters))


def _meters(whose: Whose, name: str, limit: Limit, *, share: int) -> Iterator[Meter]:
    if limit.requests is not None:
        yield Meter(f"{name}:requests", "requests", whose, Rate.of(limit.requests, share), limit.requests)
    if limit.tokens is not None:
        yield Meter(f"{name}:tokens", "tokens", whose, Rate.of(limit.tokens, share), limit.tokens)
