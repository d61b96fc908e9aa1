"""What an attempt costs that is served in another tier of service: by its host's word, else by its caller's."""

import dataclasses

import pytest
from msgspec import Raw
from msgspec.structs import astuple, replace

from podium.catalogue.profile import Price, Profile, Variant
from podium.errors import Truncated
from podium.kit import money
from podium.ledger.receipt import breakdown
from podium.ledger.tariff import cost, read
from podium.ledger.worth import worth
from podium.providers.scripted import Answer
from podium.tokens.count import ceiling
from podium.vocabulary.event import AttemptEnded, AttemptFailed, Finished, TextDelta, UsageSeen
from podium.vocabulary.request import Request, Source
from podium.vocabulary.usage import Usage
from tests.ledger.desk import PRICE, Desk, Play, asked, payer

pytestmark = pytest.mark.asyncio(loop_scope="module")

USAGE = Usage(100, 20, 30, 40, 50)
PRIORITY = Price(input=2_000_000, output=6_000_000)
FLEX = Price(input=500_000, output=1_500_000)
SERVED = dataclasses.replace(PRICE, variants=(Variant("priority", PRIORITY), Variant("flex", FLEX)))
PROFILE = Profile("lab", "small", price=SERVED, output_limit=1000)


def sent(tier: str | None) -> Request:
    request = asked()
    members = {} if tier is None else {"service_tier": Raw(f'"{tier}"'.encode())}
    return replace(request, source=Source("openai_chat", members, request))


def answered(tier: str | None) -> Answer:
    return (TextDelta(0, "Once"), Finished("stop"), UsageSeen(USAGE, tier=tier))


@pytest.mark.parametrize(
    ("wanted", "named", "price"),
    [
        (None, None, PRICE),
        (None, "default", PRICE),
        ("auto", "priority", PRIORITY),
        ("auto", None, PRICE),
        ("priority", "priority", PRIORITY),
        ("priority", "default", PRICE),
        ("priority", None, PRIORITY),
        ("priority", "scale", PRICE),
        ("flex", "flex", FLEX),
        ("flex", "default", PRICE),
        ("flex", None, FLEX),
        ("default", "default", PRICE),
    ],
)
async def test_an_answer_costs_what_its_host_says_it_served_or_what_was_asked_for(
    shared: Desk, monkeypatch: pytest.MonkeyPatch, wanted: str | None, named: str | None, price: Price
) -> None:
    who = payer()
    play = await Play(answered(named), who, shared, PROFILE, sent(wanted)).run(monkeypatch)
    entry, ended = await shared.entry(who), play.events[-1]
    assert isinstance(ended, AttemptEnded)
    assert entry["amount"] == cost(USAGE, price)
    assert (ended.cost, ended.cost_breakdown) == (money.dollars(entry["amount"]), breakdown(USAGE, price))
    [row] = await shared.rows.rows("SELECT told FROM tariffs WHERE id = $1", entry["tariff"])
    assert read(row["told"]) == dataclasses.replace(
        SERVED, asked=wanted if wanted in {"priority", "flex"} else ""
    )


@pytest.mark.parametrize(
    ("wanted", "price"), [(None, PRICE), ("auto", PRICE), ("priority", PRIORITY), ("flex", PRICE)]
)
async def test_what_is_held_is_the_dearest_that_the_request_can_mean(
    shared: Desk, monkeypatch: pytest.MonkeyPatch, wanted: str | None, price: Price
) -> None:
    who = payer()
    most = worth(asked(), PROFILE, price, ceiling(asked(), PROFILE)).most
    budget = await shared.budget(who, most)
    play = Play(answered(None), who, shared, PROFILE, sent(wanted))
    stream = play.open(monkeypatch)
    await anext(stream)
    assert await shared.sums(budget) == (0, most, 0)
    await stream.aclose()


@pytest.mark.parametrize(
    ("wanted", "named", "price"),
    [
        ("priority", None, PRIORITY),
        ("flex", None, PRICE),
        ("flex", "flex", FLEX),
        ("auto", "priority", PRIORITY),
        ("priority", "default", PRICE),
    ],
)
async def test_an_answer_that_broke_off_costs_as_its_host_said_or_the_dearest_that_the_request_can_mean(
    shared: Desk, monkeypatch: pytest.MonkeyPatch, wanted: str, named: str | None, price: Price
) -> None:
    who = payer()
    answer = (UsageSeen(Usage(input=1), tier=named), TextDelta(0, "Once upon a time"), Truncated())
    play = Play(answer, who, shared, PROFILE, sent(wanted))
    with pytest.raises(Truncated):
        await play.run(monkeypatch)
    entry, failed = await shared.entry(who), play.events[-1]
    assert isinstance(failed, AttemptFailed)
    assert failed.usage is not None
    assert failed.usage_source == "estimate"
    assert entry["amount"] == cost(failed.usage, price)
    assert failed.cost_breakdown is not None
    assert sum(map(money.nano, astuple(failed.cost_breakdown))) == entry["amount"]


async def test_what_nobody_pays_for_is_told_by_the_tier_that_served_it(
    shared: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    play = Play(answered("priority"), None, shared, PROFILE, sent("priority"))
    ended = (await play.run(monkeypatch)).events[-1]
    assert isinstance(ended, AttemptEnded)
    assert ended.cost == money.dollars(cost(USAGE, PRIORITY))


async def test_searches_and_what_is_cached_for_an_hour_are_charged_as_the_answer_tells(
    shared: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = payer()
    price = dataclasses.replace(PRICE, cache_write=1_250_000, cache_write_hour=2_000_000, search=10_000_000)
    usage = replace(USAGE, cache_write_hour=7, searches=3)
    answer = (TextDelta(0, "Once"), Finished("stop"), UsageSeen(usage))
    profile = dataclasses.replace(PROFILE, price=price)
    ended = (await Play(answer, who, shared, profile).run(monkeypatch)).events[-1]
    entry = await shared.entry(who)
    assert isinstance(ended, AttemptEnded)
    assert entry["cache_write"] == 30 + 7
    assert entry["amount"] == (100 + 20) * 1_000 + 30 * 1_250 + 7 * 2_000 + (40 + 50) * 3_000 + 3 * 10_000_000
    assert ended.cost_breakdown is not None
    assert ended.cost_breakdown.request_cost == "0.03"
    assert ended.cost_breakdown.cache_write_cost == money.dollars(30 * 1_250 + 7 * 2_000)
    assert sum(map(money.nano, astuple(ended.cost_breakdown))) == entry["amount"]


async def test_an_absurd_usage_is_no_count(shared: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    who = payer()
    usage = Usage(2**40, 2**31, 2**31, 2**31, 2**31, 2**31, 2**31, 2**31, 2**31)
    answer = (TextDelta(0, "Once"), Finished("stop"), UsageSeen(usage))
    await Play(answer, who, shared, PROFILE).run(monkeypatch)
    entry = await shared.entry(who)
    assert (entry["usage_source"], entry["output"], entry["reasoning"]) == ("estimate", 2, 0)
