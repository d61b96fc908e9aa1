"""A `POST` that moves money and is no turn is done once for an idempotency key."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
import pytest_asyncio

from podium.kit import ids
from tests.api.house import OPERATOR, Answer, House, house
from tests.serving import Cluster, fresh_database

pytestmark = pytest.mark.asyncio(loop_scope="module")

BUDGET = {"scope": {"type": "user", "id": "ann"}, "limit": "1", "period": "day"}
PATHS: dict[str, tuple[str, dict[str, Any]]] = {
    "budget": ("/v1/budgets", BUDGET),
    "session": ("/budgets/session/s", {"budget_limit": "1"}),
    "user": ("/budgets/user/ann", {"budget_limit": "1"}),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(cluster: Cluster) -> AsyncGenerator[House, None]:
    """One house for the whole file: each test has a tenant of its own."""
    async with fresh_database(cluster) as dsn, house(dsn) as opened:
        yield opened


@pytest.fixture
def tenant() -> str:
    return ids.new("tenant")


async def put(api: House, key: str, which: str, once: str, **members: Any) -> Answer:
    """Make or change this budget, under an idempotency key."""
    path, body = PATHS[which]
    return await api.call("POST", path, key, json={**body, **members}, headers={"idempotency-key": once})


async def limits(api: House, tenant: str) -> list[int]:
    """The limits of a tenant's budgets, in cents."""
    rows = await api.database.fetch(
        "SELECT b.amount / 10000000 FROM budgets b JOIN tenants t ON t.id = b.tenant WHERE t.name = $1",
        tenant,
    )
    return [row[0] for row in rows]


@pytest.mark.parametrize("which", PATHS)
async def test_a_budget_is_made_once_for_a_key_and_told_alike_whatever_came_of_it(
    shared: House, tenant: str, which: str
) -> None:
    root = await shared.key(tenant, "root", "admin")
    first = await put(shared, root, which, "mine")
    assert (first.status, first.headers.get("idempotent-replayed")) == (200, None)
    changed = await shared.call("PATCH", f"/v1/budgets/{first.json['id']}", root, json={"limit": "2"})
    assert changed.status == 200
    again = await put(shared, root, which, "mine")
    assert (again.status, again.body, again.headers["idempotent-replayed"]) == (200, first.body, "true")
    assert await limits(shared, tenant) == [200], "it was not made or changed again"
    other = await put(shared, root, which, "mine", alert_threshold=0.5)
    assert (other.status, other.error["code"], other.error["param"]) == (
        422,
        "idempotency_mismatch",
        "Idempotency-Key",
    )
    assert await limits(shared, tenant) == [200]


async def test_a_key_is_its_users_and_its_tenants_and_its_paths(shared: House, tenant: str) -> None:
    root, twin = await shared.key(tenant, "root", "admin"), await shared.key(tenant, "twin", "admin")
    stranger = await shared.key(tenant + "-other", "root", "admin")
    made = await put(shared, root, "budget", "same")
    theirs = await put(shared, stranger, "budget", "same")
    assert (theirs.status, theirs.json["tenant"]) == (200, tenant + "-other")
    assert (await put(shared, twin, "budget", "same")).status == 409, "done for this user, and so refused"
    assert (await put(shared, root, "session", "same")).status == 200
    assert (await shared.call("DELETE", f"/v1/budgets/{made.json['id']}", root)).status == 200
    assert await limits(shared, tenant) == [100]
    path, body = PATHS["session"]
    await shared.key(tenant, "ann")
    for user, status in (("ann", 200), ("root", 422)):
        headers = {"idempotency-key": "whose"}
        answer = await shared.call("POST", f"{path}?user_id={user}", root, json=body, headers=headers)
        assert answer.status == status, "whose session it is, is said in the query"
    headers = {"idempotency-key": "whose"}
    answer = await shared.call("POST", f"{path}/?user_id=ann", root, json=body, headers=headers)
    assert answer.headers["idempotent-replayed"] == "true"


@pytest.mark.parametrize("which", PATHS)
async def test_of_many_at_once_with_one_key_one_does_it(shared: House, tenant: str, which: str) -> None:
    root = await shared.key(tenant, "root", "admin")
    told = await asyncio.gather(*(put(shared, root, which, "race") for _ in range(12)))
    assert {(each.status, each.body) for each in told} == {(200, told[0].body)}
    assert sum("idempotent-replayed" not in each.headers for each in told) == 1
    assert await limits(shared, tenant) == [100]


async def test_many_at_once_that_need_another_look_beside_their_own_do_not_wait_for_each_other(
    shared: House, tenant: str
) -> None:
    """The names of tenants are looked up outside of the transaction that keeps the key."""
    names = [f"{tenant}-{number}" for number in range(9)]
    for name in names:
        await shared.key(name, "root", "admin")
    told = await asyncio.gather(*(put(shared, OPERATOR, "budget", name, tenant=name) for name in names))
    assert [(each.status, each.json.get("tenant")) for each in told] == [(200, name) for name in names]


async def test_what_is_refused_leaves_no_key_behind(shared: House, tenant: str) -> None:
    root = await shared.key(tenant, "root", "admin")
    for wrong in ({"limit": "-1"}, {"period": "hour"}, {"colour": "red"}, {"timezone": "Mars/Olympus"}):
        assert (await put(shared, root, "budget", "mine", **wrong)).status == 400
    nobody = {"scope": {"type": "key", "id": ids.nobody("key")}}
    assert (await put(shared, root, "budget", "mine", **nobody)).status == 404
    first = await put(shared, root, "budget", "first")
    assert (await put(shared, root, "budget", "mine")).status == 409
    await shared.call("DELETE", f"/v1/budgets/{first.json['id']}", root)
    assert (await put(shared, root, "budget", "mine")).status == 200
    for once in ("", "k" * 256):
        answer = await put(shared, root, "budget", once)
        assert (answer.status, answer.error["param"]) == (400, "Idempotency-Key")


async def test_what_is_done_and_its_answer_are_kept_together_or_not_at_all(
    shared: House, tenant: str
) -> None:
    root = await shared.key(tenant, "root", "admin")
    await shared.database.fetch(
        "ALTER TABLE turn_keys ADD CONSTRAINT broken CHECK (answer IS NULL) NOT VALID"
    )
    assert (await put(shared, root, "budget", "mine")).status >= 400
    assert await limits(shared, tenant) == []
    await shared.database.fetch("ALTER TABLE turn_keys DROP CONSTRAINT broken")
    assert (await put(shared, root, "budget", "mine")).status == 200


async def test_a_key_is_forgotten_after_a_day(shared: House, tenant: str) -> None:
    root = await shared.key(tenant, "root", "admin")
    await put(shared, root, "user", "mine")
    for hours, replayed in ((23.9, "true"), (0.2, None)):
        await shared.database.fetch(
            "UPDATE turn_keys SET created_at = created_at - $1 * interval '1 hour'", hours
        )
        await shared.database.fetch("SELECT turn_sweep($1, 1000)", ids.before("turn", 24 * 3600))
        answer = await put(shared, root, "user", "mine")
        assert (answer.status, answer.headers.get("idempotent-replayed")) == (200, replayed)
