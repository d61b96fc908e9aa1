"""Budgets, costs and analytics at the paths of applications that think in sessions."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from podium import conversation
from podium.api.compat.session import open_session
from podium.api.compat.summary import summary_routes
from podium.kit import money
from podium.ledger import budgets
from podium.ledger.analytics import roll
from podium.store.database import Database
from tests.api.house import OPERATOR, House, house
from tests.api.spending import Spender, spender

DOLLAR = money.NANO_PER_DOLLAR


@pytest.fixture
async def api(dsn: str) -> AsyncGenerator[House, None]:
    database = Database(dsn)
    await database.open()
    async with house(dsn, hot=summary_routes(database)) as opened:
        yield opened
    await database.close()


async def post(api: House, path: str, body: dict[str, Any], key: str = OPERATOR) -> dict[str, Any]:
    answer = await api.call("POST", path, key, json=body)
    assert answer.status == 200, answer.body
    told: dict[str, Any] = answer.json
    return told


async def get(api: House, path: str, key: str = OPERATOR) -> dict[str, Any]:
    answer = await api.call("GET", path, key)
    assert answer.status == 200, answer.body
    told: dict[str, Any] = answer.json
    return told


async def test_a_session_and_a_user_are_limited_and_told_what_is_left(api: House) -> None:
    root = await api.key("acme", "root", "admin")
    ann = await api.key("acme", "ann")
    chat = await api.conversation(ann)
    session = await post(api, f"/budgets/session/{chat}", {"budget_limit": 0.5, "alert_threshold": 0.5}, root)
    del session["id"]
    assert session == {
        "budget_limit": "0.5",
        "spent": "0",
        "held": "0",
        "remaining": "0.5",
        "alert_threshold": 0.5,
        "reset_period": "never",
        "resets_at": None,
    }
    user = await post(api, "/budgets/user/ann", {"budget_limit": "1.00", "reset_period": "daily"}, root)
    assert (user["budget_limit"], user["reset_period"]) == ("1", "daily")
    assert user["resets_at"] is not None
    who = await spender(api.database, "acme", "ann")
    await who.spend(DOLLAR * 3 // 10, conversation=chat)
    await who.hold(DOLLAR // 10, conversation=chat)
    for key, path in ((ann, chat), (root, chat), (root, f"{chat}?user_id=ann"), (ann, f"{chat}?user_id=ann")):
        told = await get(api, f"/budgets/status/{path}", key)
        assert [told["session"][each] for each in ("spent", "held", "remaining")] == ["0.3", "0.1", "0.1"]
        assert [told["user"][each] for each in ("spent", "held", "remaining")] == ["0.3", "0.1", "0.6"]
        assert told["allowed"] is True
        assert told["warnings"] == [f"Budget of session {chat} (total): 60 % of 0.50 dollars spent."]
    await who.spend(DOLLAR // 10, conversation=chat)
    assert (await get(api, f"/budgets/status/{chat}", ann))["allowed"] is False


async def test_what_may_still_turn_out_to_be_spent_is_told_as_held(api: House) -> None:
    root, ann = await api.key("acme", "root", "admin"), await api.key("acme", "ann")
    chat = await api.conversation(ann)
    paths = {"session": f"/budgets/session/{chat}", "user": "/budgets/user/ann"}
    for path in paths.values():
        await post(api, path, {"budget_limit": 1}, root)
    who = await spender(api.database, "acme", "ann")
    await who.settle(await who.hold(DOLLAR // 2, conversation=chat), DOLLAR // 10, suspense=DOLLAR * 3 // 10)
    await who.hold(DOLLAR // 5, conversation=chat)
    status = await get(api, f"/budgets/status/{chat}", ann)
    for kind, path in paths.items():
        for told in (status[kind], await post(api, path, {"budget_limit": 1}, root)):
            assert [told[each] for each in ("spent", "held", "remaining")] == ["0.1", "0.5", "0.4"]
    for told in (await get(api, "/v1/budgets", ann))["data"]:
        assert [told[each] for each in ("spent", "held", "suspense")] == ["0.1", "0.2", "0.3"]


async def test_an_admin_asks_what_is_left_for_a_session_and_a_user_that_are_yet_to_come(api: House) -> None:
    root, ann = await api.key("acme", "root", "admin"), await api.key("acme", "ann")
    await post(api, "/budgets/session/s-1", {"budget_limit": 1}, root)
    told = await get(api, "/budgets/status/s-1?user_id=0a1b2c3d-0000-4000-8000-00000000abcd", root)
    assert (told["session"]["remaining"], told["user"], told["allowed"]) == ("1", None, True)
    for user in ("nobody", "usr_" + "1" * 32):
        assert (await api.call("GET", f"/budgets/status/s-1?user_id={user}", ann)).status == 404


async def test_what_is_left_for_the_callers_own_key_decides_too(api: House) -> None:
    root, ann = await api.key("acme", "root", "admin"), await api.key("acme", "ann")
    who = await spender(api.database, "acme", "ann")
    limit = {"scope": {"type": "key", "id": who.key}, "limit": 1, "period": "day"}
    await post(api, "/v1/budgets", limit, root)
    await post(api, "/budgets/user/ann", {"budget_limit": 2, "alert_threshold": 0.5}, root)
    await who.spend(DOLLAR)
    warnings = {
        f"Budget of key {who.key} (day): 100 % of 1.00 dollars spent.",
        "Budget of user ann (month): 50 % of 2.00 dollars spent.",
    }
    told = await get(api, "/budgets/status/s-1", ann)
    assert (told["user"]["remaining"], told["allowed"], set(told["warnings"])) == ("1", False, warnings)
    told = await get(api, "/budgets/status/s-1?user_id=ann", root)
    assert (told["allowed"], len(told["warnings"])) == (True, 1), (
        "a call for ann would be made with root's key"
    )


async def test_defaults_are_told_as_they_are_set_and_asking_makes_nothing(dsn: str) -> None:
    async with house(dsn, default_budgets=(DOLLAR, None, 3 * DOLLAR)) as api:
        root, ann = await api.key("acme", "root", "admin"), await api.key("acme", "ann")
        for key, query in ((ann, ""), (root, "?user_id=ann"), (root, "?user_id=new")):
            told = await get(api, f"/budgets/status/s-1{query}", key)
            assert (told["user"]["id"], told["user"]["budget_limit"], told["allowed"]) == (None, "1", True)
        assert (await api.call("GET", f"/budgets/status/s-1?user_id=usr_{'1' * 32}", root)).status == 404
        made = "SELECT (SELECT count(*) FROM budgets) + (SELECT count(*) FROM users WHERE name = 'new')"
        assert await api.database.value(made) == 0
        who = await spender(api.database, "acme", "ann")
        sql = "SELECT budget_defaults(ARRAY[$1], ARRAY[$2], $3)"
        await api.database.fetch(sql, who.tenant, who.user, [DOLLAR, None, 3 * DOLLAR])
        assert (await get(api, "/budgets/status/s-1", ann))["user"]["id"] is not None
        listed = (await get(api, "/v1/budgets", root))["data"]
        assert sorted((each["limit"], each["period"]) for each in listed) == [("1", "day"), ("3", "total")]
    async with house(dsn, default_budgets=(2 * DOLLAR, None, None)) as api:
        [listed] = (await get(api, "/v1/budgets", root))["data"]
        assert (listed["limit"], listed["is_default"]) == ("2", True)
        assert (await get(api, "/budgets/status/s-1", ann))["user"]["budget_limit"] == "2"
    async with house(dsn) as api:
        assert (await get(api, "/v1/budgets", root))["data"] == []
        assert (await get(api, "/budgets/status/s-1", ann))["user"] is None


async def test_a_limit_is_changed_by_saying_it_again(api: House) -> None:
    first = await post(api, "/budgets/user/ann", {"budget_limit": 1, "reset_period": "monthly"})
    second = await post(api, "/budgets/user/ann", {"budget_limit": 2, "reset_period": "monthly"})
    assert (first["id"], second["budget_limit"]) == (second["id"], "2")
    other = await post(api, "/budgets/user/ann", {"budget_limit": 9, "reset_period": "never"})
    assert other["id"] != first["id"]
    told = await get(api, "/budgets/status/nothing?user_id=ann")
    assert (told["session"], told["user"]["budget_limit"]) == (None, "2"), (
        "the one of which the least is left"
    )


@pytest.mark.parametrize("path", ["/budgets/user/ann", "/budgets/session/s-1"])
async def test_a_limit_said_again_keeps_the_threshold_that_was_set(api: House, path: str) -> None:
    first = await post(api, path, {"budget_limit": 1})
    assert first["alert_threshold"] == 0.8
    assert (await post(api, path, {"budget_limit": 1, "alert_threshold": "0.5"}))["alert_threshold"] == 0.5
    told = await post(api, path, {"budget_limit": ".5"})
    assert (told["id"], told["budget_limit"], told["alert_threshold"]) == (first["id"], "0.5", 0.5)
    assert (await post(api, path, {"budget_limit": 2, "alert_threshold": 0.9}))["alert_threshold"] == 0.9


async def test_a_slash_at_the_end_of_a_path_is_no_part_of_a_name(api: House) -> None:
    for kind, name in (("user", "ann"), ("session", "s-1")):
        first = await post(api, f"/budgets/{kind}/{name}", {"budget_limit": 1})
        assert (await post(api, f"/budgets/{kind}/{name}/", {"budget_limit": 2}))["id"] == first["id"]
    told = await get(api, "/budgets/status/s-1/?user_id=ann")
    assert [told[kind]["budget_limit"] for kind in ("session", "user")] == ["2", "2"]


@pytest.mark.parametrize("name", ["s-1", "6f1d1c1e-3f1b-4b52-9f4e-000000000001", "a/b c", "Ä"])
async def test_a_budget_may_precede_the_session_that_it_is_for(api: House, name: str) -> None:
    root = await api.key("acme", "root", "admin")
    await api.key("acme", "ann")
    path = name.replace("/", "%2F")
    await post(api, f"/budgets/session/{path}", {"budget_limit": "0.1"}, root)
    assert (await get(api, f"/budgets/status/{path}", root))["session"]["budget_limit"] == "0.1"
    who = await spender(api.database, "acme", "ann")
    principal = await api.keyring.find(root)
    ann = _principal(principal, who)
    begun = await open_session(api.database, ann, name)
    again = await open_session(api.database, ann, name)
    assert again.id == begun.id
    await who.spend(DOLLAR // 10, conversation=begun.id)
    told = await get(api, f"/budgets/status/{path}", root)
    assert (told["session"]["spent"], told["allowed"]) == ("0.1", False)
    with pytest.raises(AssertionError, match="refused"):
        await who.hold(1, conversation=begun.id)
    bobs = await open_session(api.database, principal, name)
    assert bobs.id != begun.id
    await who.hold(1, conversation=bobs.id)


def _principal(like: Any, who: Spender) -> Any:
    return type(like)(
        tenant=like.tenant,
        user=who.user,
        key=like.key,
        scope="member",
        tier=like.tier,
        tenant_name=like.tenant_name,
        user_name="ann",
    )


async def test_a_session_that_several_users_have_is_named_with_its_user(api: House) -> None:
    root = await api.key("acme", "root", "admin")
    for user in ("ann", "bob"):
        principal = await api.keyring.find(await api.key("acme", user))
        assert await conversation.create_named(api.database, principal, "ours")
    answer = await api.call("POST", "/budgets/session/ours", root, json={"budget_limit": 1})
    assert answer.status == 409
    limit = await post(api, "/budgets/session/ours?user_id=bob", {"budget_limit": 1}, root)
    assert [each["id"] for each in (await get(api, "/v1/budgets?scope_id=ours", root))["data"]] == [
        limit["id"]
    ]
    assert (await get(api, "/budgets/status/ours?user_id=bob", root))["session"]["budget_limit"] == "1"
    assert (await get(api, "/budgets/status/ours?user_id=ann", root))["session"] is None


async def test_a_session_that_the_caller_holds_is_told_beside_the_user_who_is_named(api: House) -> None:
    root, ann = await api.key("acme", "root", "admin"), await api.key("acme", "ann")
    path, principals = "/budgets/status/s-1", {key: await api.keyring.find(key) for key in (root, ann)}
    roots = await post(api, "/budgets/session/s-1?user_id=root", {"budget_limit": 1}, root)
    begun = await open_session(api.database, principals[root], "s-1")
    await post(api, "/budgets/user/ann", {"budget_limit": 5}, root)
    told = await get(api, f"{path}?user_id=ann", root)
    assert (told["session"]["id"], told["user"]["budget_limit"], told["allowed"]) == (roots["id"], "5", True)
    assert (await get(api, f"{path}?user_id=nobody", root))["session"]["id"] == roots["id"]
    await (await spender(api.database, "acme", "root")).spend(DOLLAR, conversation=begun.id)
    told = await get(api, f"{path}?user_id=ann", root)
    assert (told["session"]["remaining"], told["user"]["remaining"], told["allowed"]) == ("0", "5", False)
    assert (await get(api, f"{path}?user_id=ann", ann))["session"] is None, "a member sees its own only"

    anns = await post(api, "/budgets/session/s-1?user_id=ann", {"budget_limit": 3}, root)
    for _ in range(2):  # while it waits, and when it has begun
        told = await get(api, f"{path}?user_id=ann", root)
        assert (told["session"]["id"], told["allowed"]) == (anns["id"], True), "their own goes first"
        await open_session(api.database, principals[ann], "s-1")


async def test_none_of_several_other_users_sessions_is_told_for_the_user_who_is_named(api: House) -> None:
    root = await api.key("acme", "root", "admin")
    for user in ("ann", "bob"):
        await open_session(api.database, await api.keyring.find(await api.key("acme", user)), "ours")
        await post(api, f"/budgets/session/ours?user_id={user}", {"budget_limit": 1}, root)
        told = await get(api, "/budgets/status/ours?user_id=carl", root)
        assert (told["session"] is None) is (user == "bob"), "one may be meant, and then neither"
        assert told["allowed"] is True


async def test_a_session_may_be_limited_for_a_user_who_is_yet_to_come(api: House) -> None:
    root, ann = await api.key("acme", "root", "admin"), await api.key("acme", "ann")
    path = "/budgets/session/s-1?user_id="
    for user in ("new", "0A1B2C3D-0000-4000-8000-00000000ABCD"):
        made = await post(api, f"{path}{user}", {"budget_limit": 1}, root)
        assert (await post(api, f"{path}{user.lower()}", {"budget_limit": 2}, root))["id"] == made["id"]
        begun = await api.key("acme", user)
        assert (await get(api, "/budgets/status/s-1", begun))["session"]["id"] == made["id"]
    assert (await get(api, "/budgets/status/s-1", ann))["session"] is None
    for key, user, status in ((root, "usr_" + "1" * 32, 404), (ann, "newer", 403)):
        told = await api.call("POST", f"{path}{user}", key, json={"budget_limit": 1})
        assert told.status == status
    assert (
        await api.database.value("SELECT count(*) FROM users WHERE name IN ('newer', $1)", "usr_" + "1" * 32)
        == 0
    )


async def test_the_limits_of_deleted_sessions_wait_for_their_users(api: House) -> None:
    root = await api.key("acme", "root", "admin")
    keys = {user: await api.key("acme", user) for user in ("ann", "bob")}
    limits = {}
    for user, key in keys.items():
        begun = await open_session(api.database, await api.keyring.find(key), "ours")
        limits[user] = await post(api, f"/budgets/session/ours?user_id={user}", {"budget_limit": 2}, root)
        who = await spender(api.database, "acme", user)
        await who.spend(DOLLAR, conversation=begun.id)
        assert (await api.call("DELETE", f"/v1/conversations/{begun.id}", key)).status == 200
    shown = (await get(api, "/v1/budgets?scope_id=ours", root))["data"]
    assert [each["scope"] for each in shown] == [{"type": "session", "id": "ours"}] * 2
    assert (await api.call("POST", "/budgets/session/ours", root, json={"budget_limit": 3})).status == 409
    changed = await post(api, "/budgets/session/ours?user_id=ann", {"budget_limit": 3}, root)
    assert (changed["id"], changed["spent"], changed["remaining"]) == (limits["ann"]["id"], "1", "2")
    for user, key in keys.items():
        for asked in (key, root):
            told = await get(api, f"/budgets/status/ours?user_id={user}", asked)
            assert (told["session"]["id"], told["session"]["spent"]) == (limits[user]["id"], "1")
        await open_session(api.database, await api.keyring.find(key), "ours")
        assert (await get(api, "/budgets/status/ours", key))["session"]["id"] == limits[user]["id"]


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        ("/budgets/session/s-1", {"budget_limit": 1}),
        ("/v1/budgets", {"scope": {"type": "session", "id": "s-1"}, "limit": 1, "period": "total"}),
    ],
)
async def test_a_session_that_begins_while_its_limit_is_set_is_limited(
    api: House, monkeypatch: pytest.MonkeyPatch, path: str, limit: dict[str, Any]
) -> None:
    root, ann = await api.key("acme", "root", "admin"), await api.key("acme", "ann")
    principal, put = await api.keyring.find(ann), budgets.put

    async def late(*args: Any, **more: Any) -> Any:
        await open_session(api.database, principal, "s-1")
        return await put(*args, **more)

    monkeypatch.setattr(budgets, "put", late)
    made = await post(api, path, limit, root)
    assert (await get(api, "/budgets/status/s-1", ann))["session"]["id"] == made["id"]


async def test_a_limit_said_again_after_its_session_was_deleted_is_the_same(api: House) -> None:
    root, ann = await api.key("acme", "root", "admin"), await api.key("acme", "ann")
    principal = await api.keyring.find(ann)
    first = await post(api, "/budgets/session/mine", {"budget_limit": 1}, root)
    for limit in (2, 3):
        begun = await open_session(api.database, principal, "mine")
        assert (await api.call("DELETE", f"/v1/conversations/{begun.id}", ann)).status == 200
        again = await post(api, "/budgets/session/mine", {"budget_limit": limit}, root)
        assert (again["id"], again["budget_limit"]) == (first["id"], str(limit))


async def test_a_limit_may_wait_for_one_users_session(api: House) -> None:
    root, ann = await api.key("acme", "root", "admin"), await api.key("acme", "ann")
    bob = await api.key("acme", "bob")
    anns = await post(api, "/budgets/session/s-1?user_id=ann", {"budget_limit": 1}, root)
    await open_session(api.database, await api.keyring.find(bob), "s-1")
    assert (await get(api, "/budgets/status/s-1", bob))["session"] is None
    await open_session(api.database, await api.keyring.find(ann), "s-1")
    assert (await get(api, "/budgets/status/s-1", ann))["session"]["id"] == anns["id"]


async def test_a_limit_that_waits_for_ones_own_session_goes_before_anybodys(api: House) -> None:
    root = await api.key("acme", "root", "admin")
    keys = {user: await api.key("acme", user) for user in ("ann", "bob")}
    anybodys = await post(api, "/budgets/session/s-2", {"budget_limit": 1}, root)
    anns = await post(api, "/budgets/session/s-2?user_id=ann", {"budget_limit": 5}, root)
    for _ in range(2):  # before their sessions begin, and after
        for user, limit in (("bob", anybodys), ("ann", anns)):
            told = await get(api, "/budgets/status/s-2", keys[user])
            assert (told["session"]["id"], told["session"]["budget_limit"]) == (
                limit["id"],
                limit["budget_limit"],
            )
        for user in ("ann", "bob"):
            await open_session(api.database, await api.keyring.find(keys[user]), "s-2")


async def test_members_limit_nobody_and_see_nobody_else(api: House) -> None:
    root = await api.key("acme", "root", "admin")
    ann, bob = await api.key("acme", "ann"), await api.key("acme", "bob")
    chat = await api.conversation(ann)
    await post(api, f"/budgets/session/{chat}", {"budget_limit": 1}, root)
    for path in (f"/budgets/session/{chat}", "/budgets/user/ann"):
        assert (await api.call("POST", path, ann, json={"budget_limit": 1})).status == 403
    assert (await get(api, f"/budgets/status/{chat}", bob))["session"] is None
    assert (await api.call("GET", f"/budgets/status/{chat}?user_id=ann", bob)).status == 404
    assert (await api.call("GET", f"/sessions/{chat}/cost-summary", bob)).status == 404
    assert (await get(api, f"/sessions/{chat}/cost-summary", ann))["total_calls"] == 0


async def test_nobody_takes_a_sessions_budget_by_naming_theirs_like_its_id(api: House) -> None:
    root = await api.key("acme", "root", "admin")
    ann, bob = await api.key("acme", "ann"), await api.key("acme", "bob")
    chat = await api.conversation(ann)
    await post(api, f"/budgets/session/{chat}", {"budget_limit": 1}, root)
    await open_session(api.database, await api.keyring.find(bob), chat)
    assert (await get(api, f"/budgets/status/{chat}", ann))["session"]["budget_limit"] == "1"


async def test_a_wrong_limit_is_named(api: House) -> None:
    for body, param in (
        ({}, "budget_limit"),
        ({"budget_limit": -1}, "budget_limit"),
        ({"budget_limit": "x"}, "budget_limit"),
        ({"budget_limit": 1, "reset_period": "hourly"}, "reset_period"),
    ):
        answer = await api.call("POST", "/budgets/user/ann", json=body)
        assert (answer.status, answer.error["param"]) == (400, param), body
    answer = await api.call("GET", "/sessions/s-1/cost-summary?user_id=a%00b")
    assert (answer.status, answer.error["param"]) == (400, "user_id")


async def test_a_session_is_summed_up_with_its_corrections(api: House) -> None:
    ann = await api.key("acme", "ann")
    chat = await api.conversation(ann)
    path = f"/sessions/{chat}/cost-summary"
    empty = {"total_calls": 0, "total_cost": "0", "total_tokens": 0, "avg_response_time_ms": 0}
    assert await get(api, path, ann) == empty
    who = await spender(api.database, "acme", "ann")
    await who.spend(100, conversation=chat, usage=(1, 1, 1, 1, 1, 1), milliseconds=100)
    attempt = await who.spend(
        50, conversation=chat, usage=(1, 0, 0, 0, 0, 0), milliseconds=301, succeeded=False
    )
    await who.spend(7)
    await who.correct(attempt, 20, (1, 0, 0, 3, 0, 0))
    assert await get(api, path, ann) == {
        "total_calls": 2,
        "total_cost": "0.00000012",
        "total_tokens": 10,
        "avg_response_time_ms": 201,
    }


async def spent_by_two(api: House) -> None:
    for user in ("ann", "bob"):
        await api.key("acme", user)
    ann, bob = await spender(api.database, "acme", "ann"), await spender(api.database, "acme", "bob")
    await ann.spend(100, usage=(3, 0, 0, 0, 0, 0))
    await ann.spend(50, model="lab/large", purpose="summary", succeeded=False)
    attempt = await bob.spend(40, source="estimate")
    await bob.correct(attempt, 45, (10, 0, 0, 6, 0, 0))


@pytest.mark.parametrize("rolled", [0, 1, 2, 3, 100])
async def test_the_analytics_are_the_same_wherever_the_sums_end(api: House, rolled: int) -> None:
    root = await api.key("acme", "root", "admin")
    await spent_by_two(api)
    if rolled:
        assert await roll(api.database, rolled) == min(rolled, 3) + 1, "entries, and the correction"
    told = await get(api, "/cost-tracking/analytics?days=3", root)
    assert told["total_stats"] == {
        "total_calls": 3,
        "total_cost": "0.000000195",
        "total_tokens": 34,
        "success_rate": 66.67,
    }
    today = datetime.now(UTC).date()
    assert [each["date"] for each in told["daily_breakdown"]] == [
        (today - timedelta(days=each)).isoformat() for each in (2, 1, 0)
    ]
    nothing = {"total_calls": 0, "total_cost": "0", "total_tokens": 0, "success_rate": 0.0}
    assert told["daily_breakdown"][0] == {**nothing, "date": (today - timedelta(days=2)).isoformat()}
    assert told["daily_breakdown"][2] == {**told["total_stats"], "date": today.isoformat()}
    assert _costs(told, "model") == [("lab/small", "0.000000145"), ("lab/large", "0.00000005")]
    assert _costs(told, "user") == [("ann", "0.00000015"), ("bob", "0.000000045")]
    assert _costs(told, "feature") == [("answer", "0.000000145"), ("summary", "0.00000005")]
    assert [each["total_calls"] for each in told["key_breakdown"]] == [2, 1]
    assert told["persona_breakdown"] == []
    assert told["savings"] == {"cache": "0", "routing": "0", "total": "0"}


def _costs(told: dict[str, Any], part: str) -> list[tuple[str, str]]:
    return [(each["name"], each["total_cost"]) for each in told[f"{part}_breakdown"]]


async def test_everybody_sees_their_own_analytics(api: House) -> None:
    await spent_by_two(api)
    ann, root = await api.key("acme", "ann"), await api.key("umbrella", "root", "admin")
    await roll(api.database, 1)
    calls = [
        (await get(api, "/cost-tracking/analytics", key))["total_stats"]["total_calls"] for key in (ann, root)
    ]
    assert calls == [2, 0]
    assert (await get(api, "/cost-tracking/analytics"))["total_stats"]["total_calls"] == 3
    for wrong in ("0", "367", "x"):
        assert (await api.call("GET", f"/cost-tracking/analytics?days={wrong}")).status == 400


async def test_rolling_on_and_on_counts_everything_once(api: House) -> None:
    await spent_by_two(api)
    assert [await roll(api.database, 2) for _ in range(4)] == [3, 1, 0, 0]
    row = await api.database.first(
        "SELECT sum(calls) AS calls, sum(amount) AS amount, sum(tokens) AS tokens FROM ledger_days"
    )
    assert row is not None
    assert tuple(row) == (3, 195, 34)
