"""Recorded requests on their way to hosts of other wires: none silently changed, none refused without need."""

import re
from functools import cache
from pathlib import Path

import pytest

from tests.wires.recorded import folder
from tests.wires.translation import (
    CHANGED,
    NAMED,
    NEEDLESS,
    OTHERS,
    REFUSED,
    SAME,
    Outcome,
    Sent,
    outcomes,
    requests,
    tallied,
    translate,
)

FLOOR = {
    "openai_chat → anthropic": (1240, 1280),
    "openai_chat → gemini": (1260, 1280),
    "anthropic → openai_chat": (555, 658),
    "anthropic → gemini": (560, 658),
    "gemini → openai_chat": (520, 600),
    "gemini → anthropic": (515, 600),
}
"""How many of how many arrive meaning the same; the others say what no host of the other wire could hear."""

_PATH = re.compile(r"\w+(\[\d+\])?(\.\w+(\[\d+\])?)*")


@pytest.mark.skipif(folder() is None, reason="PODIUM_TEST_DATA names no folder with recordings")
def test_recorded_requests_arrive_meaning_the_same_or_are_refused_for_what_the_other_wire_cannot_say() -> (
    None
):
    root = folder()
    assert root is not None
    found = list(outcomes(root))
    tallies, _ = tallied(iter(found))
    wrong = [each for each in found if each.verdict in (CHANGED, NEEDLESS)]
    assert not wrong, "\n".join(_told(each) for each in wrong)
    for way, (least, total) in FLOOR.items():
        tally = tallies[way]
        assert tally[SAME] + tally[NAMED] + tally[REFUSED] == total, way
        assert tally[SAME] + tally[NAMED] >= least, way
    assert not [each for each in found if each.verdict == REFUSED and not _PATH.fullmatch(each.param or "")]


@cache
def _some(root: Path) -> tuple[Sent, ...]:
    """One in seven of the recorded requests, which takes a second for each model."""
    return tuple(requests(root))[::7]


@pytest.mark.skipif(folder() is None, reason="PODIUM_TEST_DATA names no folder with recordings")
@pytest.mark.parametrize(
    ("target", "model"), [(target, model) for target, models in OTHERS.items() for model in models]
)
def test_whichever_model_is_asked_nothing_is_changed_in_silence_nor_refused_without_need(
    target: str, model: str
) -> None:
    root = folder()
    assert root is not None
    found = [translate(sent, target, model) for sent in _some(root) if sent.wire != target]
    assert len(found) > 150
    wrong = [each for each in found if each.verdict in (CHANGED, NEEDLESS)]
    assert not wrong, "\n".join(_told(each) for each in wrong)
    assert not [each for each in found if each.verdict == REFUSED and not _PATH.fullmatch(each.param or "")]


def _told(outcome: Outcome) -> str:
    return f"{outcome.sent.wire} → {outcome.target}: {outcome.sent.name}: {outcome.reason}"
