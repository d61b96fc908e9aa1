"""The keyring: quick, and never wrong for more than three seconds."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.errors import Unauthenticated, Unavailable, Unknown
from podium.identity import CHANNEL, DEFAULT_TENANT, Issued, Keyring, Keys, NewKey, digest
from podium.identity.key import may_be_key, new_secret
from podium.kit import clock
from podium.store.database import Database
from tests.serving import linked

OPERATOR = "the operator's"


class Clock:
    """Time as the test has it."""

    def __init__(self) -> None:
        self.now = clock.monotonic()

    def __call__(self) -> float:
        return self.now


@dataclass
class Rings:
    """Two processes on one database."""

    here: Keyring
    there: Keyring
    keys: Keys
    database: Database

    async def make(self, tenant: str = "acme", user: str = "ann") -> Issued:
        return await self.keys.create(NewKey(tenant, user, "member"))

    @property
    def statements(self) -> int:
        return self.here._lookup.statements


@pytest.fixture
async def rings(dsn: str) -> AsyncGenerator[Rings, None]:
    database = Database(dsn)
    await database.open()
    here, there = (Keyring(database, digest(OPERATOR)) for _ in range(2))
    yield Rings(here, there, Keys(database, there), database)
    await here.close()
    await there.close()
    await database.close()


@pytest.fixture
def moved(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moving = Clock()
    monkeypatch.setattr(clock, "monotonic", moving)
    return moving


async def test_a_key_is_found_once_and_then_remembered(rings: Rings) -> None:
    made = await rings.make()
    found = [await rings.here.find(made.secret) for _ in range(10)]
    assert (found[0].tenant_name, found[0].user_name, found[0].key) == ("acme", "ann", made.key.id)
    assert found == found[:1] * 10
    assert rings.statements == 1


async def test_a_key_revoked_elsewhere_dies_within_three_seconds_without_any_word(
    rings: Rings, moved: Clock
) -> None:
    made = await rings.make()
    await rings.here.find(made.secret)
    await rings.keys.revoke(made.key.id, None)
    moved.now += 2.9
    await rings.here.find(made.secret)
    moved.now += 0.2
    with pytest.raises(Unauthenticated):
        await rings.here.find(made.secret)


async def test_a_key_revoked_elsewhere_dies_at_once_by_notification(rings: Rings) -> None:
    made = await rings.make()
    await rings.here.find(made.secret)
    heard: asyncio.Queue[str] = asyncio.Queue()

    def hear(key_id: str) -> None:
        rings.here.forget(key_id)
        heard.put_nowait(key_id)

    await rings.database.lane().listen(CHANNEL, hear)
    await rings.keys.revoke(made.key.id, None)
    async with asyncio.timeout(5):
        assert await heard.get() == made.key.id
    with pytest.raises(Unauthenticated):
        await rings.here.find(made.secret)


async def test_a_key_expires_by_the_databases_clock(rings: Rings, moved: Clock) -> None:
    made = await rings.make()
    await rings.database.fetch("UPDATE keys SET expires_at = clock_timestamp() + interval '2 s'")
    await rings.here.find(made.secret)
    moved.now += 1.9
    await rings.here.find(made.secret)
    await rings.database.fetch("UPDATE keys SET expires_at = clock_timestamp()")
    moved.now += 0.2
    with pytest.raises(Unauthenticated):
        await rings.here.find(made.secret)


async def test_one_wrong_key_tried_often_costs_one_statement_a_second(rings: Rings, moved: Clock) -> None:
    wrong = new_secret()
    for _ in range(50):
        with pytest.raises(Unauthenticated):
            await rings.here.find(wrong)
    assert rings.statements == 1
    moved.now += 1.1
    with pytest.raises(Unauthenticated):
        await rings.here.find(wrong)
    assert rings.statements == 2


async def test_a_flood_of_wrong_keys_shares_statements_and_memory(
    rings: Rings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("podium.identity.keyring._MOST_ENTRIES", 100)
    tries = [rings.here.find(new_secret()) for _ in range(1_000)]
    found = await asyncio.gather(*tries, return_exceptions=True)
    assert all(isinstance(each, Unauthenticated) for each in found)
    assert rings.statements < 20
    assert len(rings.here._bad) <= 100


async def test_what_has_not_the_shape_of_a_key_never_reaches_the_database(rings: Rings) -> None:
    for wrong in (
        "",
        "pk_",
        "' OR 1=1--",
        "pk_" + "x" * 42,
        "pk_" + "x" * 44,
        "pk_" + "ü" * 43,
        "x" * 10_000,
        "\ud800",
    ):
        with pytest.raises(Unauthenticated):
            await rings.here.find(wrong)
    assert rings.statements == 0


@given(st.text(max_size=100), st.text(max_size=100))
def test_two_different_secrets_never_share_an_entry(one: str, other: str) -> None:
    assert (digest(one) == digest(other)) == (one == other)
    assert digest("x" * 256 + one) != digest("x" * 256 + other) or one == other


async def test_keys_that_begin_alike_are_different_keys(rings: Rings) -> None:
    made = await rings.make()
    await rings.here.find(made.secret)
    alike = made.secret[:-1] + ("A" if made.secret[-1] != "A" else "B")
    assert may_be_key(alike)
    with pytest.raises(Unauthenticated):
        await rings.here.find(alike)


async def test_the_operator_is_known_without_a_database(dsn: str) -> None:
    ring = Keyring(Database(dsn), digest(OPERATOR))
    found = await ring.find(OPERATOR)
    assert (found.is_operator, found.is_admin, found.tenant) == (True, True, DEFAULT_TENANT.id)
    with pytest.raises(Unauthenticated):
        await Keyring(Database(dsn), None).find(OPERATOR)
    with pytest.raises(Unauthenticated):  # whatever the settings say, no key is no key
        await Keyring(Database(dsn), digest("")).find("")


async def test_the_operator_acts_in_any_tenant_others_in_their_own_alone(rings: Rings) -> None:
    made = await rings.make()
    operator, ann = await rings.here.find(OPERATOR), await rings.here.find(made.secret)
    assert (await rings.here.act_in(operator, "acme")).tenant == ann.tenant
    assert await rings.here.act_in(ann, "acme") == ann
    told = set()
    for who, name in [(operator, "nobody"), (ann, "nobody"), (ann, "default")]:
        with pytest.raises(Unknown) as caught:
            await rings.here.act_in(who, name)
        told.add((caught.value.message, caught.value.param))
    assert len(told) == 1


@pytest.mark.promise("postgres")
async def test_while_the_database_is_away_a_key_lives_three_seconds_and_is_back_with_it(
    dsn: str, moved: Clock
) -> None:
    async with linked(dsn) as (dsn_through_link, link):
        database = Database(dsn_through_link)
        await database.open()
        ring = Keyring(database, None)
        made = await Keys(database, ring).create(NewKey("acme", "ann", "member"))
        await ring.find(made.secret)
        link.cut()
        moved.now += 2.9
        await ring.find(made.secret)
        moved.now += 0.2
        finding = asyncio.create_task(ring.find(made.secret))
        await wait_tried(ring)
        moved.now += 2.0
        with pytest.raises(Unavailable):
            await finding
        link.mend()
        assert (await ring.find(made.secret)).user_name == "ann"
        await ring.close()
        await database.close()


async def wait_tried(ring: Keyring) -> None:
    async with asyncio.timeout(5):
        while not ring._lookup._worker:  # noqa: ASYNC110  # a batch has no event for this
            await asyncio.sleep(0.001)


async def test_a_new_name_makes_a_tenant_and_a_user_once_however_many_ask(rings: Rings) -> None:
    made = await asyncio.gather(*(rings.make("new", f"user-{number % 2}") for number in range(12)))
    assert len({each.secret for each in made}) == 12
    assert await rings.database.value("SELECT count(*) FROM tenants WHERE name = 'new'") == 1
    assert await rings.database.value("SELECT count(*) FROM users WHERE name LIKE 'user-%'") == 2


async def test_a_secret_is_in_no_representation(rings: Rings) -> None:
    made = await rings.make()
    assert made.secret not in repr(made)
    assert made.secret not in repr(rings.here)
