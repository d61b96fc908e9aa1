"""What came of the checks, counted."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

NUMBERS = {
    1: "Answers come out as they went in",
    2: "Requests reach a host of their own dialect whole",
    3: "Requests reach a host of another dialect meaning the same",
    4: "Streams that end early do not look finished",
}
FLOOR = {1: 0.995, 2: 0.985, 3: 0.98, 4: 1.0}
"""The share that must be as it should be; of translations, of those that the other dialect can say at all."""

GOOD = ("same", "hinted")
RIGHT = (*GOOD, "meant", "refused")
"""What is no fault."""


@dataclass(frozen=True)
class Outcome:
    """What came of one check.

    `kind` is `same`, `meant` (it differs for a reason) or `fault`; of a translation `same`, `hinted` (a hint is dropped
    and named), `refused` (what the dialect cannot say, by name), `lost` (named, but it meant something), `silent` or
    `fault`.
    """

    number: int
    check: str
    exchange: str
    family: str
    kind: str
    how: str = ""


REASONS: tuple[tuple[str, str], ...] = (
    (
        "broke off before its end",
        "The host gave no finish reason: told as broken off, what was said is kept.",
    ),
    (
        "failed to decode",
        "llama.cpp's server reports its error in a line `error: {…}`, which the SDK passes over.",
    ),
    (
        r'finish_reason is new: "length"',
        "An early vision model told its finish reason as `finish_details.type` alone.",
    ),
    (
        r"tool_call_id` is required|must not be empty|contents\[\d+\]\.role|the text is lost: .The weather in San",
        "What is no request of its dialect is refused: no messages, no such role, a result of no call.",
    ),
)
"""Why a check differs on purpose: pattern of the difference, reason. What fits none is a fault."""


def judged(number: int, check: str, exchange: str, family: str, difference: str) -> Outcome:
    """The outcome of a check that found this difference, or none."""
    if not difference:
        return Outcome(number, check, exchange, family, "same")
    meant = any(re.search(pattern, difference) for pattern, _ in REASONS)
    return Outcome(number, check, exchange, family, "meant" if meant else "fault", difference)


def share(outcomes: Iterable[Outcome]) -> float:
    """The share that is good, of what could be."""
    could = [each.kind in GOOD for each in outcomes if each.kind != "refused"]
    return sum(could) / len(could) if could else 1.0


def table(number: int, outcomes: Iterable[Outcome], *, by: str) -> str:
    """A table in Markdown, a line for each `check` or `family`."""
    kinds = ("hinted", "refused", "lost", "silent", "fault") if number == 3 else ("meant", "fault")
    rows: dict[str, list[Outcome]] = defaultdict(list)
    for each in outcomes:
        if each.number == number:
            rows[getattr(each, by)].append(each)
    lines = [
        f"| {'check' if by == 'check' else 'recorded from'} | total | same | {' | '.join(kinds)} | good |",
        f"| --- |{' ---: |' * (len(kinds) + 3)}",
    ]
    lines += [_row(name, rows[name], kinds) for name in sorted(rows)]
    lines.append(_row("**all**", [each for row in rows.values() for each in row], kinds))
    return "\n".join(lines)


def _row(name: str, outcomes: list[Outcome], kinds: tuple[str, ...]) -> str:
    found = Counter(each.kind for each in outcomes)
    counts = " | ".join(str(found[kind]) for kind in kinds)
    return f"| {name} | {len(outcomes)} | {found['same']} | {counts} | {100 * share(outcomes):.2f} % |"
