"""Rates, pauses and the allowance for retries, against plain accounts of what they promise."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.resilience.allowance import Allowance
from podium.resilience.pace import Pace, Rate
from tests.resilience.timing import Time

STEPS = st.lists(st.tuples(st.floats(0, 30), st.integers(1, 20)), max_size=60)


@given(per_minute=st.integers(1, 100), steps=STEPS)
def test_in_any_stretch_no_more_is_taken_than_a_minutes_worth_and_what_it_refills(
    per_minute: int, steps: list[tuple[float, int]]
) -> None:
    time = Time()
    rate = Rate(per_minute, now=time.now)
    taken: list[tuple[float, int]] = []
    for seconds, amount in steps:
        time.pass_by(seconds)
        if not rate.wait(amount):
            rate.take(amount)
            taken.append((time.now(), amount))
    for first in range(len(taken)):
        for last in range(first, len(taken)):
            stretch = taken[last][0] - taken[first][0]
            total = sum(amount for _, amount in taken[first : last + 1])
            largest = max(amount for _, amount in taken[first : last + 1])
            assert total <= max(per_minute, largest) + per_minute * stretch / 60 + largest + 1e-6


@given(per_minute=st.integers(1, 100), steps=STEPS, amount=st.integers(1, 200))
def test_the_wait_that_it_tells_is_enough_and_no_more(
    per_minute: int, steps: list[tuple[float, int]], amount: int
) -> None:
    time = Time()
    rate = Rate(per_minute, now=time.now)
    for seconds, each in steps:
        time.pass_by(seconds)
        rate.take(each)
    wait = rate.wait(amount)
    if wait > 1e-3:
        time.pass_by(wait - 1e-3)
        assert rate.wait(amount) > 0
        time.pass_by(1e-3)
    else:
        time.pass_by(wait)
    assert rate.wait(amount) < 1e-6


def test_a_minutes_worth_may_be_taken_at_once_and_then_one_by_one() -> None:
    time = Time()
    rate = Rate(6, now=time.now)
    for _ in range(6):
        assert rate.wait(1) == 0
        rate.take(1)
    assert rate.wait(1) == pytest.approx(10)
    rate.take(-1)
    assert rate.wait(1) == 0


def test_a_pause_is_one_models_and_never_longer_than_a_minute() -> None:
    time = Time()
    pace = Pace(None, None, now=time.now)
    pace.pause("small", 5)
    pace.pause("small", 2)
    pace.pause("large", 86_400)
    assert (pace.paused("small"), pace.paused("large"), pace.paused("other")) == (5, 60, 0)
    time.pass_by(5)
    assert pace.paused("small") == 0


def test_who_says_too_many_and_not_until_when_is_left_alone_for_longer_each_time_until_it_answers() -> None:
    time = Time()
    pace = Pace(None, None, now=time.now)
    rests = []
    for _ in range(8):
        for _ in range(20):  # all who were under way hear the same
            pace.rest("small")
        rests.append(pace.paused("small"))
        time.pass_by(rests[-1])
        assert pace.paused("small") == 0
    assert rests == [0.5, 1, 2, 4, 8, 16, 20, 20]
    assert pace.paused("large") == 0
    pace.wake("small")
    pace.rest("small")
    assert pace.paused("small") == 0.5
    pace.wake("small")
    assert pace.paused("small") == 0


@given(st.lists(st.tuples(st.floats(0, 5), st.booleans()), max_size=200))
def test_retries_are_at_most_a_fifth_of_successes_and_a_few(steps: list[tuple[float, bool]]) -> None:
    time = Time()
    allowance = Allowance(now=time.now)
    began, successes, retries = time.now(), 0, 0
    for seconds, success in steps:
        time.pass_by(seconds)
        if success:
            allowance.earn()
            successes += 1
        else:
            retries += allowance.spend()
        assert retries <= 10 + successes / 5 + (time.now() - began) / 2 + 1e-6


def test_whoever_calls_seldom_may_always_retry() -> None:
    time = Time()
    allowance = Allowance(now=time.now)
    for _ in range(100):
        assert allowance.spend()
        assert allowance.spend()
        time.pass_by(4)
