"""Budgets over HTTP."""

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.api.resources.amount import MOST_DOLLARS, _decimal, _nano
from podium.kit import money
from tests.api.house import OPERATOR, Answer, House, house
from tests.api.spending import spender

DOLLAR = money.NANO_PER_DOLLAR


def body(kind: str = "user", name: str = "ann", **more: Any) -> dict[str, Any]:
    return {"scope": {"type": kind, "id": name}, "limit": "1", "period": "day", **more}


async def made(api: House, key: str, **members: Any) -> dict[str, Any]:
    answer = await api.call("POST", "/v1/budgets", key, json=body(**members))
    assert answer.status == 200, answer.body
    told: dict[str, Any] = answer.json
    return told


async def sent(api: House, key: str, text: str, method: str = "POST", path: str = "/v1/budgets") -> Answer:
    return await api.call(method, path, key, data=text, headers={"content-type": "application/json"})


async def test_a_budget_is_made_read_changed_and_deleted(api: House) -> None:
    root = await api.key("acme", "root", "admin")
    told = await made(api, root, limit="12.5", period="month", timezone="Europe/Berlin", alert_threshold=0.5)
    assert told["scope"] == {"type": "user", "id": "ann"}
    assert {
        "tenant": "acme",
        "limit": "12.5",
        "period": "month",
        "timezone": "Europe/Berlin",
    }.items() <= told.items()
    assert (told["spent"], told["held"], told["suspense"], told["remaining"]) == ("0", "0", "0", "12.5")
    assert told["alert_threshold"] == 0.5
    assert told["resets_at"].endswith("Z")
    path = f"/v1/budgets/{told['id']}"
    assert (await api.call("GET", path, root)).json == told
    changed = await api.call("PATCH", path, root, json={"limit": "3", "alert_threshold": 0.25})
    assert changed.json == {**told, "limit": "3", "remaining": "3", "alert_threshold": 0.25}
    assert (await api.call("GET", path, root)).json == changed.json
    assert (await api.call("DELETE", path, root)).json == {"id": told["id"], "deleted": True}
    assert [(await api.call(each, path, root)).status for each in ("GET", "DELETE")] == [404, 404]


