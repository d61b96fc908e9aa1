"""The recordings through both halves of the wire, against the official SDK."""

import warnings
from collections import defaultdict

import pytest

from tests.wires.gemini.conformance import Tally, outcomes, reason_for
from tests.wires.recorded import folder

FLOOR = {
    "request, own dialect": 1.0,
    "request, written anew": 1.0,
    "request, lines anew": 1.0,
    "client half": 1.0,
    "usage": 1.0,
    "document → document": 1.0,
    "document → stream": 1.0,
    "document → list": 1.0,
    "stream → stream": 1.0,
    "stream → document": 1.0,
    "stream → list": 1.0,
    "list → stream": 1.0,
    "list → document": 1.0,
    "list → list": 1.0,
    "error": 0.8,
}
"""The share of each check that comes out the same; what differs has its reason in `conformance.REASONS`."""


@pytest.mark.skipif(folder() is None, reason="PODIUM_TEST_DATA names no folder with recordings")
def test_recordings_come_out_as_they_went_in_but_for_differences_with_a_reason() -> None:
    root = folder()
    assert root is not None
    tallies: dict[str, Tally] = defaultdict(Tally)
    faults = []
    with warnings.catch_warnings(action="ignore"):  # of the SDK, about enumerations that it does not know
        for outcome in outcomes(root):
            tallies[outcome.check].add(outcome)
            if outcome.difference and not reason_for(outcome):
                faults.append(f"{outcome.check}: {outcome.recording.name}: {outcome.difference}")
    assert not faults, "\n".join(faults)
    assert tallies.keys() == FLOOR.keys()
    shares = {check: tally.same / (tally.same + tally.meant) for check, tally in tallies.items()}
    assert {check: share for check, share in shares.items() if share < FLOOR[check]} == {}
