"""A sample of recorded traffic through the whole server, held to the four numbers."""

import random

import pytest

from tests.outside.exchange import exchanges, folder
from tests.outside.outcome import FLOOR, NUMBERS, RIGHT, share
from tests.outside.run import run

SAMPLE = 150
_SEED = 4


@pytest.mark.filterwarnings("ignore")  # of the SDKs, on what hosts send
@pytest.mark.timeout(300)
@pytest.mark.skipif(folder() is None, reason="PODIUM_TEST_DATA names no folder with recordings")
async def test_what_goes_in_comes_out_through_the_whole_server() -> None:
    root = folder()
    assert root is not None
    outcomes = await run(random.Random(_SEED).sample(list(exchanges(root)), SAMPLE))
    wrong = [f"{each.check}: {each.exchange}: {each.how}" for each in outcomes if each.kind not in RIGHT]
    assert not wrong, "\n".join(wrong)
    assert {each.number for each in outcomes} == set(NUMBERS)
    shares = {
        n: share(each for each in outcomes if each.number == n and each.kind != "meant") for n in NUMBERS
    }
    assert {number: found for number, found in shares.items() if found < FLOOR[number]} == {}
