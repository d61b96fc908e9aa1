"""The cheap deadline does what the dear one does."""

import asyncio

import pytest

from podium.kit.deadline import Deadline


async def test_what_is_done_in_time_is_left_alone() -> None:
    with Deadline(5):
        assert await asyncio.sleep(0, "done") == "done"


async def test_what_takes_longer_is_cut() -> None:
    with pytest.raises(TimeoutError), Deadline(0.01):
        await asyncio.Event().wait()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_an_error_of_its_own_passes() -> None:
    with pytest.raises(KeyError), Deadline(5):
        raise KeyError


async def test_somebody_elses_cancellation_is_not_taken_for_lateness() -> None:
    async def work() -> None:
        with Deadline(5):
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_cancellation_wins_over_lateness() -> None:
    async def work() -> None:
        with Deadline(0.01):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                asyncio.current_task().cancel()  # type: ignore[union-attr]  # a task runs this
                raise

    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(work())


async def test_of_two_deadlines_the_nearer_one_is_told() -> None:
    with Deadline(5):
        with pytest.raises(TimeoutError), Deadline(0.01):
            await asyncio.Event().wait()
        await asyncio.sleep(0)
