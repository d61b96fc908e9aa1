"""Schemas of earlier versions are brought up to date with all that they hold; one of a later version is left alone."""

from collections.abc import AsyncGenerator
from importlib import resources

import asyncpg
import pytest

from podium.errors import OperatorError
from podium.identity.payer import Payer
from podium.kit import ids
from podium.ledger.till import Settled
from podium.store import migrate
from podium.store.database import Database
from tests.ledger.tills import server, spent
from tests.serving import Cluster

BEFORE_WHOLE_HOLDS = "0003_money"
HELD = """
INSERT INTO budgets (id, tenant, scope_type, scope_id, amount, period)
VALUES ('bud_1', 'ten', 'user', 'usr', 100, 'total');
INSERT INTO budget_periods (budget_id, starts_at, amount, spent, held) VALUES ('bud_1', to_timestamp(0), 100, 30, 50);
INSERT INTO holds (attempt_id, owner, at, tenant, user_id, key_id, purpose, model, tariff, amount, tokens, floor, legs)
VALUES ('att_1', 'prc_1', now(), 'ten', 'usr', 'key', 'answer', 'm', 't', 50, 1, 10,
        ARRAY[ROW('bud_1', to_timestamp(0))::budget_leg]);
"""
BEFORE_ONE_SPELLING = "0004_whole_hold"
LOWER = "3f2b8c1e-0d6a-4a57-9a43-5d1a2b3c4d5e"
SPELLED = f"""
INSERT INTO tenants (id, name) VALUES ('ten_1', 'acme'), ('ten_2', 'umbrella');
INSERT INTO users (id, tenant, name) VALUES
    ('usr_1', 'ten_1', upper('{LOWER}')), ('usr_2', 'ten_1', '{LOWER}'),
    ('usr_3', 'ten_1', replace('{LOWER}', 'f', 'F')),
    ('usr_4', 'ten_2', upper('{LOWER}')), ('usr_5', 'ten_2', 'ANN');
INSERT INTO keys (id, tenant, user_id, hash, prefix, scope)
SELECT replace(id, 'usr', 'key'), tenant, id, sha256(id::bytea), 'pk', 'member' FROM users WHERE id LIKE 'usr__';
INSERT INTO conversations (id, tenant, user_id, name) VALUES
    ('conv_1', 'ten_1', 'usr_1', NULL), ('conv_2', 'ten_1', 'usr_1', 'plan'), ('conv_3', 'ten_1', 'usr_2', 'plan'),
    ('conv_4', 'ten_1', 'usr_3', 'walk');
"""
ANNE = Payer("ten", "usr", "key")


@pytest.fixture
async def empty(cluster: Cluster) -> AsyncGenerator[str, None]:
    """The DSN of a database without any schema."""
    name = ids.new("test")
    await cluster.execute(f"CREATE DATABASE {name}")
    yield cluster.dsn_of(name)
    await cluster.execute(f"DROP DATABASE {name} WITH (FORCE)")


