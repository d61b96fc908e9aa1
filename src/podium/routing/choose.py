"""From what a caller asked for to who may answer."""

from collections.abc import Sequence
from dataclasses import dataclass

from podium.catalogue.catalogue import Candidate, Catalogue
from podium.errors import Unpriced
from podium.kit import clock
from podium.vocabulary.event import Decided

_MOST_PLANS = 1024


@dataclass(frozen=True, slots=True)
class Plan:
    """Candidates, best first, and the smallest window among them (tokens): whatever is composed fits all of them."""

    candidates: tuple[Candidate, ...]
    window: int
    decided: Decided


class Chooser:
    """Chooses from one catalogue, and remembers: the same name gives the same plan for the rest of a minute.

    Not for longer, because some prices change with the hour.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._plans: dict[str | None, Plan] = {}
        self._minute = 0
        catalogue.open_prices()

    def __call__(self, model: str | None) -> Plan:
        """As `choose`.

        Raises:
            UnknownModel: no configured endpoint answers to the name.
            Unpriced: no price is known, and none may be called without.
        """
        minute = clock.unix() // 60
        if (
            minute != self._minute or len(self._plans) >= _MOST_PLANS
        ):  # callers may name any model of an endpoint
            self._plans.clear()
            self._minute = minute
        plan = self._plans.get(model)
        if plan is None:
            plan = self._plans[model] = choose(self._catalogue, model)
        return plan


def choose(catalogue: Catalogue, model: str | None) -> Plan:
    """The plan for a model's name, or for the default model. Candidates without a price are skipped.

    Raises:
        UnknownModel: no configured endpoint answers to the name.
        Unpriced: no price is known, and none may be called without.
    """
    found = catalogue.resolve(model)
    candidates = tuple(each for each in found if catalogue.allow_unpriced or each.profile.price is not None)
    if not candidates:
        raise _unpriced([each.profile.name for each in found])
    if not model:
        reason = "no model was named: the default answers"
    elif model in catalogue.routes:
        reason = f"the route {model!r} lists it first"
    else:
        reason = "it was named"
    skipped = ", ".join(each.profile.name for each in found if each not in candidates)
    return Plan(
        candidates=candidates,
        window=min(candidate.profile.context_window for candidate in candidates),
        decided=Decided(
            step="choose",
            chosen=candidates[0].profile.name,
            reason=f"{reason}; skipped, as no price is known: {skipped}" if skipped else reason,
            candidates=tuple(candidate.profile.name for candidate in candidates),
        ),
    )


def _unpriced(names: Sequence[str]) -> Unpriced:
    of = repr(names[0]) if len(names) == 1 else f"any of {', '.join(map(repr, names))}"
    return Unpriced(
        f"No price is known for {of}, so it is not called.",
        param="model",
        hint=f'Put its price, in dollars per million tokens, into podium.toml: [models."{names[0]}"] and below it'
        ' price = { input = "0.15", output = "0.60" }; or allow_unpriced = true at the head of the file.',
    )
