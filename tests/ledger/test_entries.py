"""The ledger as it is read: whose rows, which of them, in what order, and what became known later."""

from datetime import UTC, datetime, timedelta

import pytest

from podium.kit import ids
from podium.ledger.budgets import Reach
from podium.ledger.entries import Entry, Place, Version, Wish, find, find_page, find_place
from tests.api.spending import PROCESS, Spender
from tests.ledger.desk import Desk, payer

pytestmark = pytest.mark.asyncio(loop_scope="module")

FIRST, LAST = (10, 20, 30, 40, 50, 60), (1, 2, 3, 4, 5, 6)
TARIFF = "INSERT INTO tariffs VALUES ('tariff', 'what it was paid by') ON CONFLICT DO NOTHING"
EVERYBODY = Reach(None)


async def spender(desk: Desk, tenant: str | None = None) -> Spender:
    await desk.database.fetch("SELECT process_register($1, 'home', 'boot', 0, '1 hour')", PROCESS)
    who = payer()
    return Spender(desk.database, tenant or who.tenant, who.user, who.key)


async def page(desk: Desk, reach: Reach, wish: Wish | None = None, after: Place | None = None) -> list[str]:
    found = await find_page(desk.database, reach, wish or Wish(), after=after, limit=100)
    return [each.id for each in found]


async def test_an_entry_is_told_whole_and_net_of_its_corrections(shared: Desk) -> None:
    await shared.rows.rows(TARIFF)
    who = await spender(shared)
    attempt = await who.spend(100, turn="turn_1", conversation="conv_1", usage=FIRST, source="estimate")
    [row] = await shared.rows.rows(
        "SELECT at, xid::text::bigint AS xid FROM ledger_entries WHERE id = $1", attempt
    )
    plain = Entry(
        id=attempt,
        xid=row["xid"],
        at=row["at"],
        turn_id="turn_1",
        conversation_id="conv_1",
        tenant=who.tenant,
        user_id=who.user,
        key_id=who.key,
        purpose="answer",
        model="lab/small",
        response_id="chatcmpl-1",
        succeeded=True,
        milliseconds=100,
        usage=FIRST,
        usage_source="estimate",
        amount=100,
        corrections=0,
        tariff_id="tariff",
        tariff="what it was paid by",
    )
    made = Version(row["at"], 100, FIRST, "estimate", None)
    assert await find(shared.database, EVERYBODY, attempt) == (plain, (made,))
    assert await find_page(shared.database, Reach(who.tenant), Wish(), after=None, limit=9) == [plain]
    await who.correct(attempt, 70, FIRST)
    await who.correct(attempt, 75, LAST)
    found = await find(shared.database, EVERYBODY, attempt)
    assert found is not None
    entry, versions = found
    assert (entry.amount, entry.usage, entry.usage_source, entry.corrections) == (75, LAST, "provider", 2)
    assert versions[0] == made
    assert [(each.amount, each.usage, each.usage_source, each.reason) for each in versions[1:]] == [
        (-30, FIRST, "provider", "the bill came"),
        (5, LAST, "provider", "the bill came"),
    ]
    assert row["at"] < versions[1].at < versions[2].at
    assert await find_page(shared.database, Reach(who.tenant), Wish(), after=None, limit=9) == [entry]


async def test_an_entry_whose_tariff_nobody_kept_is_told_all_the_same(shared: Desk) -> None:
    who = await spender(shared)
    attempt = await who.spend(1)
    await shared.rows.rows("UPDATE ledger_entries SET tariff = 'tar_gone' WHERE id = $1", attempt)
    [entry] = await find_page(shared.database, Reach(who.tenant), Wish(), after=None, limit=9)
    assert (entry.tariff_id, entry.tariff) == ("tar_gone", None)


async def test_only_what_is_within_reach_is_found(shared: Desk) -> None:
    ann = await spender(shared)
    bob = await spender(shared, ann.tenant)
    other = await spender(shared)
    [of_ann, of_bob, of_other] = [await each.spend(1) for each in (ann, bob, other)]
    for reach, seen in (
        (Reach(ann.tenant), [of_ann, of_bob]),
        (Reach(ann.tenant, bob.user), [of_bob]),
        (Reach(None, ann.user), [of_ann]),
        (Reach(other.tenant, ann.user), []),
    ):
        assert await page(shared, reach) == seen
        for each in (of_ann, of_bob, of_other):
            place = await find_place(shared.database, reach, each)
            assert (place is not None) == (each in seen)
            assert (await find(shared.database, reach, each) is not None) == (each in seen)
    assert [each for each in await page(shared, EVERYBODY) if each in (of_ann, of_bob, of_other)] == [
        of_ann,
        of_bob,
        of_other,
    ]
    assert await find_place(shared.database, EVERYBODY, "att_none") is None


async def test_each_wish_chooses(shared: Desk) -> None:
    ann = await spender(shared)
    bob = await spender(shared, ann.tenant)
    chat = ids.new("conv")
    one = await ann.spend(1, conversation=chat)
    two = await ann.spend(2, model="lab/large")
    three = await bob.spend(3)
    then = datetime(2026, 1, 1, tzinfo=UTC)
    await shared.rows.rows("UPDATE ledger_entries SET at = $2 WHERE id = $1", two, then)
    reach = Reach(ann.tenant)
    for wish, seen in (
        (Wish(), [one, two, three]),
        (Wish(users=(ann.user,)), [one, two]),
        (Wish(users=(bob.user,)), [three]),
        (Wish(users=(bob.user, ann.user)), [one, two, three]),
        (Wish(users=(bob.user, "usr_none")), [three]),
        (Wish(users=()), []),
        (Wish(conversation=chat), [one]),
        (Wish(model="lab/large"), [two]),
        (Wish(since=then + timedelta(microseconds=1)), [one, three]),
        (Wish(since=then, until=then + timedelta(microseconds=1)), [two]),
        (Wish(until=then), []),
        (Wish(users=(ann.user,), model="lab/small", conversation=chat, since=then), [one]),
    ):
        assert await page(shared, reach, wish) == seen, wish


async def test_pages_follow_each_other_and_nothing_comes_before_what_was_read(shared: Desk) -> None:
    who = await spender(shared)
    made = [await who.spend(1) for _ in range(5)]
    reach, seen, after = Reach(who.tenant), list[str](), None
    while found := await find_page(shared.database, reach, Wish(model="lab/small"), after=after, limit=2):
        assert len(found) <= 2
        seen += [each.id for each in found]
        after = Place(found[-1].xid, found[-1].id)
        assert await find_place(shared.database, reach, seen[-1]) == after
    assert seen == made
    await shared.rows.rows("BEGIN")
    await shared.rows.rows("SELECT pg_current_xact_id()")
    late = await who.spend(1)
    assert await page(shared, reach, after=after) == []
    await shared.rows.rows("COMMIT")
    assert await page(shared, reach, after=after) == [late]
