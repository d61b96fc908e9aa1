"""What a dead owner left is settled by what its turn's log tells."""

import dataclasses
from typing import Any

import pytest
from msgspec.structs import replace

from podium.catalogue.profile import Price
from podium.kit import ids
from podium.ledger import lost
from podium.ledger.lost import Lost, Trace
from podium.ledger.receipt import breakdown, digest
from podium.ledger.streamed import Streamed
from podium.ledger.tariff import UNKNOWN
from podium.ledger.till import Wanted
from podium.tokens.count import count_text
from podium.vocabulary.event import AttemptFailed, AttemptStarted
from podium.vocabulary.usage import Usage
from tests.ledger.desk import PRICE, Desk, payer
from tests.ledger.tills import spent

pytestmark = pytest.mark.asyncio(loop_scope="module")

SAID = "Once upon a time there was a king"
HELD, TOKENS = 5_000_000, 30


def left(attempt: str, turn: str, payer: Any, price: Price = PRICE) -> Wanted:
    return Wanted(attempt, payer, turn, "answer", "lab/small", digest(price)[0], HELD, HELD, TOKENS)


def told(attempt: str, **more: Any) -> AttemptFailed:
    return AttemptFailed(
        attempt=attempt,
        code="owner_lost",
        message="The server that made this call went away.",
        retryable=True,
        **more,
    )


async def settle(desk: Desk, trace: Trace) -> AttemptFailed | None:
    """How the attempt of which its log tells has ended."""
    ended = [each for each in await settle_all(desk, trace) if isinstance(each, AttemptFailed)]
    return next((each for each in ended if each.attempt == trace.attempt), None)


async def settle_all(desk: Desk, trace: Trace) -> list[AttemptStarted | AttemptFailed]:
    for price in (PRICE, UNKNOWN):
        await desk.server.till.know(*digest(price))
    return await Lost(desk.database, desk.server.till).settle(trace)


@pytest.mark.parametrize(
    ("said", "usage", "counted"),
    [
        (SAID, None, True),
        (SAID, Usage(input=7, output=1, reasoning=1), True),
        ("", Usage(input=7, output=2), False),
        ("a", Usage(input=7, output=20, cached_input=1), False),
    ],
)
async def test_what_was_shown_is_charged_and_the_rest_waits(
    shared: Desk, said: str, usage: Usage | None, *, counted: bool
) -> None:
    who = payer()
    budget = await shared.budget(who, 10**9)
    attempt = f"att_{who.user}"
    await shared.server.hold(left(attempt, who.user, who))
    ending = await settle(shared, Trace(who.user, attempt, Streamed(said), usage, is_told=True))
    output = (await count_text(said, "small")).tokens
    expected = usage or Usage(input=TOKENS)
    if counted:
        assert output > expected.output_total
        expected += Usage(output=output - expected.output_total)
    amount = expected.input_total * 1_000 + expected.output_total * 3_000
    dollars = f"{amount / 10**9:.9f}".rstrip("0")
    assert ending == told(
        attempt,
        usage=expected,
        usage_source="estimate",
        in_suspense=True,
        cost=dollars,
        cost_breakdown=breakdown(expected, PRICE),
        counting_method="estimate",
    )
    assert await shared.sums(budget) == (amount, 0, HELD - amount)
    entry = await shared.entry(who)
    assert (entry["usage_source"], entry["succeeded"], entry["milliseconds"]) == ("estimate", False, 0)
    assert (entry["input"], entry["output"], entry["response_id"]) == (expected.input, expected.output, None)


async def test_thoughts_that_were_shown_are_charged_as_thoughts(shared: Desk) -> None:
    who = payer()
    price = dataclasses.replace(PRICE, reasoning=7_000_000)
    output, thought = [(await count_text(each, "small")).tokens for each in (SAID, "Hm. " * 9)]
    await shared.server.till.know(*digest(price))
    for usage in (None, Usage(input=TOKENS, reasoning=thought - 1), Usage(10**9)):
        attempt = ids.new("att")
        await shared.server.hold(left(attempt, attempt, who, price))
        ending = await settle(
            shared, Trace(attempt, attempt, Streamed(SAID, "Hm. " * 9), usage, is_told=True)
        )
        assert ending is not None
        assert ending.usage == Usage(input=TOKENS, output=output, reasoning=thought)
    entries = await shared.of("ledger_entries", who)
    assert {each["amount"] for each in entries} == {TOKENS * 1_000 + output * 3_000 + thought * 7_000}


async def test_what_costs_more_than_was_held_leaves_nothing_waiting(shared: Desk) -> None:
    who = payer()
    budget = await shared.budget(who, 10**9)
    attempt = f"att_{who.user}"
    await shared.server.hold(left(attempt, who.user, who))
    await settle(shared, Trace(who.user, attempt, Streamed(), Usage(output=5_000), is_told=True))
    assert await shared.sums(budget) == (15_000_000, 0, 0)


async def test_of_what_nothing_was_shown_all_that_was_held_waits(shared: Desk) -> None:
    who = payer()
    budget = await shared.budget(who, 10**9)
    attempt = f"att_{who.user}"
    await shared.server.hold(left(attempt, who.user, who))
    ending = await settle(shared, Trace(who.user, attempt, Streamed(), None, is_told=True))
    assert ending == told(attempt, usage_source="none", in_suspense=True)
    assert await shared.sums(budget) == (0, 0, HELD)
    entry = await shared.entry(who)
    assert (entry["usage_source"], entry["succeeded"], entry["milliseconds"]) == ("none", False, 0)
    assert (entry["input"], entry["amount"], entry["response_id"]) == (0, 0, None)


