"""The arithmetic of limits: against a model that remembers everything, and the counts of a process over it."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.errors import RateLimited
from podium.identity.principal import Principal, Tier
from podium.identity.quota import Limit, Limits, Quota
from podium.identity.quota.rate import MINUTE, Rate
from podium.identity.user import OPERATOR

PER_MINUTE = st.integers(1, 100_000)
STEPS = st.lists(st.tuples(st.integers(0, 2 * MINUTE), st.integers(1, 50)), max_size=60)


class Clock:
    def __init__(self) -> None:
        self.now = 1_000 * MINUTE

    def __call__(self) -> int:
        return self.now


def who(
    tier: Tier = "free",
    *,
    user: str = "usr_a",
    key: str = "key_a",
    tenant: str = "ten_a",
    operator: bool = False,
) -> Principal:
    return Principal(
        tenant=tenant,
        user=user,
        key=key,
        scope="member",
        tier=tier,
        tenant_name="acme",
        user_name="ann",
        is_operator=operator,
    )


@given(PER_MINUTE, STEPS)
def test_never_more_than_a_minutes_worth_and_the_rate_in_any_stretch_of_time(
    per_minute: int, steps: list[tuple[int, int]]
) -> None:
    rate, owed, now = Rate.of(per_minute), 0, 0
    taken: list[tuple[int, int]] = []
    for pause, amount in steps:
        now, owed = now + pause, max(0, owed - pause)
        if amount <= rate.most and not rate.wait(owed, amount):
            owed += rate.each * amount
            taken.append((now, amount))
    for first, (start, _) in enumerate(taken):
        for last in range(first, len(taken)):
            most = rate.most + Fraction(taken[last][0] - start) * per_minute / MINUTE
            assert sum(amount for _, amount in taken[first : last + 1]) <= most


@given(PER_MINUTE, st.integers(0, 3 * MINUTE), st.integers(1, 200_000))
def test_a_wait_is_exact(per_minute: int, owed: int, amount: int) -> None:
    rate = Rate.of(per_minute)
    wait = rate.wait(owed, amount)
    assert rate.wait(owed - wait, amount) == 0
    assert wait == 0 or rate.wait(owed - wait + 1, amount) == 1


@given(PER_MINUTE, st.integers(0, 3 * MINUTE))
def test_what_is_left_may_be_taken_at_once_and_no_more(per_minute: int, owed: int) -> None:
    rate = Rate.of(per_minute)
    left = rate.left(owed)
    assert left <= per_minute
    assert left == 0 or rate.wait(owed, left) == 0
    assert left == rate.most or rate.wait(owed, left + 1) > 0


@given(PER_MINUTE, st.integers(1, 64))
def test_those_who_divide_a_rate_have_no_more_together(per_minute: int, share: int) -> None:
    one = Rate.of(per_minute, share)
    assert Fraction(share, one.each) <= Fraction(per_minute, MINUTE)
    assert one.most == 1 or one.most * share <= per_minute


async def admitted(quota: Quota, principal: Principal, most: int, tokens: int = 0) -> int:
    for number in range(most):
        try:
            await quota.admit(principal, tokens)
        except RateLimited:
            return number
    return most


async def test_each_tier_has_its_own_rate() -> None:
    clock = Clock()
    limits = Limits(tiers={tier: Limit(requests=limit.requests) for tier, limit in Limits().tiers.items()})
    quota = Quota(limits, now=clock)
    rates: dict[Tier, int] = {"free": 5, "basic": 10, "professional": 100, "enterprise": 500}
    for tier, most in rates.items():
        mine = who(tier, user=f"usr_{tier}")
        assert await admitted(quota, mine, 1000) == most
        clock.now += MINUTE // most - 1
        assert await admitted(quota, mine, 1) == 0
        clock.now += 1
        assert await admitted(quota, mine, 1) == 1
    assert await admitted(quota, who("unlimited"), 1000) == 1000
    assert await admitted(quota, who("free", user=OPERATOR.id, operator=True), 1000) == 1000
    assert await admitted(quota, who("free", user="usr_b", operator=True), 1000) == 5, "it speaks for one"


async def test_a_users_keys_share_what_the_user_may_have() -> None:
    quota = Quota(Limits(), now=Clock())
    assert await admitted(quota, who(key="key_a"), 3) == 3
    assert await admitted(quota, who(key="key_b"), 10) == 2
    assert await admitted(quota, who(user="usr_b"), 10) == 5


async def test_keys_of_two_tiers_share_the_users_minute() -> None:
    limits = Limits(tiers={"free": Limit(requests=5), "professional": Limit(requests=100)})
    quota = Quota(limits, now=Clock())
    assert await admitted(quota, who("professional"), 50) == 50
    assert await admitted(quota, who("free", key="key_b"), 10) == 2
    assert await admitted(quota, who("professional"), 100) == 10


async def test_of_several_scopes_all_are_taken_or_none() -> None:
    limits = Limits(tiers={"free": Limit(requests=5)}, key=Limit(requests=3), tenant=Limit(requests=4))
    quota = Quota(limits, now=Clock())
    assert await admitted(quota, who(), 10) == 3
    assert await admitted(quota, who(key="key_b"), 10) == 1
    assert await admitted(quota, who(user="usr_b", key="key_c"), 10) == 0
    # What was refused for the tenant's sake cost nobody anything.
    assert await admitted(quota, who(user="usr_b", key="key_c", tenant="ten_b"), 10) == 3


async def test_the_tightest_limit_is_told() -> None:
    clock = Clock()
    quota = Quota(Limits(tiers={"free": Limit(requests=10)}, tenant=Limit(requests=4)), now=clock)
    grant = await quota.admit(who())
    assert grant is not None
    assert dict(grant.standings) == {"requests": (4, 3, 15.0)}
    for _ in range(3):
        await quota.admit(who())
    clock.now += 1_000_000
    with pytest.raises(RateLimited) as caught:
        await quota.admit(who())
    assert caught.value.after == 14.999
    assert caught.value.standings == {"requests": (4, 0, 59.999)}
    assert "tenant" in caught.value.message


async def test_what_came_to_nothing_is_given_back() -> None:
    quota = Quota(Limits(tiers={"free": Limit(requests=1, tokens=100, turns=1)}), now=Clock())
    for _ in range(3):
        grant = await quota.admit(who(), 60)
        assert grant is not None
        grant.withdraw()
    assert await admitted(quota, who(), 2, 60) == 1


async def test_tokens_that_were_used_take_the_place_of_those_expected() -> None:
    clock = Clock()
    quota = Quota(Limits(tiers={"free": Limit(tokens=600)}), now=clock)
    grant = await quota.admit(who(), 500)
    assert grant is not None
    assert await admitted(quota, who(), 1, 200) == 0
    grant.end(400)
    grant.end(0)
    assert await admitted(quota, who(), 1, 200) == 1
    clock.now += MINUTE
    more = await quota.admit(who(), 10)
    assert more is not None
    more.end(610)
    assert await admitted(quota, who(), 1, 1) == 0
    clock.now += MINUTE // 600 * 11
    assert await admitted(quota, who(), 1, 1) == 1


async def test_more_than_a_minutes_tokens_wait_for_a_whole_minute_and_are_owed() -> None:
    clock = Clock()
    quota = Quota(Limits(tiers={"free": Limit(tokens=600)}), now=clock)
    assert await admitted(quota, who(), 5, 1200) == 1
    clock.now += MINUTE
    assert await admitted(quota, who(), 1, 1) == 0
    clock.now += MINUTE // 600
    assert await admitted(quota, who(), 1, 1) == 1


async def test_a_turn_has_a_seat_while_it_runs() -> None:
    quota = Quota(Limits(tiers={"free": Limit(turns=2)}), now=Clock())
    first, second = await quota.admit(who()), await quota.admit(who())
    assert first is not None
    assert second is not None
    assert await admitted(quota, who(), 1) == 0
    first.stand()
    third = await quota.admit(who())
    assert third is not None
    again = quota.resume(who(), 0)
    assert again is not None
    for grant in (first, second, third):
        grant.end(None)
    assert await admitted(quota, who(), 3) == 1
    again.end(None)
    again.end(None)
    assert await admitted(quota, who(), 3) == 1


async def test_what_a_turn_took_before_it_waited_is_corrected_where_it_runs() -> None:
    clock = Clock()
    quota = Quota(Limits(tiers={"free": Limit(tokens=600)}), now=clock)
    waiting = await quota.admit(who(), 400)
    assert waiting is not None
    waiting.stand()
    waiting.withdraw()
    assert await admitted(quota, who(), 1, 201) == 0
    running = quota.resume(who(), 400)
    assert running is not None
    running.end(100)
    assert await admitted(quota, who(), 1, 501) == 0
    assert await admitted(quota, who(), 1, 500) == 1


async def test_processes_that_share_nothing_divide_the_limits() -> None:
    quotas = [Quota(Limits(replicas=2), workers=2, now=Clock()) for _ in range(4)]
    assert [await admitted(quota, who("basic"), 20) for quota in quotas] == [2, 2, 2, 2]


async def test_what_is_paid_off_is_forgotten() -> None:
    clock = Clock()
    quota = Quota(Limits(tiers={"free": Limit(requests=60)}), now=clock)
    for number in range(40_000):
        await quota.admit(who(user=f"usr_{number}"))
        clock.now += 1_000_000
    assert len(quota._memory._free) < 33_000
