"""From what a caller asked for to who may answer."""

from dataclasses import dataclass

from podium.catalogue.catalogue import Candidate, Catalogue
from podium.vocabulary.event import Decided


@dataclass(frozen=True, slots=True)
class Plan:
    """Candidates, best first, and the smallest window among them (tokens): whatever is composed fits all of them."""

    candidates: tuple[Candidate, ...]
    window: int
    decided: Decided


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