async def test_a_model_without_a_price_is_counted_and_costs_nothing(shared: Desk) -> None:
    who = payer()
    attempt = f"att_{who.user}"
    await shared.server.hold(left(attempt, who.user, who, UNKNOWN))
    ending = await settle(shared, Trace(who.user, attempt, Streamed(SAID), None, is_told=True))
    assert ending is not None
    assert (ending.cost, ending.cost_breakdown, ending.usage_source) == (None, None, "estimate")
    assert ending.usage is not None
    assert (await shared.entry(who))["amount"] == 0


@pytest.mark.parametrize("is_told", [True, False])
async def test_attempts_that_a_log_does_not_tell_of(shared: Desk, *, is_told: bool) -> None:
    """Where it would tell they never left, and are given back; where it would not, all that was held waits."""
    who = payer()
    budget = await shared.budget(who, 10**9)
    for number in range(2):
        wanted = left(f"att_{who.user}_{number}", who.user, who)
        await shared.server.hold(replace(wanted, model="lab/meta/small"))
    held = await shared.of("holds", who)
    heard = await settle_all(shared, Trace(who.user, None, Streamed(), None, is_told=is_told))
    assert heard == [
        event
        for row in held
        for event in (
            AttemptStarted(row["attempt_id"], "lab", "meta/small", row["at"]),
            told(row["attempt_id"], in_suspense=True),
        )
        if not is_told
    ]
    assert await shared.sums(budget) == (0, 0, 0 if is_told else 2 * HELD)
    assert await shared.of("holds", who) == []
    assert len(await shared.of("ledger_entries", who)) == (0 if is_told else 2)


async def test_only_the_last_attempt_is_charged_for_what_was_shown(shared: Desk) -> None:
    who = payer()
    attempts = [f"att_{who.user}_{number}" for number in range(3)]
    for attempt in attempts:
        await shared.server.hold(left(attempt, who.user, who))
    ending = await settle(shared, Trace(who.user, attempts[1], Streamed(SAID), None, is_told=False))
    assert ending is not None
    assert (ending.attempt, ending.usage_source) == (attempts[1], "estimate")
    entries = {row["id"]: row["usage_source"] for row in await shared.of("ledger_entries", who)}
    assert entries == {attempts[0]: "none", attempts[1]: "estimate", attempts[2]: "none"}


async def test_what_its_owner_could_still_settle_is_told_as_it_was_entered(shared: Desk) -> None:
    who = payer()
    attempt = f"att_{who.user}"
    await shared.server.hold(left(attempt, who.user, who))
    usage = Usage(10, 20, 30, 40, 50, audio_output=60)
    await shared.server.till.settle(replace(spent(attempt, 4_000), usage=usage))
    trace = Trace(who.user, attempt, Streamed(SAID), None, is_told=True)
    assert await settle(shared, trace) == told(
        attempt,
        usage=usage,
        usage_source="provider",
        cost="0.000004",
        cost_breakdown=breakdown(usage, PRICE),
    )
    nothing = f"{attempt}_n"
    await shared.server.hold(left(nothing, "turn_n", who))
    await shared.server.till.settle(spent(nothing, 0, source="none"))
    assert await settle(shared, dataclasses.replace(trace, attempt=nothing)) == told(
        nothing, usage_source="none"
    )
    unknown = dataclasses.replace(trace, attempt="att_unknown")
    assert await settle(shared, unknown) == told("att_unknown", usage_source="none")


async def test_what_was_held_by_a_price_that_nobody_kept_costs_what_nobody_knows(shared: Desk) -> None:
    who = payer()
    attempt = f"att_{who.user}"
    await shared.server.hold(replace(left(attempt, who.user, who), tariff="tar_gone"))
    ending = await settle(shared, Trace(who.user, attempt, Streamed(SAID), None, is_told=True))
    assert ending is not None
    assert (ending.cost, ending.cost_breakdown, ending.usage_source) == (None, None, "estimate")
    assert (await shared.entry(who))["amount"] == 0


async def test_a_sweep_takes_no_more_than_it_may(shared: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    who = payer()
    budget = await shared.budget(who, 10**9)
    for number in range(2):
        await shared.server.hold(left(f"att_{who.user}_{number}", who.user, who))
    await shared.rows.rows(
        "UPDATE holds SET owner = 'proc_gone', at = at - interval '1 hour' WHERE tenant = $1", who.tenant
    )
    other = payer()
    for number in range(2):
        await shared.server.hold(left(f"att_{other.user}_{number}", other.user, other))
    monkeypatch.setattr(lost, "_MOST", 1)
    await settle(shared, Trace(other.user, None, Streamed(), None, is_told=True))
    assert len(await shared.of("holds", other)) == 1
    sweeping = Lost(shared.database, shared.server.till)
    await sweeping.sweep()
    assert await shared.sums(budget) == (0, HELD, HELD)
    await sweeping.sweep()
    assert await shared.sums(budget) == (0, 0, 2 * HELD)
    theirs = "UPDATE suspenses SET until = until - interval '2 days' WHERE starts_with(entry_id, $1)"
    await shared.rows.rows(theirs, f"att_{who.user}")
    await sweeping.sweep()
    assert await shared.sums(budget) == (0, 0, HELD)
