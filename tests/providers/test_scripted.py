"""A provider that plays from memory."""

import pytest

from podium.errors import Overloaded
from podium.providers.provider import Provider
from podium.providers.scripted import Scripted, said
from podium.vocabulary.answer import Collector
from podium.vocabulary.event import TextDelta
from podium.vocabulary.part import plain_text
from tests.providers.calling import asking, call


async def collected(provider: Provider) -> Collector:
    collector = Collector()
    async for delta in provider.stream(asking("hello"), call()):
        collector.add(delta)  # type: ignore[arg-type]  # the scripts of these tests hold no facts
    return collector


async def test_answers_are_played_in_order_and_the_last_one_again() -> None:
    provider = Scripted(said("first words"), said("then these"))
    texts = [plain_text((await collected(provider)).answer().choices[0].parts) for _ in range(3)]
    assert texts == ["first words", "then these", "then these"]
    assert len(provider.asked) == 3


async def test_a_said_answer_is_whole_and_counted() -> None:
    answer = (await collected(Scripted(said("one two three")))).answer()
    assert answer.finished
    assert answer.usage is not None
    assert answer.usage.output == 3


async def test_an_error_is_raised_in_its_place() -> None:
    provider = Scripted((TextDelta(0, "half"), Overloaded()))
    stream = provider.stream(asking("hello"), call())
    assert await anext(stream) == TextDelta(0, "half")
    with pytest.raises(Overloaded):
        await anext(stream)
    assert provider.running == 0


async def test_the_pace_is_kept_by_the_sleep_that_was_given() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    await collected(Scripted(said("a b c"), pace=0.25, sleep=sleep))
    assert slept == [0.25] * 5


async def test_who_leaves_early_ends_the_playing() -> None:
    provider = Scripted(said("one two three"))
    stream = provider.stream(asking("hello"), call())
    await anext(stream)
    assert provider.running == 1
    await stream.aclose()
    assert provider.running == 0


def test_a_script_without_answers_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Scripted()
