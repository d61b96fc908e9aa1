"""How a model is told how much to think: by a level, by a budget in tokens, or not at all."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from podium.vocabulary.request import Effort

LEVELS = ("minimal", "low", "medium", "high", "xhigh", "max")
"""Every level, least first."""

BUDGETS: Mapping[str, int] = {
    "minimal": 1_024,
    "low": 4_096,
    "medium": 16_384,
    "high": 32_000,
    "xhigh": 48_000,
    "max": 60_000,
}
"""What each level is in tokens, where a profile does not say it."""


@dataclass(frozen=True, slots=True)
class Thinking:
    """What a model takes: the `levels` by name, least first; without any, a budget from `least` to `most` tokens.

    With neither it does not think. `off` is how it is kept from thinking: `unsaid` where it does so only when asked,
    `never` where it always does, else the word for it (`disabled`, `between_tools`), which is a budget of 0 where there
    are budgets. `budgets` is the table between the two: what each level is in tokens.
    """

    levels: tuple[str, ...] = ()
    least: int = 0
    most: int = 0
    off: Literal["unsaid", "disabled", "between_tools", "never"] = "unsaid"
    budgets: Mapping[str, int] = field(default_factory=lambda: BUDGETS)

    def level(self, effort: Effort) -> str | None:
        """The level that comes nearest; None if none is meant.

        Of one by name: the next one that the model takes, else its highest. Of tokens: the one they are worth, else the
        one whose worth differs by the smallest factor.
        """
        wanted = effort.level
        if wanted is None and effort.tokens is not None:
            wanted = next((name for name in LEVELS if self._worth(name) >= effort.tokens), LEVELS[-1])
        if wanted not in LEVELS or not self.levels:
            return None
        if effort.level is None and effort.tokens and wanted not in self.levels:
            return min(self.levels, key=lambda name: _factor(self._worth(name), effort.tokens))
        at = LEVELS.index(wanted)
        return next((each for each in self.levels if LEVELS.index(each) >= at), self.levels[-1])

    def budget(self, effort: Effort) -> int | None:
        """The tokens that an effort means, within what the model takes; None if it means none."""
        tokens = effort.tokens
        if tokens is None:
            tokens = self._worth(effort.level) if effort.level in LEVELS else None
        return None if tokens is None else min(max(tokens, self.least), self.most)

    def _worth(self, level: str) -> int:
        return self.budgets.get(level, BUDGETS[level])


def _factor(one: int, other: int | None) -> float:
    """By how many times two counts of tokens differ."""
    return max(one, other or 1) / min(one, other or 1)


def is_off(effort: Effort) -> bool:
    """Whether no thinking at all is asked for."""
    return effort.level == "none" or (effort.level is None and effort.tokens == 0)
