"""From a model's name to the candidates that can answer."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from podium.catalogue.book import open_book, published
from podium.catalogue.endpoint import Endpoint
from podium.catalogue.profile import Profile, described
from podium.errors import UnknownModel
from podium.kit import clock


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to answer: a model and the place that hosts it."""

    profile: Profile
    endpoint: Endpoint


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Endpoints by name, profiles by `endpoint/model`, routes by alias, and the model of those who name none.

    `families` are profiles for models that are not listed, by patterns of their names. `allow_unpriced` says whether
    models of which no price is known may be called.
    """

    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    routes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    default_model: str | None = None
    families: tuple[Profile, ...] = ()
    allow_unpriced: bool = False

    def resolve(self, name: str | None) -> tuple[Candidate, ...]:
        """The candidates for a name, best first, with what they cost now; without a name, for the default model.

        A name is split at its first slash only if the head is an endpoint. A bare name is a route, a listed model, or
        belongs to the one endpoint whose pattern fits. Nothing answers to a name that cannot be shown.

        Raises:
            UnknownModel: nothing answers to it; the message says what is there.
        """
        name = name or self.default_model
        if not name:
            raise UnknownModel(
                "No model was named and there is no default model.",
                param="model",
                hint="Set default_model in podium.toml, or an OPENAI_API_KEY.",
            )
        found = self.find(name)
        if not found:
            raise self._unknown(name)
        return tuple(_priced(each) for each in found)

    def find(self, name: str) -> tuple[Candidate, ...]:
        """As `resolve`, but without published prices, and empty where nothing answers to the name."""
        each = self.routes.get(name, (name,))
        return tuple(candidate for one in each if (candidate := self._single(one)))

    def models(self) -> tuple[str, ...]:
        """Every name worth showing: routes, then listed models whose endpoint is configured."""
        listed = (name for name, profile in self.profiles.items() if self._is_there(profile))
        return (*self.routes, *listed)

    def open_prices(self) -> None:
        """Load the published prices, if any endpoint's count, so that no caller waits for them."""
        if any(each.price_list and each.price is None for each in self.endpoints.values()):
            open_book()

    def _single(self, name: str) -> Candidate | None:
        if not name.isprintable():  # no host has such a model, and the database could not store all of them
            return None
        head, slash, tail = name.partition("/")
        if slash and head in self.endpoints:
            return self._at(self.endpoints[head], tail) if tail else None
        listed = [p for p in self.profiles.values() if p.model == name and self._is_there(p)]
        if listed:
            return Candidate(listed[0], self.endpoints[listed[0].endpoint])
        fitting = [e for e in self.endpoints.values() if any(fnmatchcase(name, p) for p in e.patterns)]
        return self._at(fitting[0], name) if len(fitting) == 1 else None

    def _is_there(self, profile: Profile) -> bool:
        endpoint = self.endpoints.get(profile.endpoint)
        return endpoint is not None and endpoint.has(profile.model)

    def _at(self, endpoint: Endpoint, model: str) -> Candidate | None:
        if not endpoint.has(model):
            return None
        known = self.profiles.get(f"{endpoint.name}/{model}")
        return Candidate(known or described(endpoint.name, model, self.families), endpoint)

    def _unknown(self, name: str) -> UnknownModel:
        there = self.models()
        endpoint = self.endpoints.get(name.partition("/")[0])
        likely = list(endpoint.names) if endpoint is not None else []
        likely = likely or self._of_endpoints(name) or difflib.get_close_matches(name, there, n=1)
        endpoints = ", ".join(", ".join(each.names) or f"{each.name}/…" for each in self.endpoints.values())
        return UnknownModel(
            f"No configured endpoint answers to the model {name!r}.",
            param="model",
            hint=(f"Did you mean {likely[0]!r}? " if likely else "")
            + f"Listed models: {', '.join(there[:20]) or 'none'}. Endpoints: {endpoints or 'none'}.",
        )

    def _of_endpoints(self, name: str) -> list[str]:
        """The names under which endpoints have the model: listed ones, those of routes, and the default one."""
        named = (*self.models(), *(each for route in self.routes.values() for each in route))
        known = dict.fromkeys((*named, self.default_model or ""))
        return [each for each in known if each.endswith(f"/{name}") and self.find(each)]


def _priced(candidate: Candidate) -> Candidate:
    """With the price of its profile, else of its endpoint, else the published one; as it is where there is none."""
    profile, endpoint = candidate.profile, candidate.endpoint
    price = profile.price or endpoint.price
    if price is None and endpoint.price_list is not None:
        price = published(endpoint.price_list, profile.model, clock.now())
    return candidate if price is profile.price else Candidate(replace(profile, price=price), endpoint)
