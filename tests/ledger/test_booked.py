"""Every attempt from its hold to its entry: what its reader is told, and what the rows say."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

import msgspec
import pytest
from msgspec.structs import replace as replace_request

from podium.catalogue.profile import Profile
from podium.errors import (
    BudgetExceeded,
    Garbled,
    Inexpressible,
    Overloaded,
    ProviderError,
    Rejected,
    TimedOut,
    Truncated,
    Unreachable,
)
from podium.identity.payer import Payer
from podium.kit import ids
from podium.ledger.budget import ScopeType
from podium.ledger.receipt import breakdown, digest
from podium.ledger.tariff import UNKNOWN
from podium.providers.provider import Call
from podium.providers.scripted import said
from podium.tokens.count import ceiling, count_request, count_text
from podium.vocabulary.event import (
    AnswerStarted,
    AttemptEnded,
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
from tests.ledger.desk import NOON, PRICE, Desk, Play, asked, payer

pytestmark = pytest.mark.asyncio(loop_scope="module")

USAGE = Usage(10, 20, 30, 40, 50, 60, 70, 80)
WHOLE = (AnswerStarted("chatcmpl-7", "small-0613"), *said("Once upon a time", usage=USAGE))
PROFILE = Profile("lab", "small", price=PRICE, output_limit=1000)
COST = 200_000 + 480_000  # 10 + 20 + 30 + 60 + 80 tokens went in, 40 + 50 + 70 came out
CEILING = ceiling(asked(), PROFILE)
MOST = CEILING * 1_000 + 1_000 * 3_000


async def test_a_whole_answer_is_entered_as_its_host_counted_it(
    shared: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = payer(conversation="conv_1", persona="poet", dialogue="salon")
    scopes: dict[ScopeType, str] = {
        "user": who.user,
        "tenant": who.tenant,
        "key": who.key,
        "session": "conv_1",
        "persona": "poet",
        "dialogue": "salon",
    }
    budgets = [
        await shared.budget(who, COST * 100 + number, scope, scope_id)
        for number, (scope, scope_id) in enumerate(scopes.items())
    ]
    play = Play(WHOLE, who, shared)
    async with aclosing(play.open(monkeypatch)) as stream:
        play.events.append(await anext(stream))
        [hold] = await shared.of("holds", who)
        assert play.host.asked == [], "nothing has left before its beginning is durable"
        assert [await shared.sums(each) for each in budgets] == [(0, MOST, 0)] * 6
        play.clock.at += 5  # the reader makes it durable: that is no time of the host's
        async for event in stream:
            play.events.append(event)
    first, *heard, last = play.events
    assert ids.is_id("att", play.attempt)
    assert first == AttemptStarted(play.attempt, "lab", "small", NOON)
    assert tuple(heard) == WHOLE
    tariff, told = digest(PRICE)
    assert {key: value for key, value in hold.items() if key not in {"at", "legs"}} == {
        "attempt_id": play.attempt,
        "owner": shared.server.lease.owner,
        "turn_id": "turn_1",
        "conversation_id": "conv_1",
        "tenant": who.tenant,
        "user_id": who.user,
        "key_id": who.key,
        "purpose": "answer",
        "model": "lab/small",
        "tariff": tariff,
        "amount": MOST,
        "tokens": CEILING // 3,
    }
    [row] = await shared.rows.rows("SELECT told FROM tariffs WHERE id = $1", tariff)
    assert row["told"] == told
    entry = await shared.entry(who)
    assert {key: value for key, value in entry.items() if key not in {"at", "xid", "legs"}} == {
        **{key: hold[key] for key in hold if key not in {"at", "legs", "attempt_id", "owner", "tokens"}},
        "id": play.attempt,
        "response_id": "chatcmpl-7",
        "input": 90,
        "cached_input": 20,
        "cache_write": 30,
        "output": 40,
        "reasoning": 50,
        "audio": 130,
        "usage_source": "provider",
        "succeeded": True,
        "milliseconds": 5250,
        "held": MOST,
        "amount": COST,
    }
    assert last == AttemptEnded(
        attempt=play.attempt,
        milliseconds=5250,
        first_byte_milliseconds=750,
        usage=USAGE,
        usage_source="provider",
        cost="0.00068",
        cost_breakdown=breakdown(USAGE, PRICE),
        budget_left="0.06732",
        response_id="chatcmpl-7",
        response_model="small-0613",
    )
    assert [await shared.sums(each) for each in budgets] == [(COST, 0, 0)] * 6
    assert play.host.asked == [play.request], "where all is covered the request is as it was"
    assert play.buried == [], "its end was told in the stream"


async def test_the_host_is_told_the_attempt(shared: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    play = await Play(WHOLE, payer(), shared).run(monkeypatch)
    [call] = play.host.calls
    assert (call.attempt, call.turn, call.purpose, call.trace) == (play.attempt, "turn_1", "answer", "t")


async def test_a_threshold_that_is_passed_is_told_with_what_passed_it(
    shared: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = payer()
    await shared.budget(who, MOST, alert=1)
    await shared.budget(who, MOST * 2, "tenant", who.tenant, alert=1)
    await shared.budget(who, MOST * 2, period="day", alert=1000)
    play = await Play(WHOLE, who, shared).run(monkeypatch)
    ended = play.events[-1]
    assert isinstance(ended, AttemptEnded)
    share = COST * 100 // MOST
    assert sorted(ended.budget_warnings) == [
        f"Budget of tenant {who.tenant} (total): {share // 2} % of {_dollars(MOST * 2)} dollars spent.",
        f"Budget of user {who.user} (total): {share} % of {_dollars(MOST)} dollars spent.",
    ]
    assert ended.budget_left == _dollars(MOST - COST)


async def test_a_whole_answer_without_a_count_is_entered_as_it_is_counted_here(
    shared: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = payer()
    budget = await shared.budget(who, MOST * 2)
    text = "Once upon a time"
    pieces = (TextDelta(0, text[:5]), TextDelta(0, text[5:]), Finished("stop"))
    play = await Play(pieces, who, shared).run(monkeypatch)
    count = await count_request(asked(), PROFILE)
    usage = Usage(input=count.tokens, output=(await count_text(text, "small")).tokens)
    amount = usage.input * 1_000 + usage.output * 3_000
    entry = await shared.entry(who)
    assert (entry["usage_source"], entry["amount"], entry["succeeded"]) == ("estimate", amount, True)
    assert (entry["input"], entry["output"]) == (usage.input, usage.output)
    ended = play.events[-1]
    assert isinstance(ended, AttemptEnded)
    assert (ended.usage, ended.usage_source, ended.counting_method) == (usage, "estimate", "estimate")
    assert await shared.sums(budget) == (amount, 0, 0)


async def test_an_answer_of_nothing_without_a_count_costs_its_input(
    shared: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = payer()
    play = await Play((Finished("stop"),), who, shared).run(monkeypatch)
    ended = play.events[-1]
    assert isinstance(ended, AttemptEnded)
    assert ended.counting_method == "estimate", "of the input"
    entry = await shared.entry(who)
    count = await count_request(asked(), PROFILE)
    assert (entry["usage_source"], entry["output"], entry["amount"]) == ("estimate", 0, count.tokens * 1_000)


BROKEN = TextDelta(0, "Once upon a time there was")
UNSAID = Decided(
    "translate", "lab/small", "its wire cannot say all", dropped=("top_k",)
)  # before anything is sent


@pytest.mark.parametrize(
    ("pieces", "error", "charged"),
    [
        ((), Unreachable("no way", after=3.0), (None, 0, 0)),
        ((), Inexpressible("no word for it"), (None, 0, 0)),
        ((), Overloaded("full", status=503, after=2.0), ("none", 0, 0)),
        ((), Rejected("no", status=400), ("none", 0, 0)),
        ((), TimedOut("silent"), ("none", 0, "input")),
        ((), Truncated("short", status=200), ("none", 0, "input")),
        ((), Garbled("what", status=200), ("none", 0, 0)),
        ((AnswerStarted("a"),), Garbled("what", status=200), ("none", 0, "held")),
        ((UNSAID,), Rejected("no", status=400), ("none", 0, 0)),
        ((UNSAID,), TimedOut("silent"), ("none", 0, "input")),
        ((BROKEN,), Truncated("short"), ("estimate", "counted", "rest")),
        ((BROKEN,), Unreachable("gone"), ("estimate", "counted", "rest")),
        ((UsageSeen(USAGE),), TimedOut("silent"), ("provider", COST, 0)),
        ((BROKEN, UsageSeen(USAGE)), TimedOut("silent"), ("provider", COST, 0)),
    ],
)
async def test_what_fails_is_charged_by_what_is_known_of_it(
    shared: Desk,
    monkeypatch: pytest.MonkeyPatch,
    pieces: tuple[Spoken, ...],
    error: ProviderError | Inexpressible,
    charged: tuple[str | None, int | str, int | str],
) -> None:
    """`charged`: by whose count, how much, and how much waits."""
    source, cost, suspense = charged
    who = payer()
    budget = await shared.budget(who, MOST * 2, alert=1)
    play = Play((*pieces, error), who, shared)  # type: ignore[arg-type]  # it is raised, whatever it is
    if isinstance(error, Inexpressible):
        monkeypatch.setattr(play.host, "stream", lambda *_: _refusing(error))
    with pytest.raises(type(error)) as raised:
        await play.run(monkeypatch)
    assert raised.value is error
    count = await count_request(asked(), PROFILE)
    counted = count.tokens * 1_000 + (await count_text(BROKEN.text, "small")).tokens * 3_000
    amount = counted if cost == "counted" else cost
    assert isinstance(amount, int)
    waits = {"input": CEILING * 1_000, "held": MOST, "rest": MOST - amount}.get(str(suspense), 0)
    assert await shared.sums(budget) == (amount, 0, waits)
    failed = play.events[-1]
    assert isinstance(failed, AttemptFailed)
    usage = {"provider": USAGE, "estimate": failed.usage}.get(str(source))
    status = error.status if isinstance(error, ProviderError) else None
    expected = AttemptFailed(
        attempt=play.attempt,
        code=error.code,
        message=error.message,
        milliseconds=0 if isinstance(error, Inexpressible) else 750 * (len(pieces) + 1),
        retryable=isinstance(error, ProviderError) and error.retryable,
        status=status,
        after=error.after if isinstance(error, ProviderError) else None,
        usage=usage,
        usage_source=source or "none",  # type: ignore[arg-type]  # one of its words
        in_suspense=waits > 0,
        cost=None if usage is None else _dollars(amount),
        cost_breakdown=None if usage is None else breakdown(usage, PRICE),
        counting_method="estimate" if source == "estimate" else None,
        budget_warnings=warned(who, amount),
        budget_left=None if source is None else _dollars(MOST * 2 - amount - waits),
    )
    assert failed == expected
    entries = await shared.of("ledger_entries", who)
    assert await shared.of("holds", who) == []
    told = [(row["usage_source"], row["amount"], row["succeeded"], row["milliseconds"]) for row in entries]
    assert told == ([] if source is None else [(source, amount, False, expected.milliseconds)])
    assert await shared.suspense(play.attempt) == waits


def warned(who: Payer, amount: int) -> tuple[str, ...]:
    """What is said where anything was spent of a budget of twice the most that warns at once."""
    share = amount * 100 // (MOST * 2)
    words = f"Budget of user {who.user} (total): {share} % of {_dollars(MOST * 2)} dollars spent."
    return (words,) if amount else ()


async def _refusing(error: Exception) -> AsyncGenerator[Spoken, None]:
    nothing: tuple[Spoken, ...] = ()
    for each in nothing:
        yield each
    raise error


async def test_a_count_from_mid_stream_is_taken_with_what_came_after_it(
    shared: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = payer()
    budget = await shared.budget(who, MOST * 2)
    early = Usage(input=7, output=1, reasoning=1)
    play = Play((UsageSeen(early), BROKEN, TimedOut("silent")), who, shared)
    with pytest.raises(TimedOut):
        await play.run(monkeypatch)
    output = (await count_text(BROKEN.text, "small")).tokens
    assert output > 2
    exact = Play((UsageSeen(Usage(input=7, output=output)), BROKEN, TimedOut("silent")), payer(), shared)
    with pytest.raises(TimedOut):
        await exact.run(monkeypatch)
    last = exact.events[-1]
    assert isinstance(last, AttemptFailed)
    assert last.usage_source == "provider", "nothing came after it"
    failed = play.events[-1]
    assert isinstance(failed, AttemptFailed)
    assert (failed.usage, failed.usage_source) == (Usage(input=7, output=output - 1, reasoning=1), "estimate")
    amount = 7_000 + output * 3_000
    assert await shared.sums(budget) == (amount, 0, MOST - amount)


async def test_what_no_budget_covers_never_begins(shared: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    who = payer()
    await shared.budget(who, 100)
    play = Play(WHOLE, who, shared)
    with pytest.raises(BudgetExceeded):
        await play.run(monkeypatch)
    assert (play.events, play.host.asked) == ([], [])
    assert await shared.of("holds", who) == []
    assert await shared.of("ledger_entries", who) == []


async def test_what_outgrows_its_budget_is_cut_and_charged(
    shared: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = payer()
    budget = await shared.budget(who, MOST + 1_000)
    words = [TextDelta(0, "word " * 200)] * 40
    play = Play(words, who, shared, request=replace_request(asked(), stream=True))
    with pytest.raises(BudgetExceeded) as raised:
        await play.run(monkeypatch)
    assert raised.value.code == "budget_exhausted"
    failed = play.events[-1]
    assert isinstance(failed, AttemptFailed)
    assert (failed.code, failed.retryable, failed.status, failed.after) == (
        "budget_exhausted",
        False,
        None,
        None,
    )
    assert failed.usage_source == "estimate"
    entry = await shared.entry(who)
    assert entry["amount"] > 0
    assert failed.budget_left == _dollars(
        max(MOST + 1_000 - entry["amount"] - max(MOST - entry["amount"], 0), 0)
    )
    assert await shared.sums(budget) == (entry["amount"], 0, max(MOST - entry["amount"], 0))


def _dollars(nano: int) -> str:
    return f"{nano / 10**9:.9f}".rstrip("0").rstrip(".")


async def test_a_stream_that_is_never_read_on_owes_nothing(
    shared: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = payer()
    play = Play(WHOLE, who, shared)
    async with aclosing(play.open(monkeypatch)) as stream:
        await anext(stream)
    assert await shared.of("holds", who) == []
    assert await shared.of("ledger_entries", who) == []
    assert (play.buried, play.host.asked) == ([], [])


@pytest.mark.parametrize(
    ("pieces", "source", "whole"),
    [
        (WHOLE, "provider", True),
        ((BROKEN, Finished("stop"), Finished("stop")), "estimate", False),
        ((BROKEN, BROKEN), "estimate", False),
        ((UsageSeen(USAGE), UsageSeen(USAGE)), "provider", False),
        ((AnswerStarted("chatcmpl-7"), BROKEN), "none", False),
    ],
)
async def test_a_stream_that_is_left_is_settled_and_told_beside_it(
    shared: Desk, monkeypatch: pytest.MonkeyPatch, pieces: tuple[Spoken, ...], source: str, *, whole: bool
) -> None:
    """Read up to the last piece but one; of a whole answer up to its last, which is the host's count."""
    who = payer()
    budget = await shared.budget(who, MOST * 2, alert=1)
    play = Play(pieces, who, shared)
    many = len(pieces) if whole else len(pieces) - 1
    async with aclosing(play.open(monkeypatch)) as stream:
        play.events = [await anext(stream) for _ in range(many + 1)]
    entry = await shared.entry(who)
    [buried] = play.buried
    amount = entry["amount"]
    waits = 0 if source == "provider" else MOST - amount
    assert buried == AttemptFailed(
        attempt=play.attempt,
        code="interrupted",
        message="It was broken off.",
        milliseconds=750 * many,
        usage=None if source == "none" else buried.usage,
        usage_source=source,  # type: ignore[arg-type]  # one of its words
        in_suspense=waits > 0,
        cost=None if source == "none" else _dollars(amount),
        cost_breakdown=None if buried.usage is None else breakdown(buried.usage, PRICE),
        counting_method="estimate" if source == "estimate" else None,
        budget_warnings=warned(who, amount),
        budget_left=_dollars(MOST * 2 - amount - waits),
    )
    assert (buried.usage is None) == (source == "none")
    assert (entry["usage_source"], entry["succeeded"]) == (source, whole)
    assert entry["milliseconds"] == 750 * many
    assert entry["response_id"] == ("chatcmpl-7" if isinstance(pieces[0], AnswerStarted) else None)
    assert await shared.sums(budget) == (amount, 0, waits)