async def run(dsn: str, *scripts: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for script in scripts:
            await connection.execute(script)
    finally:
        await connection.close()


async def make(dsn: str, last: str) -> None:
    """The schema as it was with this revision, without functions: those are always the present ones."""
    revisions = resources.files("podium.store.migrations").iterdir()
    for revision in sorted(
        (each for each in revisions if each.name[0].isdigit()), key=lambda each: each.name
    ):
        if revision.name <= last:
            scripts = sorted(revision.iterdir(), key=lambda each: each.name)
            await run(dsn, *(each.read_text() for each in scripts))
    await run(
        dsn,
        "CREATE TABLE schema_revision (revision text NOT NULL, functions text NOT NULL)",
        f"INSERT INTO schema_revision VALUES ('{last}', 'of then')",  # a constant
    )


async def test_what_was_held_before_an_upgrade_is_settled_after_it(empty: str) -> None:
    await make(empty, BEFORE_WHOLE_HOLDS)
    await run(empty, HELD)
    assert not await migrate.is_current(empty)
    await migrate.migrate(empty)
    assert await migrate.is_current(empty)
    database = Database(empty, readers=1)
    await database.open()
    one = await server(database, "one")
    try:
        assert await one.settle(spent("att_1", 20)) == Settled(left=50)
    finally:
        await one.close()
        await database.close()


async def test_users_whose_uuid_was_spelled_in_several_ways_become_one(empty: str) -> None:
    await make(empty, BEFORE_ONE_SPELLING)
    await run(empty, SPELLED)
    await migrate.migrate(empty)
    connection = await asyncpg.connect(empty)
    try:
        found = await connection.fetch("SELECT id, name FROM users")
        keys = await connection.fetch("SELECT id, user_id FROM keys")
        conversations = await connection.fetch("SELECT id, user_id FROM conversations")
    finally:
        await connection.close()
    names = dict(map(tuple, found))
    assert (names["usr_2"], names["usr_4"], names["usr_5"]) == (LOWER, LOWER, "ANN")
    assert dict(map(tuple, keys)) == {
        **dict.fromkeys(("key_1", "key_2", "key_3"), "usr_2"),
        "key_4": "usr_4",
        "key_5": "usr_5",
    }
    assert dict(map(tuple, conversations)) == {
        **dict.fromkeys(("conv_1", "conv_3", "conv_4"), "usr_2"),
        "conv_2": "usr_1",
    }


async def test_an_upgrade_that_was_made_changes_nothing_when_it_comes_again(empty: str) -> None:
    await migrate.migrate(empty)
    await run(empty, "CREATE TABLE witness AS SELECT xmin::text AS at FROM schema_revision")
    await migrate.migrate(empty)
    await run(
        empty,
        "DO $$ BEGIN ASSERT (SELECT xmin::text FROM schema_revision) = (SELECT at FROM witness); END $$",
    )


async def test_functions_that_changed_are_replaced(empty: str) -> None:
    await migrate.migrate(empty)
    await run(
        empty,
        "CREATE OR REPLACE FUNCTION ledger_void(_ids text[]) RETURNS void LANGUAGE sql AS ''",
        "UPDATE schema_revision SET functions = 'others'",
    )
    assert not await migrate.is_current(empty)
    await migrate.migrate(empty)
    await run(
        empty, "DO $$ BEGIN ASSERT (SELECT prosrc FROM pg_proc WHERE proname = 'ledger_void') <> ''; END $$"
    )


async def test_a_schema_of_a_later_version_is_refused_and_not_touched(empty: str) -> None:
    await migrate.migrate(empty)
    await run(empty, "UPDATE schema_revision SET revision = '9999_later'")
    with pytest.raises(OperatorError, match="newer than this Podium"):
        await migrate.migrate(empty)
    with pytest.raises(OperatorError, match="newer than this Podium"):
        await migrate.is_current(empty)
    await run(empty, "DO $$ BEGIN ASSERT (SELECT revision FROM schema_revision) = '9999_later'; END $$")


@pytest.mark.parametrize(
    ("made", "held"),
    [
        ("CREATE TABLE users (email text)", 'table "users"'),
        ("CREATE TABLE schema_revision (id int)", 'table "schema_revision"'),
    ],
)
async def test_another_programs_database_is_refused_and_not_touched(empty: str, made: str, held: str) -> None:
    await run(empty, made)
    told = f"The database is not empty and not Podium's: it holds another program's {held}"
    with pytest.raises(OperatorError, match=told):
        await migrate.migrate(empty)
    with pytest.raises(OperatorError, match=told):
        await migrate.is_current(empty)
    await run(empty, "DO $$ BEGIN ASSERT to_regclass('turns') IS NULL; END $$")


async def test_another_programs_type_is_refused(empty: str) -> None:
    await run(empty, "CREATE TYPE budget_leg AS (leg text)")
    with pytest.raises(OperatorError, match="not empty and not Podium's"):
        await migrate.migrate(empty)


async def test_another_programs_table_beside_podiums_is_no_hindrance(empty: str) -> None:
    await run(empty, "CREATE TABLE beside (id int)")
    await migrate.migrate(empty)
    assert await migrate.is_current(empty)
