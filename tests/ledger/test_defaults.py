"""What users may spend who have no budget of their own."""

from typing import Any

from podium.catalogue.profile import Price
from tests.ledger.book import NANO, book
from tests.turn.home import Home, homes

CENT = Price(input=0, output=10_000_000_000)  # a token of output
BODY = {"messages": [{"role": "user", "content": "[[tokens=1]]"}], "max_tokens": 1}


async def member(home: Home, name: str) -> dict[str, str]:
    """The headers of a user's own key."""
    body = {"tenant": "default", "user": name, "scope": "member", "tier": "unlimited"}
    made = await home.good("POST", "/v1/keys", body)
    return {"authorization": f"Bearer {made['key']}"}


async def served(home: Home, headers: dict[str, str]) -> tuple[int, Any]:
    """How many calls of a cent a user makes until one is refused, and the refusal; ten at the most."""
    for number in range(10):
        status, told = await home.ask("POST", "/v1/chat/completions", BODY, headers)
        if status != 200:
            assert status == 429, told
            return number, told["error"]["message"]
    return 10, None


async def test_users_without_budgets_have_the_default_and_others_their_own(dsn: str) -> None:
    async with homes(dsn, price=CENT, default_daily_budget="0.03") as [home], book(dsn) as rows:
        ann, ben, cat = [await member(home, name) for name in ("ann", "ben", "cat")]
        await home.good(
            "POST",
            "/v1/budgets",
            {"scope": {"type": "user", "id": "ben"}, "limit": "0.05", "period": "total"},
        )
        number, told = await served(home, ann)
        assert number == 3
        assert told.startswith("Budget limit exceeded: Daily budget limit exceeded.")
        number, told = await served(home, ben)
        assert number == 5
        assert told.startswith("Budget limit exceeded: User budget limit exceeded.")
        assert (await served(home, cat))[0] == 3
        made = await rows.rows("SELECT amount, period, is_default FROM budgets ORDER BY is_default, amount")
        assert made == [
            {"amount": 5 * NANO // 100, "period": "total", "is_default": False},
            *[{"amount": 3 * NANO // 100, "period": "day", "is_default": True}] * 2,
        ]
        await rows.check()


async def test_each_default_binds(dsn: str) -> None:
    async with homes(
        dsn,
        price=CENT,
        default_daily_budget="0.05",
        default_monthly_budget="0.04",
        default_user_budget="0.02",
    ) as [home]:
        number, told = await served(home, await member(home, "ann"))
        assert number == 2
        assert told.startswith("Budget limit exceeded: User budget limit exceeded.")


async def test_a_budget_of_ones_own_takes_the_place_of_defaults_that_were_there(dsn: str) -> None:
    async with homes(dsn, price=CENT, default_daily_budget="0.02") as [home]:
        ann = await member(home, "ann")
        assert (await served(home, ann))[0] == 2
        own = {"scope": {"type": "user", "id": "ann"}, "limit": "0.07", "period": "total"}
        await home.good("POST", "/v1/budgets", own)
        assert (await served(home, ann))[0] == 7


async def test_without_defaults_nobody_is_held_to_any(dsn: str) -> None:
    async with homes(dsn, price=CENT) as [home], book(dsn) as rows:
        assert await served(home, await member(home, "ann")) == (10, None)
        assert await rows.rows("SELECT FROM budgets") == []


async def test_a_default_that_changes_counts_at_once(dsn: str) -> None:
    async with homes(dsn, price=CENT, default_user_budget="0.02") as [home]:
        assert (await served(home, await member(home, "ann")))[0] == 2
    async with homes(dsn, price=CENT, default_user_budget="0.05") as [home]:
        assert (await served(home, await member(home, "ann")))[0] == 3


async def test_a_default_that_is_unset_counts_no_more(dsn: str) -> None:
    async with homes(dsn, price=CENT, default_user_budget="0.02", default_daily_budget="0.05") as [home]:
        assert (await served(home, await member(home, "ann")))[0] == 2
    async with homes(dsn, price=CENT, default_daily_budget="0.05") as [home]:
        assert (await served(home, await member(home, "ann")))[0] == 3
    async with homes(dsn, price=CENT) as [home]:
        assert await served(home, await member(home, "ann")) == (10, None)


async def test_a_budget_of_ones_own_has_its_own_time_zone(dsn: str) -> None:
    async with homes(dsn, price=CENT, default_daily_budget="0.05") as [home]:
        await served(home, await member(home, "ann"))
        own = {
            "scope": {"type": "user", "id": "ann"},
            "limit": "7",
            "period": "day",
            "timezone": "Asia/Tokyo",
        }
        made = await home.good("POST", "/v1/budgets", own)
        assert (made["timezone"], made["starts_at"][10:16], made["is_default"]) == (
            "Asia/Tokyo",
            "T15:00",
            False,
        )


async def test_a_default_that_rises_tells_of_its_threshold_anew(dsn: str) -> None:
    told: list[dict[str, Any]] = []
    for limit, calls in (("0.04", 4), ("0.10", 5)):
        async with homes(dsn, price=CENT, default_user_budget=limit) as [home], book(dsn) as rows:
            ann = await member(home, "ann")
            for _ in range(calls):
                assert (await home.ask("POST", "/v1/chat/completions", BODY, ann))[0] == 200
            told = await rows.rows("SELECT amount, spent FROM budget_alerts ORDER BY at")
    cent = NANO // 100
    assert told == [{"amount": 4 * cent, "spent": 4 * cent}, {"amount": 10 * cent, "spent": 8 * cent}]
