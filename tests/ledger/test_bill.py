"""The money of an attempt while it lasts: what is held near a limit, when it has outgrown that, and what then."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs

from podium.catalogue.profile import Profile
from podium.errors import BudgetExceeded, BudgetExhausted, Inexpressible, PodiumError, Unreachable
from podium.identity.payer import Payer
from podium.kit import ids
from podium.ledger.bill import Bill
from podium.tokens.count import ceiling, count_request, count_text
from podium.vocabulary.event import (
    AnswerStarted,
    Finished,
    ReasoningDelta,
    RefusalDelta,
    Spoken,
    TextDelta,
    ToolCallDelta,
    UsageSeen,
)
from podium.vocabulary.usage import Usage
from tests.ledger.desk import PRICE, Desk, asked, payer

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROFILE = Profile("lab", "small", price=PRICE)
EXACT = Profile("lab", "gpt-4o", price=PRICE)
STORY = "Tell me a story of a king, a queen and a very old horse that nobody wanted. " * 4
IN, OUT = 1_000, 3_000


async def opened(
    desk: Desk, who: Payer, profile: Profile = PROFILE, *, stream: bool = True, **sampling: Any
) -> Bill:
    """A bill for a story; `ask` is the host's own count."""
    ask = sampling.pop("ask", None)
    request = structs.replace(asked(STORY, **sampling), stream=stream)
    bill = Bill(ids.new("att"), request, profile, who, till=desk.server.till, ask=ask)
    await bill.open("turn_1", "answer")
    return bill


async def bounds() -> tuple[int, int, int]:
    """The tokens of the story's request: by its bytes, at the most when counted, and likely."""
    count = await count_request(asked(STORY), PROFILE)
    assert count.tokens < count.ceiling < ceiling(asked(STORY), PROFILE)
    return ceiling(asked(STORY), PROFILE), count.ceiling, count.tokens


async def held(desk: Desk, who: Payer) -> dict[str, Any]:
    [row] = await desk.of("holds", who)
    return row


def text(size: int) -> TextDelta:
    return TextDelta(0, "x" * size)


