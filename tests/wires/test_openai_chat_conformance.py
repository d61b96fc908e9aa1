"""The recordings through both halves of the wire, against the official SDK."""

from collections import defaultdict

import pytest

from tests.wires.conformance import Tally, outcomes, reason_for
from tests.wires.recorded import folder

FLOOR = {
    "request, own dialect": 1.0,
    "request, written anew": 0.993,
    "client half": 0.994,
    "usage": 1.0,
    "document → document": 0.96,
    "document → stream": 0.992,
    "stream → stream": 1.0,
    "stream → document": 1.0,
    "error": 1.0,
}
"""The share of each check that comes out the same; what differs has its reason in `conformance.REASONS`."""


@pytest.mark.skipif(folder() is None, reason="PODIUM_TEST_DATA names no folder with recordings")
def test_recordings_come_out_as_they_went_in_but_for_differences_with_a_reason() -> None:
    root = folder()
    assert root is not None
    tallies: dict[str, Tally] = defaultdict(Tally)
    faults = []
    for outcome in outcomes(root):
        tallies[outcome.check].add(outcome)
        if outcome.difference and not reason_for(outcome):
            faults.append(f"{outcome.check}: {outcome.recording.name}: {outcome.difference}")
    assert not faults, "\n".join(faults)
    assert tallies.keys() == FLOOR.keys()
    shares = {check: tally.same / (tally.same + tally.meant) for check, tally in tallies.items()}
    assert {check: share for check, share in shares.items() if share < FLOOR[check]} == {}
