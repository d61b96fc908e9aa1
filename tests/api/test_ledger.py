"""The ledger over HTTP."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from podium.api.identifier import uuid_of
from podium.kit import ids
from tests.api.house import OPERATOR, House
from tests.api.spending import TARIFF, spender

WRITERS = 8
EACH = 120


async def rows(api: House, query: str = "", key: str = OPERATOR) -> list[dict[str, Any]]:
    answer = await api.call("GET", f"/v1/ledger?limit=1000{query}", key)
    assert answer.status == 200, answer.body
    found: list[dict[str, Any]] = answer.json["data"]
    return found


async def test_an_attempt_is_one_row_with_all_that_it_used_and_cost(api: House) -> None:
    key = await api.key("acme", "ann")
    ann = await spender(api.database, "acme", "ann")
    turn, conversation = ids.new("turn"), ids.new("conv")
    attempt = await ann.spend(
        1_234_567_890, turn=turn, conversation=conversation, usage=(1, 2, 3, 4, 5, 6), source="estimate"
    )
    [row] = await rows(api, key=key)
    assert row.pop("at").endswith("Z")
    assert row == {
        "id": attempt,
        "turn_id": turn,
        "attempt_id": attempt,
        "conversation_id": conversation,
        "tenant": "acme",
        "user": "ann",
        "key_id": ann.key,
        "model": "lab/small",
        "provider_response_id": "chatcmpl-1",
        "usage": {"input": 1, "cached_input": 2, "cache_write": 3, "output": 4, "reasoning": 5, "audio": 6},
        "usage_source": "estimate",
        "amount": "1.23456789",
        "tariff": TARIFF,
    }


async def test_a_correction_changes_the_row_and_stays_in_its_history(api: House) -> None:
    key = await api.key("acme", "ann")
    ann = await spender(api.database, "acme", "ann")
    attempt = await ann.spend(500, source="estimate", usage=(10, 0, 0, 5, 0, 0))
    await ann.correct(attempt, 300, (10, 0, 0, 2, 0, 0))
    await ann.correct(attempt, 350, (10, 0, 0, 3, 0, 0))
    [row] = await rows(api, key=key)
    assert (row["amount"], row["usage"]["output"], row["usage_source"]) == ("0.00000035", 3, "provider")
    told = (await api.call("GET", f"/v1/ledger/{attempt}", key)).json
    assert row.items() <= told.items()
    assert [(each["amount"], each["usage"]["output"], each["reason"]) for each in told["history"]] == [
        ("0.0000005", 5, None),
        ("-0.0000002", 2, "the bill came"),
        ("0.00000005", 3, "the bill came"),
    ]
    assert (told["purpose"], told["succeeded"], told["milliseconds"]) == ("answer", True, 100)


async def test_members_see_their_own_admins_their_tenants_the_operator_all(api: House) -> None:
    ann, bob = await api.key("acme", "ann"), await api.key("acme", "bob")
    root, stranger = await api.key("acme", "root", "admin"), await api.key("umbrella", "root", "admin")
    made = {
        user: await (await spender(api.database, tenant, user)).spend(at)
        for at, (tenant, user) in enumerate((("acme", "ann"), ("acme", "bob"), ("umbrella", "root")), 1)
        if user != "root"
    }
    far = await (await spender(api.database, "umbrella", "root")).spend(9)
    assert [each["id"] for each in await rows(api, key=ann)] == [made["ann"]]
    assert [each["id"] for each in await rows(api, key=bob)] == [made["bob"]]
    assert [each["id"] for each in await rows(api, key=root)] == [made["ann"], made["bob"]]
    assert [each["id"] for each in await rows(api, key=stranger)] == [far]
    assert [each["id"] for each in await rows(api)] == [made["ann"], made["bob"], far]
    named = await api.call("GET", "/v1/ledger", headers={"x-podium-tenant": "umbrella"})
    assert [each["id"] for each in named.json["data"]] == [far]
    for key, status in ((ann, 200), (bob, 404), (root, 200), (stranger, 404)):
        assert (await api.call("GET", f"/v1/ledger/{made['ann']}", key)).status == status
    assert (await api.call("GET", "/v1/ledger/att_1", root)).status == 404


async def test_entries_are_found_by_user_conversation_model_and_time(api: House) -> None:
    await api.key("acme", "ann")
    await api.key("acme", "bob")
    root = await api.key("acme", "root", "admin")
    ann, bob = await spender(api.database, "acme", "ann"), await spender(api.database, "acme", "bob")
    conversation = ids.new("conv")
    first = await ann.spend(1, conversation=conversation, model="lab/large")
    second = await bob.spend(2)
    [one, two] = await rows(api, key=root)

    async def found(query: str) -> list[str]:
        return [each["id"] for each in await rows(api, query, root)]

    assert await found("&user=ann") == await found(f"&user={ann.user}") == [first]
    assert await found("&user=nobody") == []
    assert await found(f"&conversation={conversation}") == [first]
    assert await found("&model=lab/small") == [second]
    assert await found(f"&from={two['at']}") == [second]
    assert await found(f"&to={two['at']}") == [first]
    assert await found(f"&from={one['at']}&to={two['at']}&user=bob") == []
    for wrong, param in (
        ("from=yesterday", "from"),
        ("to=2026-01-01T00:00:00", "to"),
        ("from=1700000000", "from"),
        ("from=20261122", "from"),
        ("from=9999-12-31T23:59:59-12:00", "from"),
        ("after=c1", "after"),
        (f"after={ids.new('att')}", "after"),
        ("after=c" + "f" * 48, "after"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("user=%00", "user"),
    ):
        answer = await api.call("GET", f"/v1/ledger?{wrong}", root)
        assert (answer.status, answer.error["param"]) == (400, param), wrong


async def test_pages_follow_each_other_without_a_gap(api: House) -> None:
    key = await api.key("acme", "ann")
    ann = await spender(api.database, "acme", "ann")
    made = [await ann.spend(1) for _ in range(5)]
    first = (await api.call("GET", "/v1/ledger?limit=2", key)).json
    second = (await api.call("GET", f"/v1/ledger?limit=2&after={first['next']}", key)).json
    last = (await api.call("GET", f"/v1/ledger?limit=2&after={made[3]}", key)).json
    assert [each["id"] for page in (first, second, last) for each in page["data"]] == made
    assert last["next"] is None


async def test_an_entry_waits_for_those_that_may_come_before_it(api: House, dsn: str) -> None:
    key = await api.key("acme", "ann")
    ann = await spender(api.database, "acme", "ann")
    async with _writing(dsn):
        attempt = await ann.spend(1)
        assert await rows(api, key=key) == []
    assert [each["id"] for each in await rows(api, key=key)] == [attempt]


@asynccontextmanager
async def _writing(dsn: str) -> AsyncGenerator[None, None]:
    """A transaction that has begun to write, and may commit later than others that begin after it."""
    connection = await asyncpg.connect(dsn)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("SELECT pg_current_xact_id()")
    yield
    await transaction.commit()
    await connection.close()


async def test_a_cursor_delivers_every_row_with_eight_writers(api: House, dsn: str) -> None:
    key = await api.key("acme", "ann")
    ann = await spender(api.database, "acme", "ann")
    holds = [[await ann.hold(1) for _ in range(EACH)] for _ in range(WRITERS)]
    seen: list[str] = []
    done = asyncio.Event()

    async def write(attempts: list[str]) -> None:
        connection = await asyncpg.connect(dsn)
        for attempt in attempts:
            async with connection.transaction():
                await connection.execute("SELECT pg_current_xact_id()")
                await asyncio.sleep(
                    0
                )  # others take their turn between the transaction's number and its commit
                await connection.execute(_SETTLE, attempt)
        await connection.close()

    async def read() -> None:
        is_last = page = None
        while not is_last or page:
            is_last = done.is_set()
            after = f"&after={seen[-1]}" if seen else ""
            page = (await api.call("GET", f"/v1/ledger?limit=50{after}", key)).json["data"]
            seen.extend(each["id"] for each in page)

    reading = asyncio.create_task(read())
    await asyncio.gather(*(write(attempts) for attempts in holds))
    done.set()
    await reading
    assert len(seen) == len(set(seen)) == WRITERS * EACH
    assert set(seen) == {attempt for attempts in holds for attempt in attempts}


_SETTLE = (
    "SELECT ledger_settle(ARRAY[$1::text], '{1}', '{0}', '{1}', '{0}', '{0}', '{1}', '{0}', '{0}', '{provider}',"
    " '{x}', '{t}', '{1}')"
)


async def test_a_conversation_is_found_by_the_uuid_that_session_chat_calls_it(api: House) -> None:
    await api.key("acme", "ann")
    ann, chat = await spender(api.database, "acme", "ann"), ids.new("conv")
    attempt = await ann.spend(1, conversation=chat)
    await ann.spend(1, conversation=ids.new("conv"))
    for word in (chat, uuid_of(chat), uuid_of(chat).upper()):
        assert [row["id"] for row in await rows(api, f"&conversation={word}")] == [attempt], word


async def test_a_day_is_the_moment_when_it_begins_in_utc(api: House) -> None:
    await api.key("acme", "ann")
    ann = await spender(api.database, "acme", "ann")
    attempts = [await ann.spend(1) for _ in range(3)]
    days = ("2026-10-31T23:59:59.9Z", "2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z")
    for attempt, at in zip(attempts, days, strict=True):
        moved = "UPDATE ledger_entries SET at = $2::text::timestamptz WHERE id = $1"
        await api.database.fetch(moved, attempt, at)
    for query, found in (
        ("from=2026-11-01", attempts[1:]),
        ("to=2026-11-01", attempts[:1]),
        ("from=2026-11-01&to=2026-11-02", attempts[1:2]),
    ):
        assert [row["id"] for row in await rows(api, f"&{query}")] == found, query
    for word in ("2026-11-31", "2026-11", "2026-11-01T00:00:00", "0001-01-01"):
        answer = await api.call("GET", f"/v1/ledger?from={word}")
        assert (answer.status, answer.error["param"]) == (400, "from"), word


async def test_a_user_is_found_by_every_spelling_of_their_uuid_and_by_their_id(api: House) -> None:
    name = "3f2b8c1e-0d6a-4a57-9a43-5d1a2b3c4d5e"
    await api.key("acme", name.upper())
    who = await spender(api.database, "acme", name)
    attempt = await who.spend(1)
    for word in (name, name.upper(), name.title(), who.user, uuid_of(who.user)):
        assert [row["id"] for row in await rows(api, f"&user={word}")] == [attempt], word
    # Entries of one whom an upgrade has made the same stay theirs.
    await api.database.fetch("UPDATE users SET name = upper(name) WHERE id = $1", who.user)
    assert [row["id"] for row in await rows(api, f"&user={name}")] == [attempt]