async def test_what_is_held_and_spent_counts_at_once(api: House) -> None:
    root = await api.key("acme", "root", "admin")
    await api.key("acme", "ann")
    told = await made(api, root)
    ann = await spender(api.database, "acme", "ann")
    await ann.spend(DOLLAR // 4)
    await ann.settle(await ann.hold(DOLLAR // 4), 0, suspense=7)
    await ann.hold(DOLLAR // 10)
    found = (await api.call("GET", f"/v1/budgets/{told['id']}", root)).json
    assert [found[name] for name in ("spent", "held", "suspense", "remaining")] == [
        "0.25",
        "0.1",
        "0.000000007",
        "0.649999993",
    ]


async def test_a_changed_limit_is_the_one_that_the_next_hold_meets(api: House) -> None:
    root = await api.key("acme", "root", "admin")
    await api.key("acme", "ann")
    told = await made(api, root, limit="1")
    ann = await spender(api.database, "acme", "ann")
    await ann.spend(DOLLAR)
    with pytest.raises(AssertionError, match="refused"):
        await ann.hold(1)
    path = f"/v1/budgets/{told['id']}"
    assert (await api.call("PATCH", path, root, json={"limit": "2"})).json["remaining"] == "1"
    await ann.spend(DOLLAR)
    lowered = (await api.call("PATCH", path, root, json={"limit": "0.5"})).json
    assert (lowered["spent"], lowered["remaining"]) == ("2", "-1.5")


async def test_a_limit_that_is_raised_warns_once_more_when_its_threshold_is_passed(api: House) -> None:
    root = await api.key("acme", "root", "admin")
    await api.key("acme", "ann")
    told = await made(api, root, limit="1")
    ann = await spender(api.database, "acme", "ann")

    async def is_warned() -> Any:
        return await api.database.value("SELECT warned FROM budget_periods WHERE budget_id = $1", told["id"])

    await ann.spend(DOLLAR * 9 // 10)
    assert await is_warned()
    await api.call("PATCH", f"/v1/budgets/{told['id']}", root, json={"limit": "1.1"})
    assert await is_warned(), "0.9 is still beyond 80 % of 1.1"
    await api.call("PATCH", f"/v1/budgets/{told['id']}", root, json={"limit": "10"})
    assert not await is_warned()


async def test_a_scope_has_one_budget_for_each_period(api: House) -> None:
    root = await api.key("acme", "root", "admin")
    first = await made(api, root)
    again = await api.call("POST", "/v1/budgets", root, json=body(limit="5"))
    assert again.status == 409
    assert first["id"] in again.error["message"]
    assert again.error["param"] == "scope"
    assert (await made(api, root, period="week"))["id"] != first["id"]


async def test_a_users_default_makes_way_for_a_budget_of_its_own(dsn: str) -> None:
    async with house(dsn, default_budgets=(5, None, None)) as api:
        root = await api.key("acme", "root", "admin")
        await api.key("acme", "ann")
        ann = await spender(api.database, "acme", "ann")
        granted = "SELECT budget_defaults(ARRAY[$1], ARRAY[$2], ARRAY[5, NULL, NULL]::bigint[])"
        await api.database.fetch(granted, ann.tenant, ann.user)
        [default] = (await api.call("GET", "/v1/budgets", root)).json["data"]
        assert (default["limit"], default["is_default"]) == ("0.000000005", True)
        told = await made(api, root)
        assert (told["id"], told["limit"], told["is_default"]) == (default["id"], "1", False)


async def test_every_kind_of_scope_is_found_by_what_callers_call_it(api: House) -> None:
    root = await api.key("acme", "root", "admin")
    ann = await api.key("acme", "ann")
    conversation = await api.conversation(ann)
    key = next(
        each for each in (await api.call("GET", "/v1/keys", root)).json["data"] if each["user"] == "ann"
    )
    tenant, user = await api.database.fetch(
        "SELECT id FROM tenants WHERE name = 'acme' UNION ALL SELECT id FROM users WHERE name = 'ann'"
    )
    for kind, name, shown in (
        ("tenant", "acme", "acme"),
        ("user", "ann", "ann"),
        ("user", "new", "new"),
        ("key", key["id"], key["id"]),
        ("session", conversation, conversation),
        ("session", "to be", "to be"),
        ("persona", "sage", "sage"),
        ("dialogue", "debate", "debate"),
    ):
        assert (await made(api, root, kind=kind, name=name))["scope"] == {"type": kind, "id": shown}
    for kind, name in (("tenant", tenant["id"]), ("user", user["id"])):
        assert (await api.call("POST", "/v1/budgets", root, json=body(kind, name))).status == 409
    for kind, name in (
        ("tenant", "umbrella"),
        ("user", "usr_" + "1" * 32),
        ("key", "key_" + "1" * 32),
        ("key", "no id"),
        ("session", "conv_" + "1" * 32),
    ):
        answer = await api.call("POST", "/v1/budgets", root, json=body(kind, name))
        assert (answer.status, answer.error["param"]) == (404, "scope.id"), (kind, name)


async def test_a_member_reads_the_budgets_of_its_own_and_writes_none(api: House) -> None:
    root = await api.key("acme", "root", "admin")
    ann, bob = await api.key("acme", "ann"), await api.key("acme", "bob")
    conversation = await api.conversation(ann)
    keys = {each["user"]: each["id"] for each in (await api.call("GET", "/v1/keys", root)).json["data"]}
    hers = [
        await made(api, root, name="ann"),
        await made(api, root, kind="key", name=keys["ann"]),
        await made(api, root, kind="session", name=conversation),
    ]
    others = [await made(api, root, name="bob"), await made(api, root, kind="tenant", name="acme")]
    listed = (await api.call("GET", "/v1/budgets", ann)).json["data"]
    assert {each["id"] for each in listed} == {each["id"] for each in hers}
    for each in hers:
        assert (await api.call("GET", f"/v1/budgets/{each['id']}", ann)).json == each
        assert (await api.call("GET", f"/v1/budgets/{each['id']}", bob)).status == 404
        assert (await api.call("DELETE", f"/v1/budgets/{each['id']}", ann)).status == 403
    for each in others:
        assert (await api.call("GET", f"/v1/budgets/{each['id']}", ann)).status == 404
    assert (await api.call("POST", "/v1/budgets", ann, json=body())).status == 403


async def test_no_admin_reaches_another_tenants_and_the_operator_reaches_all(api: House) -> None:
    root, stranger = await api.key("acme", "root", "admin"), await api.key("umbrella", "root", "admin")
    told = await made(api, root)
    path = f"/v1/budgets/{told['id']}"
    for method, more in (("GET", {}), ("PATCH", {"json": {"limit": "9"}}), ("DELETE", {})):
        assert (await api.call(method, path, stranger, **more)).status == 404
    assert (await api.call("GET", "/v1/budgets", stranger)).json["data"] == []
    answer = await api.call("POST", "/v1/budgets", stranger, json=body(tenant="acme"))
    assert (answer.status, answer.error["param"]) == (404, "tenant")
    theirs = await api.call("POST", "/v1/budgets", json=body(tenant="acme", period="week"))
    assert (theirs.status, theirs.json["tenant"]) == (200, "acme")
    ours = await api.call("POST", "/v1/budgets", json=body())
    assert ours.json["tenant"] == "default"
    assert len((await api.call("GET", "/v1/budgets")).json["data"]) == 3
    assert len((await api.call("GET", "/v1/budgets?tenant=acme")).json["data"]) == 2
    assert len((await api.call("GET", "/v1/budgets", headers={"x-podium-tenant": "acme"})).json["data"]) == 2
    assert (await api.call("PATCH", path, json={"limit": "9"})).json["limit"] == "9"


async def test_the_operator_names_a_tenant_by_the_scope_of_its_budget(api: House) -> None:
    await api.key("initech", "root", "admin")
    tenant = await api.database.value("SELECT id FROM tenants WHERE name = 'initech'")
    told = await made(api, OPERATOR, kind="tenant", name="initech")
    assert (told["tenant"], told["scope"]) == ("initech", {"type": "tenant", "id": "initech"})
    assert (await made(api, OPERATOR, kind="tenant", name=tenant, period="week"))["tenant"] == "initech"
    for word in ("initech", tenant):
        listed = (await api.call("GET", f"/v1/budgets?scope_type=tenant&scope_id={word}")).json["data"]
        assert len(listed) == 2
    assert (await made(api, OPERATOR, kind="tenant", name="default"))["tenant"] == "default"
    for body_more, headers in (({}, {"x-podium-tenant": "default"}), ({"tenant": "default"}, {})):
        wanted = body("tenant", "initech", period="month", **body_more)
        answer = await api.call("POST", "/v1/budgets", json=wanted, headers=headers)
        assert (answer.status, answer.error["param"]) == (404, "scope.id")
    answer = await api.call("POST", "/v1/budgets", json=body("tenant", "nobodys"))
    assert (answer.status, answer.error["param"]) == (404, "scope.id")


async def test_what_the_operator_sets_a_whole_tenant_is_not_the_tenants_to_lift(api: House) -> None:
    root = await api.key("hooli", "root", "admin")
    told = await made(api, OPERATOR, kind="tenant", name="hooli")
    path, higher = f"/v1/budgets/{told['id']}", {"limit": "99"}
    assert told["by_operator"]
    assert (await api.call("GET", path, root)).json == told
    for answer in (await api.call("PATCH", path, root, json=higher), await api.call("DELETE", path, root)):
        assert (answer.status, answer.error["code"]) == (403, "forbidden")
    assert (await api.call("GET", path, root)).json == told
    own = await made(api, root, kind="tenant", name="hooli", period="week")
    of_ann = await api.call("POST", "/v1/budgets", json=body(tenant="hooli"))
    for each in (own, of_ann.json):
        assert (await api.call("PATCH", f"/v1/budgets/{each['id']}", root, json=higher)).json["limit"] == "99"
    assert not own["by_operator"]
    # Once the operator has said what it shall be, it stays so.
    assert (await api.call("PATCH", f"/v1/budgets/{own['id']}", json=higher)).json["by_operator"]
    assert (await api.call("DELETE", f"/v1/budgets/{own['id']}", root)).status == 403
    as_theirs = {"x-podium-tenant": "hooli"}
    assert (await api.call("PATCH", path, json=higher, headers=as_theirs)).json["limit"] == "99"
    assert (await api.call("DELETE", path, headers=as_theirs)).status == 200


SESSIONS = ["x" * 200, " ", "👨‍👩‍👧 of ours", "a\nb\n", " x "]


@pytest.mark.parametrize("name", SESSIONS)
async def test_whatever_a_session_may_be_called_a_budget_may_be_for(api: House, name: str) -> None:
    root, path = await api.key("acme", "root", "admin"), quote(name, safe="")
    told = await made(api, root, kind="session", name=name, period="total")
    assert told["scope"]["id"] == name
    again = await api.call("POST", f"/budgets/session/{path}", root, json={"budget_limit": 2})
    assert (again.status, again.json["id"]) == (200, told["id"])
    status = (await api.call("GET", f"/budgets/status/{path}", root)).json
    assert status["session"]["budget_limit"] == "2"
    [listed] = (await api.call("GET", f"/v1/budgets?scope_id={path}", root)).json["data"]
    assert listed["id"] == told["id"]


async def test_what_no_session_can_be_called_is_refused_by_its_name(api: House) -> None:
    for name in ("x" * 201, "a\0b", ""):
        answer = await api.call("POST", "/v1/budgets", json=body("session", name, period="total"))
        assert (answer.status, answer.error["param"]) == (400, "scope.id"), name
    for path in ("x" * 201, "a%00b"):
        for method, kind in (("POST", "session"), ("GET", "status")):
            answer = await api.call(method, f"/budgets/{kind}/{path}", json={"budget_limit": 1})
            assert (answer.status, answer.error["param"]) == (400, "session_id"), path
    for kind, name in (("user", "x" * 129), ("user", " "), ("persona", "a\nb"), ("tenant", "x" * 129)):
        answer = await api.call("POST", "/v1/budgets", json=body(kind, name))
        assert (answer.status, answer.error["param"]) == (400, "scope.id"), name


async def test_a_query_that_cannot_be_stored_is_named(api: House) -> None:
    for path, param in (
        ("/v1/budgets?scope_id=a%00b", "scope_id"),
        ("/v1/budgets?tenant=a%00b", "tenant"),
        ("/v1/ledger?user=a%00b", "user"),
        ("/budgets/status/s-1?user_id=a%00b", "user_id"),
    ):
        answer = await api.call("GET", path)
        assert (answer.status, answer.error["param"]) == (400, param), path


async def test_lists_are_filtered_and_paged(api: House) -> None:
    root = await api.key("acme", "root", "admin")
    for user in ("ann", "bob", "cyd"):
        for period in ("day", "month"):
            await made(api, root, name=user, period=period)

    async def listed(query: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await api.call("GET", f"/v1/budgets?{query}", root)).json["data"]
        return found

    assert {each["scope"]["id"] for each in await listed("period=day")} == {"ann", "bob", "cyd"}
    assert len(await listed("scope_type=user&scope_id=ann")) == 2
    assert await listed("scope_type=tenant") == []
    assert await listed("scope_id=nobody") == []
    seen: list[str] = []
    path = "/v1/budgets?limit=4"
    while path:
        page = (await api.call("GET", path, root)).json
        seen += [each["id"] for each in page["data"]]
        path = f"/v1/budgets?limit=4&after={page['next']}" if page["next"] else ""
    assert len(seen) == len(set(seen)) == 6


async def test_a_wrong_member_is_named(api: House) -> None:
    root = await api.key("acme", "root", "admin")
    for wrong, param in WRONG:
        answer = await sent(api, root, wrong)
        assert answer.status == 400, wrong
        assert answer.error["param"] == param, (wrong, answer.error)
    told = await made(api, root)
    answer = await sent(api, root, '{"limit": -1}', "PATCH", f"/v1/budgets/{told['id']}")
    assert (answer.status, answer.error["param"]) == (400, "limit")
    for wrong in ("7", "1.5", "[]", "null", '"7"'):
        answer = await sent(api, root, wrong, "PATCH", f"/v1/budgets/{told['id']}")
        assert (answer.status, answer.error["param"]) == (400, None), wrong


def _text(limit: str, more: str = "") -> str:
    return f'{{"scope": {{"type": "user", "id": "ann"}}, "period": "day", "limit": {limit}{more}}}'


WRONG = [
    *(
        (_text(limit), "limit")
        for limit in (
            *(
                "-1",
                '"-1"',
                "NaN",
                "Infinity",
                '"NaN"',
                "1e99999999999999999999",
                "0.0000000001",
                '"0.0000000001"',
            ),
            *(
                "1000000000.01",
                "1e12",
                "null",
                "true",
                '"1e3"',
                '" 1"',
                '""',
                '"."',
                '"5."',
                '".0000000001"',
                "[1]",
                "1" * 5000,
                "0." + "1" * 5000,
            ),
            *("0.10000000000000000000000000000000000001", "1e-400"),
        )
    ),
    (_text("1", ', "alert_threshold": 1.5'), "alert_threshold"),
    (_text("1", ', "alert_threshold": 0.1234'), "alert_threshold"),
    *(
        (_text("1", f', "alert_threshold": "{text}"'), "alert_threshold")
        for text in ("x", "1.5", ".1234", "-0.5", "")
    ),
    (_text("1", ', "timezone": "Mars/Olympus"'), "timezone"),
    (_text("1", ', "colour": "red"'), "colour"),
    (_text("1").replace("day", "hour"), "period"),
    (_text("1").replace("user", "robot"), "scope.type"),
    (_text("1").replace("ann", ""), "scope.id"),
    ('{"scope": 0, "period": "day", "limit": 1}', "scope"),
    ("1", None),
]


async def test_a_number_is_read_to_the_last_digit(api: House) -> None:
    root = await api.key("acme", "root", "admin")
    for at, (text, limit) in enumerate(
        (
            ("999999999.123456789", "999999999.123456789"),
            ('"999999999.123456789"', "999999999.123456789"),
            ("0.1", "0.1"),
            ("1e-9", "0.000000001"),
            ("1.50e1", "15"),
            ("0", "0"),
            ("0.000000001000", "0.000000001"),
            ('".5"', "0.5"),
        )
    ):
        answer = await sent(api, root, _text(text).replace("ann", f"user {at}"))
        assert answer.json["limit"] == limit, text


@given(st.integers(0, MOST_DOLLARS * DOLLAR))
def test_every_amount_is_read_as_it_is_written(nano: int) -> None:
    text = money.dollars(nano)
    assert _nano(text) == _nano(_decimal(text)) == nano