async def test_nobody_need_be_told_of_a_stream_that_is_left(
    shared: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = payer()
    async with aclosing(Play((BROKEN, BROKEN), who, shared, is_told=False).open(monkeypatch)) as stream:
        await anext(stream)
        await anext(stream)
    assert (await shared.entry(who))["usage_source"] == "estimate"


async def test_a_defect_of_the_providers_is_settled_as_a_stream_that_is_left(
    shared: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = payer()
    play = Play((BROKEN,), who, shared)
    monkeypatch.setattr(play.host, "stream", lambda *_: _refusing(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        await play.run(monkeypatch)
    [buried] = play.buried
    assert buried.usage_source == "none"
    assert await shared.suspense(play.attempt) == CEILING * 1_000


@pytest.mark.parametrize("is_charged", [True, False])
async def test_without_a_payer_or_a_till_nothing_is_held_and_the_price_is_told(
    shared: Desk, monkeypatch: pytest.MonkeyPatch, *, is_charged: bool
) -> None:
    who = None if is_charged else payer()
    play = await Play(WHOLE, who, shared).run(monkeypatch, is_charged=is_charged)
    ended = play.events[-1]
    assert isinstance(ended, AttemptEnded)
    assert ended == AttemptEnded(
        attempt=play.attempt,
        milliseconds=5250,
        first_byte_milliseconds=750,
        usage=USAGE,
        usage_source="provider",
        cost="0.00068",
        cost_breakdown=breakdown(USAGE, PRICE),
        response_id="chatcmpl-7",
        response_model="small-0613",
    )
    assert await shared.rows.rows("SELECT FROM ledger_entries WHERE id = $1", play.attempt) == []


async def test_without_a_count_or_a_price_no_cost_is_told(
    shared: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = await Play((Finished("stop"),), None, shared).run(monkeypatch)
    assert silent.events[-1] == AttemptEnded(
        attempt=silent.attempt, milliseconds=750, first_byte_milliseconds=750, usage_source="none"
    )
    unpriced = Play((UsageSeen(USAGE),), None, shared, profile=replace(PROFILE, price=None))
    await unpriced.run(monkeypatch)
    assert unpriced.events[-1] == AttemptEnded(
        attempt=unpriced.attempt,
        milliseconds=750,
        first_byte_milliseconds=750,
        usage=USAGE,
        usage_source="provider",
    )


async def test_an_answer_of_nothing_has_no_first_byte(shared: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    play = await Play((), None, shared).run(monkeypatch)
    assert play.events[-1] == AttemptEnded(attempt=play.attempt, milliseconds=0)
    left = Play((), None, shared)
    async with aclosing(left.open(monkeypatch)) as stream:
        await anext(stream)
    assert left.buried == []


async def test_a_model_without_a_price_is_held_for_with_nothing(
    shared: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = payer()
    await shared.budget(who, 0)
    play = Play((UsageSeen(USAGE),), who, shared, profile=replace(PROFILE, price=None))
    await play.run(monkeypatch)
    entry = await shared.entry(who)
    assert (entry["amount"], entry["held"], entry["tariff"]) == (0, 0, digest(UNKNOWN)[0])
    ended = play.events[-1]
    assert isinstance(ended, AttemptEnded)
    assert (ended.cost, ended.cost_breakdown, ended.budget_left) == (None, None, "0")
    assert msgspec.to_builtins(ended)["usage_source"] == "provider"


async def test_near_a_limit_the_host_is_asked_for_its_count_on_the_calls_behalf(
    shared: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    who, told = payer(), []

    async def count(call: Call, request: Request) -> int:
        told.append((call.turn, call.payer, request))
        return 50

    await shared.budget(who, (50 + 1 + 16) * 1_000 + 300 * 3_000)
    play = await Play(WHOLE, who, shared, count=count).run(monkeypatch)
    assert told == [("turn_1", who, asked())]
    assert [request.sampling.max_output for request in play.host.asked] == [300]


@pytest.mark.parametrize(("told", "kept"), [("a\0b", "ab"), ("a\ud800", "a?"), ("x" * 9000, "x" * 256)])
async def test_no_id_of_a_hosts_keeps_an_attempt_from_being_entered(
    shared: Desk, monkeypatch: pytest.MonkeyPatch, told: str, kept: str
) -> None:
    who = payer()
    await Play((AnswerStarted(told), *WHOLE[1:]), who, shared).run(monkeypatch)
    entry = await shared.entry(who)
    assert (entry["response_id"], entry["amount"]) == (kept, COST)
