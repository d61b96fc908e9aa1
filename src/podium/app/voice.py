"""The stack of providers behind a plan: per candidate limited, breaker, retried, booked and remote, all routed."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

import aiohttp
from msgspec.structs import replace

from podium.catalogue.catalogue import Candidate
from podium.catalogue.endpoint import Endpoint
from podium.catalogue.profile import Price, Profile
from podium.errors import Unavailable
from podium.kit import clock
from podium.ledger.booked import Booked
from podium.ledger.till import Till
from podium.providers.local.local import Local
from podium.providers.provider import Call, Provider
from podium.providers.remote import Count, Remote, open_client
from podium.resilience.breaker import Breaker
from podium.resilience.health import Health
from podium.resilience.limited import Limited
from podium.resilience.retried import Retried
from podium.routing.choose import Plan
from podium.routing.routed import Routed
from podium.vocabulary.request import Request
from podium.wires.wire import Wire

LOCAL = "local"
_COUNT_SECONDS = 10.0
_MOST_BUILT = 1024  # callers may name any model of an endpoint
Address = Callable[[], Awaitable[str]]


class Voices:
    """Builds the provider that speaks for a plan; one HTTP client for all of them."""

    def __init__(
        self,
        wires: Mapping[str, Wire],
        endpoints: Mapping[str, Endpoint],
        *,
        local: Address | None,
        share: int,
        till: Till,
    ) -> None:
        """`local` gives the base URL of the local model, started if need be; `share` processes divide the rates.

        `till` is paid for every attempt.
        """
        self._till = till
        self._wires = wires
        self._local = local
        self.health = {name: Health(each.resilience, share=share) for name, each in endpoints.items()}
        """How each endpoint is, by its name."""
        self._client: aiohttp.ClientSession | None = None
        self._built: dict[tuple[str, Price | None], Provider] = {}

    def open(self) -> None:
        """Open the HTTP client."""
        self._client = open_client()

    async def close(self) -> None:
        """Close it."""
        if self._client is not None:
            await self._client.close()

    def voice(self, plan: Plan) -> Provider:
        """Who speaks for this plan."""
        if len(plan.candidates) == 1:
            return self._single(plan.candidates[0])
        return Routed([(each.profile.name, self._single(each)) for each in plan.candidates])

    def _single(self, candidate: Candidate) -> Provider:
        priced = candidate.profile.name, candidate.profile.price  # which may change with the hour
        built = self._built.get(priced)
        if built is None:
            if len(self._built) >= _MOST_BUILT:
                self._built.clear()
            built = self._built[priced] = self._resilient(candidate)
        return built

    def _resilient(self, candidate: Candidate) -> Provider:
        endpoint, profile = candidate.endpoint, candidate.profile
        health = self.health[endpoint.name]
        count = partial(self._count, candidate) if endpoint.count_tokens else None
        booked = Booked(self._host(candidate), profile, self._till, count)
        retried = Retried(booked, health, name=profile.name, attempts=endpoint.resilience.attempts)
        return Limited(Breaker(retried, health, name=endpoint.name), health, profile)

    def remote(self, candidate: Candidate) -> Remote | None:
        """The bare host, for what is asked of it beside answers; None where it is not to be asked.

        A model in the house is not started for that, and a host whose breaker is open is left alone.
        """
        endpoint = candidate.endpoint
        if self._is_ours(endpoint) or self.health[endpoint.name].circuit.state == "open":
            return None
        return self._remote(endpoint, candidate.profile)

    async def counted(self, candidate: Candidate, request: Request, call: Call) -> Count | None:
        """The host's own count, within ten seconds; None where it is not to be asked, or does not count.

        Raises:
            Inexpressible, ProviderError: as `Remote.count`.
        """
        remote = self.remote(candidate)
        soon = replace(call, deadline=min(call.deadline, clock.monotonic() + _COUNT_SECONDS))
        return None if remote is None else await remote.count(request, soon)

    async def _count(self, candidate: Candidate, call: Call, request: Request) -> int | None:
        count = await self.counted(candidate, request, call)
        return None if count is None else count.tokens

    def _host(self, candidate: Candidate) -> Provider:
        def remote(endpoint: Endpoint) -> Provider:
            return self._remote(endpoint, candidate.profile)

        if self._local is not None and self._is_ours(candidate.endpoint):
            return Local(candidate, self._local, remote)
        return remote(candidate.endpoint)

    def _is_ours(self, endpoint: Endpoint) -> bool:
        return endpoint.name == LOCAL and self._local is not None

    def _remote(self, endpoint: Endpoint, profile: Profile) -> Remote:
        if self._client is None:
            raise Unavailable("The server has not started yet.")
        return Remote(self._client, self._wires[endpoint.wire], endpoint, profile)
