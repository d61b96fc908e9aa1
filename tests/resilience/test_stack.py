"""The three wrappers as `app` stacks them, on a clock that the test moves: what is tried again, when, and when not."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.catalogue.endpoint import Resilience
from podium.catalogue.profile import Profile
from podium.errors import (
    Exhausted,
    Garbled,
    Inexpressible,
    Overloaded,
    ProviderError,
    Rejected,
    Truncated,
    Unreachable,
)
from podium.providers.provider import Call
from podium.providers.scripted import said
from podium.routing.routed import Routed
from podium.vocabulary.event import (
    AnswerStarted,
    AttemptFailed,
    AttemptStarted,
    Decided,
    Finished,
    Spoken,
    TextDelta,
    UsageSeen,
)
from podium.vocabulary.request import Request
from podium.vocabulary.usage import Usage
from tests.resilience.timing import Lab, Time, broken

GOOD = said("all is well")


# ── retried ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_who_stumbles_is_asked_again_and_each_attempt_and_decision_is_told() -> None:
    lab = Lab(broken(), broken(), GOOD)
    heard = await lab.hear()
    assert (heard.error, heard.text) == (None, "all is well")
    assert heard.count(AttemptStarted) == 3
    assert [event.step for event in heard.events if isinstance(event, Decided)] == ["retry", "retry"]
    assert lab.time.slept == [0.125, 0.25]


async def test_of_an_attempt_that_shows_nothing_only_facts_are_seen() -> None:
    lab = Lab(
        (AnswerStarted(id="lost"), UsageSeen(Usage(input=7)), Truncated("It broke off.")),
        (AnswerStarted(id="kept"), *GOOD),
    )
    heard = await lab.hear()
    started = [event.id for event in heard.events if isinstance(event, AnswerStarted)]
    assert started == ["kept"]
    [failed] = [event for event in heard.events if isinstance(event, AttemptFailed)]
    assert failed.usage == Usage(input=7)


async def test_an_answer_without_a_visible_word_comes_whole() -> None:
    lab = Lab((AnswerStarted(id="empty"), Finished("stop")))
    heard = await lab.hear()
    assert [type(event) for event in heard.events][1:3] == [AnswerStarted, Finished]


async def test_after_the_first_visible_word_nothing_starts_over() -> None:
    lab = Lab((TextDelta(0, "all is "), Truncated("It broke off.")), GOOD)
    heard = await lab.hear()
    assert isinstance(heard.error, Truncated)
    assert (heard.text, len(lab.host.asked)) == ("all is ", 1)


@pytest.mark.parametrize("error", [Rejected("No.", status=400), Rejected("Who?", status=401)])
async def test_a_refusal_is_final(error: ProviderError) -> None:
    lab = Lab((error,), GOOD)
    assert (await lab.hear()).error is error
    assert len(lab.host.asked) == 1


async def test_one_attempt_is_no_retry() -> None:
    lab = Lab(broken(), GOOD, attempts=1)
    assert isinstance((await lab.hear()).error, Overloaded)
    assert lab.time.slept == []


async def test_who_fails_to_the_end_is_told_how_often_and_when_to_come_again() -> None:
    error = (await Lab(broken()).hear()).failure()
    assert error.hint is not None
    assert error.hint.startswith("3 attempts failed.")
    assert error.after == 1.0


@pytest.mark.parametrize(
    ("after", "slept"), [(2.0, [2.125]), (30.0, [30.125]), (31.0, []), (None, [0.125]), (0.0, [0.125])]
)
async def test_a_host_is_left_alone_for_as_long_as_it_asks_up_to_half_a_minute(
    after: float | None, slept: list[float]
) -> None:
    lab = Lab(broken(status=429, after=after), GOOD)
    heard = await lab.hear()
    assert lab.time.slept == slept
    assert (heard.error is None) == bool(slept)
    if heard.error is not None:
        assert heard.error.after == after


async def test_nobody_waits_beyond_the_time_that_is_left() -> None:
    lab = Lab(broken(status=429, after=5.0), GOOD)
    assert isinstance((await lab.hear(within=4.0)).error, Overloaded)
    assert lab.time.slept == []


@given(share=st.floats(0, 1, exclude_max=True), after=st.none() | st.floats(0, 30))
def test_waits_are_spread_over_their_whole_range_and_never_shorter_than_asked(
    share: float, after: float | None
) -> None:
    lab = Lab(broken(after=after), time=Time(share=share), attempts=10, breaker_failures=0)
    asyncio.run(lab.hear(within=1e6))
    ceilings = [min(0.25 * 2**n, 20) for n in range(9)]
    assert lab.time.slept == [pytest.approx((after or 0) + share * ceiling) for ceiling in ceilings]


async def test_in_long_trouble_retries_stop_by_themselves() -> None:
    lab = Lab(*(broken() for _ in range(300)), breaker_failures=0)
    for _ in range(100):
        await lab.hear()
    assert len(lab.host.asked) <= 120
    assert lab.health.report().total_requests == 100


# ── breaker ──────────────────────────────────────────────────────────────────────────────────────────────


async def fail(lab: Lab, times: int) -> None:
    for _ in range(times):
        assert (await lab.hear()).error is not None


async def test_who_fails_five_times_in_a_row_is_asked_no_more() -> None:
    lab = Lab(broken(), attempts=1)
    await fail(lab, 5)
    heard = await lab.hear()
    assert len(lab.host.asked) == 5
    refusal = heard.failure()
    assert (refusal.retryable, heard.events) == (True, [])
    assert refusal.after == pytest.approx(0.75)
    assert lab.health.report().state == "open"
    assert lab.health.report().total_requests == 5


async def test_one_probe_finds_that_it_has_recovered() -> None:
    lab = Lab(*[broken()] * 5, GOOD, attempts=1)
    await fail(lab, 5)
    lab.time.pass_by(1)
    assert lab.health.report().state == "half_open"
    assert (await lab.hear()).error is None
    report = lab.health.report()
    assert (report.state, report.consecutive_failures, report.last_error) == ("closed", 0, None)
    assert report.success_rate == pytest.approx(1 / 6)


async def test_while_it_is_probed_others_are_refused_and_its_first_word_lets_them_in() -> None:
    lab = Lab(*[broken()] * 5, GOOD, attempts=1)
    await fail(lab, 5)
    lab.time.pass_by(1)
    async with aclosing(lab.provider.stream(lab.request, lab.call())) as probe:
        assert isinstance(await anext(probe), AttemptStarted)
        assert isinstance((await lab.hear()).error, Overloaded)
        while not isinstance(await anext(probe), TextDelta):
            pass
        assert lab.health.report().state == "closed"
        assert (await lab.hear()).error is None


async def test_a_probe_is_made_once_and_a_failed_one_makes_the_wait_longer() -> None:
    lab = Lab(broken())
    await fail(lab, 5)
    lab.time.pass_by(60)
    asked = len(lab.host.asked)
    refusal = (await lab.hear()).failure()
    assert len(lab.host.asked) == asked + 1
    assert refusal.status == 503
    assert (await lab.hear()).failure().after == pytest.approx(7.5, rel=0.1)


async def test_a_probe_whose_client_leaves_leaves_the_next_call_to_probe() -> None:
    lab = Lab(*[broken()] * 5, GOOD, attempts=1)
    await fail(lab, 5)
    lab.time.pass_by(1)
    async with aclosing(lab.provider.stream(lab.request, lab.call())) as probe:
        await anext(probe)
    assert lab.health.report().state == "half_open"
    assert (await lab.hear()).error is None


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422])
async def test_a_refusal_of_the_request_never_opens_it(status: int) -> None:
    lab = Lab((Rejected("No.", status=status),))
    await fail(lab, 50)
    report = lab.health.report()
    assert (report.state, report.consecutive_failures, report.success_rate) == ("closed", 0, 1.0)
    assert report.is_healthy == (status not in (401, 403))


async def test_too_many_requests_never_open_it_and_a_timeout_of_the_hosts_does() -> None:
    limited = Lab(broken(status=429), attempts=1)
    await fail(limited, 20)
    assert limited.health.report().state == "closed"
    late = Lab(broken(status=408), attempts=1)
    await fail(late, 5)
    assert late.health.report().state == "open"


async def test_clients_that_leave_never_open_it() -> None:
    lab = Lab(GOOD)
    for _ in range(20):
        async with aclosing(lab.provider.stream(lab.request, lab.call())) as events:
            await anext(events)
    report = lab.health.report()
    assert (report.state, report.total_requests, report.success_rate) == ("closed", 20, 1.0)


async def test_a_breaker_that_is_off_counts_and_stays_closed() -> None:
    lab = Lab(broken(), attempts=1, breaker_failures=0)
    await fail(lab, 50)
    report = lab.health.report()
    assert (report.state, report.consecutive_failures, report.success_rate) == ("closed", 50, 0.0)
    assert report.last_error == "upstream_overloaded (status 503)"


async def test_how_long_an_answer_takes_to_begin_is_kept() -> None:
    lab = Lab(GOOD)
    async with aclosing(lab.provider.stream(lab.request, lab.call())) as events:
        assert isinstance(await anext(events), AttemptStarted)
        lab.time.pass_by(99)  # while the attempt is made durable
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        lab.time.pass_by(0.25)
        await waiting
    assert lab.health.report().average_milliseconds == 250


# ── limited ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_calls_beyond_the_rate_wait_a_moment_or_are_refused_with_the_time_to_come_again() -> None:
    lab = Lab(GOOD, requests_per_minute=20)
    for _ in range(20):
        await lab.hear()
    waited = await lab.hear()
    assert lab.time.slept == [pytest.approx(3.0)]
    assert [event.step for event in waited.events if isinstance(event, Decided)] == ["limit"]
    hasty = Lab(GOOD, requests_per_minute=2)
    await hasty.hear()
    await hasty.hear()
    refusal = (await hasty.hear()).failure()
    assert (refusal.status, refusal.retryable) == (429, True)
    assert refusal.after == pytest.approx(30.0)
    assert len(hasty.host.asked) == 2


async def test_each_attempt_counts_as_a_request_and_a_call_that_was_not_made_does_not() -> None:
    lab = Lab(broken(), broken(), GOOD, requests_per_minute=3)
    assert (await lab.hear()).error is None
    assert (await lab.hear()).failure().after == pytest.approx(20, abs=1)
    shut = Lab(*[broken()] * 5, GOOD, attempts=1, requests_per_minute=6)
    await fail(shut, 5)
    for _ in range(50):
        await shut.hear()
    shut.time.pass_by(1)
    assert (await shut.hear()).error is None


async def test_tokens_are_counted_as_they_were_used() -> None:
    lab = Lab(said("well", usage=Usage(input=300, output=100)), tokens_per_minute=1000)
    await lab.hear()
    await lab.hear()
    refusal = (await lab.hear()).failure()
    assert refusal.after == pytest.approx(60 * (800 + 501 - 1000) / 1000, rel=0.05)


async def test_who_says_too_many_is_left_alone_by_everybody_for_that_model() -> None:
    lab = Lab(broken(status=429, after=20.0), GOOD, attempts=1)
    await fail(lab, 1)
    refusal = (await lab.hear()).failure()
    assert refusal.after == pytest.approx(20)
    assert len(lab.host.asked) == 1
    large = lab.stack(Profile(endpoint="lab", model="large"), Resilience())
    assert (await lab.hear(provider=large)).error is None
    lab.time.pass_by(17)
    assert (await lab.hear()).error is None
    assert lab.time.slept == [pytest.approx(3 * 1.125)]


async def test_nobody_waits_for_a_place_beyond_the_time_that_is_left() -> None:
    lab = Lab(GOOD, requests_per_minute=20)
    for _ in range(20):
        await lab.hear()
    assert (await lab.hear(within=2.0)).failure().status == 429


# ── routed ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_when_every_candidate_fails_all_failures_are_told() -> None:
    lab = Lab(broken(after=7.0))
    far = Lab((Unreachable("No connection to far. Nothing was sent."),), attempts=1)
    shy = Lab((Rejected("Your key sk-123 is wrong.", status=401),))
    route = Routed([("lab/small", lab.provider), ("far/any", far.provider), ("shy/any", shy.provider)])
    error = (await lab.hear(provider=route)).failure()
    assert isinstance(error, Exhausted)
    assert error.message == (
        "None of 3 models could answer. lab/small (asked 3 times): It failed. "
        "far/any (asked once): No connection to far. Nothing was sent. "
        "shy/any (asked once): its host did not accept this server's key."
    )
    assert (error.retryable, error.after) == (True, 0.25)


async def test_where_no_failure_passes_coming_again_is_not_advised() -> None:
    shy = Lab((Rejected("No.", status=401),))
    error = (await shy.hear(provider=Routed([("a", shy.provider), ("b", shy.provider)]))).failure()
    assert (error.retryable, error.after) == (False, None)


class Mute:
    """A candidate whose wire cannot say the request."""

    async def stream(self, _request: Request, _call: Call, /) -> AsyncGenerator[Spoken, None]:
        raise Inexpressible("It cannot say `n`.", param="n")
        yield  # type: ignore[unreachable]  # it makes this a generator


async def test_who_can_never_say_the_request_is_told_apart_from_who_may_recover() -> None:
    gone = Lab((Unreachable("Nobody is there"),))
    route = Routed([("lab/small", gone.provider), ("far/any", Mute())])
    error = (await gone.hear(provider=route)).failure()
    assert (type(error), error.retryable, error.after) == (Exhausted, True, 1.0)
    assert "Nobody is there. far/any" in error.message
    assert error.hint is not None
    assert "only lab/small may" in error.hint
    assert "far/any never will" in error.hint


async def test_a_request_that_the_second_candidate_refuses_is_the_callers_fault() -> None:
    lab, other = Lab(broken()), Lab((Rejected("No such member.", status=400),))
    error = (await lab.hear(provider=Routed([("a", lab.provider), ("b", other.provider)]))).failure()
    assert (type(error), error.status) == (Rejected, 400)


async def test_a_route_answers_at_once_past_an_endpoint_that_is_down() -> None:
    lab, other = Lab(broken(), attempts=1), Lab(GOOD)
    route = Routed([("lab/small", lab.provider), ("other/small", other.provider)])
    for _ in range(20):
        assert (await lab.hear(provider=route)).text == "all is well"
    assert (len(lab.host.asked), len(other.host.asked)) == (5, 20)


@pytest.mark.parametrize("kind", [Garbled, Truncated, Unreachable])
async def test_whatever_may_pass_is_tried_again(kind: type[ProviderError]) -> None:
    assert (await Lab((kind("Oh."),), GOOD).hear()).text == "all is well"
