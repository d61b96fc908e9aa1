"""From what a caller asked for to who may answer."""

from dataclasses import dataclass

from podium.catalogue.catalogue import Candidate, Catalogue
from podium.vocabulary.event import Decided

_MOST_PLANS = 1024


@dataclass(frozen=True, slots=True)
class Plan:
    """Candidates, best first, and the smallest window among them (tokens): whatever is composed fits all of them."""

    candidates: tuple[Candidate, ...]
    window: int
    decided: Decided


class Chooser:
    """Chooses from one catalogue, and remembers: the same name gives the same plan for as long as a process lives."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._plans: dict[str | None, Plan] = {}

    def __call__(self, model: str | None) -> Plan:
        """As `choose`.

        Raises:
            UnknownModel: no configured endpoint answers to the name.
        """
        plan = self._plans.get(model)
        if plan is None:
            plan = choose(self._catalogue, model)
            if len(self._plans) >= _MOST_PLANS:  # callers may name any model of an endpoint
                self._plans.clear()
            self._plans[model] = plan
        return plan


def choose(catalogue: Catalogue, model: str | None) -> Plan:
    """The plan for a model's name, or for the default model.

    Raises:
        UnknownModel: no configured endpoint answers to the name.
    """
    candidates = catalogue.resolve(model)
    if not model:
        reason = "no model was named: the default answers"
    elif model in catalogue.routes:
        reason = f"the route {model!r} lists it first"
    else:
        reason = "it was named"
    return Plan(
        candidates=candidates,
        window=min(candidate.profile.context_window for candidate in candidates),
        decided=Decided(
            step="choose",
            chosen=candidates[0].profile.name,
            reason=reason,
            candidates=tuple(candidate.profile.name for candidate in candidates),
        ),
    )