async def test_where_all_is_covered_the_input_is_not_counted(shared: Desk) -> None:
    who = payer()
    by_bytes, _, _ = await bounds()
    await shared.budget(who, by_bytes * IN + 100 * OUT)
    bill = await opened(shared, who, max_output=100)
    row = await held(shared, who)
    assert (row["amount"], row["tokens"]) == (by_bytes * IN + 100 * OUT, by_bytes // 3)
    assert bill.request.sampling.max_output == 100
    assert bill._counted is None


@pytest.mark.parametrize("less", [0, 1])
async def test_near_a_limit_the_input_is_counted_before_it_is_refused(shared: Desk, less: int) -> None:
    who = payer()
    _, at_most, likely = await bounds()
    least = at_most * IN + 256 * OUT
    await shared.budget(who, least - less)
    if less:
        with pytest.raises(BudgetExceeded):
            await opened(shared, who, max_output=1_000)
        assert await shared.of("holds", who) == []
        return
    bill = await opened(shared, who, max_output=1_000)
    row = await held(shared, who)
    assert (row["amount"], row["tokens"], bill._worth.floor) == (least, likely, at_most * IN)
    assert (row["turn_id"], row["purpose"]) == ("turn_1", "answer")
    assert bill.request.sampling.max_output == 256


async def host_says(told: int | PodiumError | None) -> int | None:
    if isinstance(told, PodiumError):
        raise told
    return told


@pytest.mark.parametrize("told", [50, None, Unreachable("away"), Inexpressible("no", param="n")])
async def test_near_a_limit_the_host_is_asked_and_made_up_for_where_it_does_not_say(
    shared: Desk, told: int | PodiumError | None
) -> None:
    who = payer()
    _, at_most, likely = await bounds()
    likely, at_most = (50, 50 + 1 + 16) if told == 50 else (likely, at_most)
    await shared.budget(who, at_most * IN + 300 * OUT)
    bill = await opened(shared, who, max_output=1_000, ask=lambda _: host_says(told))
    row = await held(shared, who)
    assert (row["tokens"], bill._worth.floor) == (likely, at_most * IN)
    assert bill.request.sampling.max_output == 300


async def test_what_is_no_less_when_it_is_counted_is_refused_at_once(shared: Desk) -> None:
    who = payer()
    await shared.budget(who, 10)
    statements = shared.server.till.batches[0].statements
    free_input = replace(PROFILE, price=replace(PRICE, input=0))
    with pytest.raises(BudgetExceeded):
        await opened(shared, who, free_input)
    assert shared.server.till.batches[0].statements == statements + 1


async def test_the_cap_is_what_is_covered_by_the_count(shared: Desk) -> None:
    who = payer()
    by_bytes, at_most, _ = await bounds()
    amount = by_bytes * IN + 300 * OUT
    await shared.budget(who, amount)
    bill = await opened(shared, who)
    assert (await held(shared, who))["amount"] == amount
    cap = (amount - at_most * IN) // OUT
    assert bill.request.sampling.max_output == cap
    bill.see(HUGE)
    assert (bill.see(text(2 * cap)), bill.see(text(1))) == (False, True), "it is looked at by that cap"
    enough = payer()
    await shared.budget(enough, by_bytes * IN + 1_000 * OUT - 1)
    assert (await opened(shared, enough, max_output=1_000)).request.sampling.max_output == 1_000
    await shared.budget(whole := payer(), by_bytes * IN + 1_000 * OUT - 1)
    limited = await opened(shared, whole, replace(PROFILE, output_limit=1_000))
    assert limited.request.sampling.max_output is None, "it has that limit by itself"
    unbound = await opened(shared, payer())
    assert unbound.request.sampling.max_output is None


HUGE = UsageSeen(Usage(output=10**6))


@pytest.mark.parametrize(
    "delta",
    [
        TextDelta(0, "x"),
        ReasoningDelta(0, "x"),
        RefusalDelta(0, "x"),
        ToolCallDelta(0, "x"),
        TextDelta(0, "é"),
    ],
)
async def test_an_answer_is_looked_at_from_twice_as_many_bytes_on_as_its_cap(
    shared: Desk, delta: Spoken
) -> None:
    who = payer()
    await shared.budget(who, 10**9)
    bill = await opened(shared, who, max_output=100)
    assert not bill.see(HUGE)
    assert not bill.see(text(199))
    size = len(delta.text.encode() if not isinstance(delta, ToolCallDelta) else b"x")  # type: ignore[union-attr]  # the others have a text
    assert bill.see(delta) == (size > 1), "two hundred are not more"
    assert bill.see(delta)
    assert not bill.see(AnswerStarted("a"))


async def test_what_came_is_more_than_is_held_by_a_rough_guess_or_the_hosts_count(shared: Desk) -> None:
    who = payer()
    by_bytes, _, _ = await bounds()
    await shared.budget(who, 10**9)
    bill = await opened(shared, who, max_output=100)
    most = by_bytes * IN + 100 * OUT
    tokens = (most - by_bytes // 2 * IN) // OUT + 1  # of output, with which it is more
    assert not bill.see(text(4 * tokens - 1))
    assert bill.see(text(1))
    other = await opened(shared, who, max_output=100)
    other.see(text(4 * tokens - 1))
    assert not other.see(UsageSeen(Usage(input=most // IN)))
    assert other.see(UsageSeen(Usage(input=most // IN + 1)))
    low = await opened(shared, who, max_output=100)
    low.see(text(4 * tokens))
    assert low.see(UsageSeen(Usage(input=1))), "a count that is behind makes nothing cheaper"


async def test_a_count_of_nothing_is_none(shared: Desk) -> None:
    bill = await opened(shared, payer())
    assert not bill.see(UsageSeen(Usage()))
    before = bill.has_said
    bill.see(UsageSeen(Usage(input=1)))
    assert (before, bill.has_said) == (False, True)
    other = await opened(shared, payer())
    other.see(text(1))
    assert other.has_said


@pytest.mark.parametrize(
    ("is_bound", "stream", "streaming", "looked"),
    [
        (True, True, True, True),
        (False, True, True, False),
        (True, False, True, False),
        (True, True, False, False),
    ],
)
async def test_only_what_a_budget_counts_and_comes_bit_by_bit_is_looked_at(
    shared: Desk, *, is_bound: bool, stream: bool, streaming: bool, looked: bool
) -> None:
    who = payer()
    if is_bound:
        await shared.budget(who, 10**9)
    bill = await opened(shared, who, replace(PROFILE, streaming=streaming), stream=stream, max_output=100)
    bill.see(HUGE)
    assert bill.see(text(201)) == looked


async def test_a_choice_that_has_ended_outgrows_nothing(shared: Desk) -> None:
    who = payer()
    await shared.budget(who, 10**9)
    one = await opened(shared, who, max_output=100)
    two = await opened(shared, who, max_output=100, choices=2)
    for bill in (one, two):
        bill.see(HUGE)
        assert bill.see(text(201))
        assert not bill.see(Finished("stop"))
    assert (one.see(text(1)), two.see(text(1))) == (False, True)


async def test_what_is_more_by_its_count_is_held_for_twice(shared: Desk) -> None:
    who = payer()
    by_bytes, _, likely = await bounds()
    budget = await shared.budget(who, 10**9)
    bill = await opened(shared, who, max_output=100)
    most = by_bytes * IN + 100 * OUT
    await bill.grow()
    assert await shared.sums(budget) == (0, most, 0), "nothing came yet"
    bill.see(UsageSeen(Usage(input=most // IN)))
    await bill.grow()
    assert await shared.sums(budget) == (0, most, 0), "as much as is held is not more"
    bill.see(UsageSeen(Usage(input=most // IN + 1)))
    await bill.grow()
    assert await shared.sums(budget) == (0, 2 * most, 0)
    row = await held(shared, who)
    assert (row["amount"], row["turn_id"]) == (2 * most, "turn_1")
    bill.see(UsageSeen(Usage(output=10**5)))
    await bill.grow()
    assert await shared.sums(budget) == (0, 10**5 * OUT, 0), "or as much as it needs"
    assert likely < by_bytes


async def test_who_leaves_while_more_is_held_for_an_answer_owes_what_came(shared: Desk) -> None:
    who = payer()
    budget = await shared.budget(who, 10**9)
    bill = await opened(shared, who, max_output=100)
    bill.see(UsageSeen(Usage(output=10**5)))
    await shared.rows.rows("BEGIN")
    await shared.rows.rows("SELECT FROM budget_periods WHERE budget_id = $1 FOR UPDATE", budget)
    growing = asyncio.create_task(bill.grow())
    while not await shared.rows.rows("SELECT FROM pg_locks WHERE NOT granted"):
        await shared.rows.rows("SELECT pg_sleep(0.01)")
    growing.cancel()
    await shared.rows.rows("COMMIT")
    await shared.server.till.close()
    await bill.settle(whole=False, loss="held", response=None, milliseconds=1)
    assert await shared.sums(budget) == (10**5 * OUT, 0, 0)


async def test_an_estimate_is_believed_by_a_fifth_less_where_the_host_was_told_a_cap(shared: Desk) -> None:
    words = "once upon a time there was " * 400
    output = (await count_text(words, "small")).tokens
    for cap, factor in ((300, 0.8), (None, 1.0)):
        who = payer()
        *_, likely = await bounds()
        need = likely * IN + int(output * factor) * OUT
        budget = await shared.budget(who, 10**9)
        bill = await opened(shared, who, replace(PROFILE, output_limit=300), max_output=cap)
        before = (await held(shared, who))["amount"]
        assert before < need
        await shared.rows.rows("UPDATE budgets SET amount = $2 WHERE id = $1", budget, need)
        await shared.rows.rows("UPDATE budget_periods SET amount = $2 WHERE budget_id = $1", budget, need)
        assert bill.see(TextDelta(0, words))
        await bill.grow()
        assert await shared.sums(budget) == (0, need, 0)
        limit = "UPDATE budget_periods SET amount = $2 WHERE budget_id = $1"
        await shared.rows.rows(limit, budget, 10**12)
        bill.see(TextDelta(0, words))
        await bill.grow()
        twice = max(likely * IN + (await count_text(words * 2, "small")).tokens * OUT, 2 * need)
        assert await shared.sums(budget) == (0, twice, 0), "it did not keep it: from now on it is believed"
        await shared.rows.rows(limit, budget, twice - 1)
        bill.see(TextDelta(0, words))
        with pytest.raises(BudgetExhausted) as raised:
            await bill.grow()
        assert raised.value.message.startswith("Budget limit exceeded: ")
        assert raised.value.hint == "Raise the budget, wait for its next period, or ask for a shorter answer."


@pytest.mark.parametrize(
    ("delta", "is_exact"),
    [(TextDelta, True), (RefusalDelta, True), (ReasoningDelta, False), (ToolCallDelta, False)],
)
async def test_texts_alone_are_counted_to_the_token(shared: Desk, delta: Any, *, is_exact: bool) -> None:
    words = "once upon a time there was " * 400
    output = (await count_text(words, "gpt-4o")).tokens
    who = payer()
    count = await count_request(asked(STORY, max_output=300), EXACT)
    need = count.tokens * IN + (output if is_exact else output * 4 // 5) * OUT
    budget = await shared.budget(who, need)
    bill = await opened(shared, who, EXACT, max_output=300)
    bill.see(delta(0, words))
    await bill.grow()
    assert await shared.sums(budget) == (0, need, 0)
    paid, _ = await bill.settle(whole=True, loss="none", response=None, milliseconds=0)
    assert paid.usage is not None
    assert (paid.usage.input, paid.usage.output_total) == (count.tokens, output)
    assert bool(paid.usage.reasoning) == (delta is ReasoningDelta)
    assert (paid.source, paid.method) == ("estimate", count.method if is_exact else "estimate")


async def test_thoughts_cost_what_thoughts_do(shared: Desk) -> None:
    """And are believed by a fifth less, as all that is estimated, where the host was told a cap."""
    thoughts, words = "hm, " * 400, "once upon a time there was " * 100
    dear = replace(PROFILE, price=replace(PRICE, reasoning=30 * OUT * 1_000))
    output, thought = [(await count_text(each, "small")).tokens for each in (words, thoughts)]
    who = payer()
    *_, likely = await bounds()
    budget = await shared.budget(who, 10**15)
    bill = await opened(shared, who, dear, max_output=10)
    bill._held = 0  # as if a budget had had room for no more
    bill._mark = len(thoughts) + len(words) - 1
    for half in (thoughts[:801], thoughts[801:]):
        assert not bill.see(ReasoningDelta(0, half))
    assert bill.see(TextDelta(0, words))
    assert bill._roughly() == bill._worth.tokens // 2 * IN + len(words) // 4 * OUT + 400 * 30 * OUT
    await bill.grow()
    assert bill._mark == (len(thoughts) + len(words)) * 9 // 8
    assert await shared.sums(budget) == (
        0,
        likely * IN + output * 4 // 5 * OUT + thought * 4 // 5 * 30 * OUT,
        0,
    )
    paid, _ = await bill.settle(whole=True, loss="none", response=None, milliseconds=0)
    assert paid.usage == Usage(input=likely, output=output, reasoning=thought)
    assert paid.amount == likely * IN + output * OUT + thought * 30 * OUT


async def test_a_count_beyond_every_window_is_none(shared: Desk) -> None:
    for usage, believed in ((Usage(output=10**7), True), (Usage(output=10**7 + 1), False)):
        bill = await opened(shared, payer(), max_output=100)
        bill.see(text(8))
        bill.see(UsageSeen(usage))
        paid, _ = await bill.settle(whole=True, loss="none", response=None, milliseconds=0)
        assert (paid.source == "provider") == believed
        assert (paid.amount == 10**7 * OUT) == believed


async def test_the_next_look_is_an_eighth_later(shared: Desk) -> None:
    who = payer()
    await shared.budget(who, 10**15)
    bill = await opened(shared, who, max_output=100)
    bill.see(HUGE)
    bill.see(text(800))
    await bill.grow()
    bill.see(UsageSeen(Usage(output=10**7)))
    assert not bill.see(text(100)), "nine hundred"
    assert bill.see(text(1))


async def test_a_bill_is_open_until_it_is_settled_or_void(shared: Desk) -> None:
    who = payer()
    request = asked()
    never = Bill(ids.new("att"), request, PROFILE, who, till=shared.server.till)
    assert not never.is_open
    await never.void()
    bill = await opened(shared, who)
    before = bill.is_open
    await bill.void()
    assert (before, bill.is_open) == (True, False)
    assert await shared.of("holds", who) == []
    other = await opened(shared, who)
    await other.settle(whole=True, loss="none", response=None, milliseconds=0)
    assert not other.is_open
    await other.void()
    assert len(await shared.of("ledger_entries", who)) == 1


async def test_nothing_is_counted_to_the_token(shared: Desk) -> None:
    count = await count_request(asked(STORY), EXACT)
    bill = await opened(shared, payer(), EXACT)
    paid, _ = await bill.settle(whole=True, loss="none", response=None, milliseconds=0)
    assert (paid.usage, paid.method) == (Usage(input=count.tokens), "local_exact")


@pytest.mark.parametrize(("loss", "waits"), [("none", 0), ("input", "input"), ("held", "held")])
async def test_what_may_still_be_owed_waits(shared: Desk, loss: Any, waits: int | str) -> None:
    who = payer()
    by_bytes, _, _ = await bounds()
    budget = await shared.budget(who, 10**9)
    bill = await opened(shared, who, max_output=100)
    await bill.settle(whole=False, loss=loss, response=None, milliseconds=0)
    expected = {"input": by_bytes * IN, "held": by_bytes * IN + 100 * OUT}.get(str(waits), 0)
    assert await shared.sums(budget) == (0, 0, expected)
