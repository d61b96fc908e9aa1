"""Keys over HTTP."""

from datetime import UTC, datetime, timedelta

from tests.api.house import OPERATOR, House


async def test_a_made_key_is_shown_once_and_opens_the_door(api: House) -> None:
    body = {"tenant": "acme", "user": "ann", "scope": "member"}
    made = (await api.call("POST", "/v1/keys", json=body)).json
    assert made["key"].startswith("pk_")
    assert made["key"].startswith(made["prefix"])
    assert len(made["key"]) > len(made["prefix"]) + 30
    assert {**body, "id": made["id"], "expires_at": None, "tier": "basic"}.items() <= made.items()
    listed = await api.call("GET", "/v1/keys")
    assert [key["id"] for key in listed.json["data"]] == [made["id"]]
    assert made["key"].encode() not in listed.body
    assert (await api.call("GET", "/v1/conversations", made["key"])).status == 200


async def test_the_database_holds_no_secret(api: House) -> None:
    secret = await api.key("acme", "ann")
    rows = await api.database.fetch("SELECT k::text AS row FROM keys k")
    assert len(rows) == 1
    assert secret not in rows[0]["row"]
    assert secret.encode().hex() not in rows[0]["row"]


async def test_two_keys_of_one_user_share_their_conversations(api: House) -> None:
    first, second = await api.key("acme", "ann"), await api.key("acme", "ann")
    made = await api.conversation(first)
    assert (await api.call("GET", f"/v1/conversations/{made}", second)).status == 200


async def test_every_spelling_of_a_uuid_is_one_user_whom_one_budget_limits(api: House) -> None:
    name = "3F2B8C1E-0D6A-4A57-9A43-5D1A2B3C4D5E"
    root = await api.key("acme", "root", "admin")
    limit = {"scope": {"type": "user", "id": name.lower()}, "limit": "1", "period": "day"}
    made = (await api.call("POST", "/v1/budgets", root, json=limit)).json
    body = {"tenant": "acme", "user": name, "scope": "member", "user_tier": "free"}
    issued = (await api.call("POST", "/v1/keys", json=body)).json
    assert (issued["user"], issued["tier"]) == (name.lower(), "free")
    told = (await api.call("GET", "/budgets/status/s-1", issued["key"])).json
    assert told["user"]["id"] == made["id"]
    for spelled in (name, name.lower(), name.title()):
        listed = (await api.call("GET", f"/v1/budgets?scope_id={spelled}", root)).json["data"]
        assert [each["id"] for each in listed] == [made["id"]]
    again = await api.call("POST", "/v1/keys", root, json={**body, "user": name.title(), "user_tier": None})
    assert again.json["tier"] == "free"
    users = await api.database.fetch("SELECT name FROM users WHERE lower(name) = $1", name.lower())
    assert [row["name"] for row in users] == [name.lower()]


async def test_the_same_user_name_in_two_tenants_is_two_users(api: House) -> None:
    here, there = await api.key("acme", "ann"), await api.key("umbrella", "ann")
    made = await api.conversation(here)
    assert (await api.call("GET", f"/v1/conversations/{made}", there)).status == 404


async def test_a_revoked_key_is_refused_at_once_where_it_was_revoked(api: House) -> None:
    secret = await api.key("acme", "ann")
    assert (await api.call("GET", "/v1/conversations", secret)).status == 200
    [key] = (await api.call("GET", "/v1/keys")).json["data"]
    gone = await api.call("DELETE", f"/v1/keys/{key['id']}")
    assert (gone.status, gone.json) == (200, {"id": key["id"], "deleted": True})
    assert (await api.call("GET", "/v1/conversations", secret)).status == 401
    assert (await api.call("DELETE", f"/v1/keys/{key['id']}")).status == 404
    assert (await api.call("GET", "/v1/keys")).json["data"] == []


async def test_an_expired_key_is_refused(api: House) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    secret = await api.key("acme", "ann", expires_at=soon.isoformat())
    assert (await api.call("GET", "/v1/conversations", secret)).status == 200
    await api.database.fetch("UPDATE keys SET expires_at = clock_timestamp() - interval '1 ms'")
    [key] = (await api.call("GET", "/v1/keys")).json["data"]
    api.keyring.forget(key["id"])
    assert (await api.call("GET", "/v1/conversations", secret)).status == 401


async def test_a_wrong_member_is_named(api: House) -> None:
    for wrong, param in WRONG:
        body = {"tenant": "acme", "user": "ann", "scope": "member", **wrong}
        answer = await api.call("POST", "/v1/keys", json=body)
        assert answer.status == 400, wrong
        assert answer.error["code"] == "invalid_request"
        assert answer.error["param"] == param


WRONG: list[tuple[dict[str, object], str]] = [
    ({"tenant": None}, "tenant"),
    ({"tenant": ""}, "tenant"),
    ({"tenant": "a\0b"}, "tenant"),
    ({"tenant": " acme"}, "tenant"),
    ({"tenant": "x" * 129}, "tenant"),
    ({"user": ["ann"]}, "user"),
    ({"scope": "root"}, "scope"),
    ({"tier": "gold"}, "tier"),
    ({"expires_at": "tomorrow"}, "expires_at"),
    ({"expires_at": "2030-01-01T00:00:00"}, "expires_at"),
    ({"expires_at": "2001-01-01T00:00:00Z"}, "expires_at"),
    ({"expires_at": "9999-12-31T23:59:59-12:00"}, "expires_at"),
    ({"expires_at": 1e300}, "expires_at"),
    ({"is_operator": True}, "is_operator"),
]


async def test_a_member_neither_makes_nor_sees_nor_revokes_keys(api: House) -> None:
    member = await api.key("acme", "ann")
    [key] = (await api.call("GET", "/v1/keys")).json["data"]
    body = {"tenant": "acme", "user": "bob", "scope": "admin"}
    for method, path in [("POST", "/v1/keys"), ("GET", "/v1/keys"), ("DELETE", f"/v1/keys/{key['id']}")]:
        answer = await api.call(method, path, member, json=body)
        assert (answer.status, answer.error["code"]) == (403, "forbidden")


async def test_an_admin_gives_no_more_than_they_have(api: House) -> None:
    admin = await api.key("acme", "root", "admin", tier="professional")
    await api.key("umbrella", "ann")

    async def make(**members: str) -> tuple[int, str]:
        body = {"tenant": "acme", "user": "bob", "scope": "member", **members}
        answer = await api.call("POST", "/v1/keys", admin, json=body)
        return answer.status, answer.error["param"] if answer.status > 299 else ""

    assert await make() == (200, "")
    assert await make(tier="professional", scope="admin") == (200, "")
    assert await make(tier="unlimited") == (403, "tier")
    assert await make(tenant="umbrella") == (404, "tenant")
    assert await make(tenant="nobody") == (404, "tenant")
    shown = (await api.call("GET", "/v1/keys", admin)).json["data"]
    assert {key["tenant"] for key in shown} == {"acme"}


async def test_a_key_without_a_tier_has_its_users(api: House) -> None:
    async def tiers() -> set[str]:
        return {key["tier"] for key in (await api.call("GET", "/v1/keys")).json["data"]}

    await api.key("acme", "ann")
    assert await tiers() == {"basic"}
    await api.key("acme", "ann", user_tier="professional")
    assert await tiers() == {"professional"}
    await api.key("acme", "ann")
    assert await tiers() == {"professional"}
    await api.key("acme", "ann", tier="free")
    assert await tiers() == {"professional", "free"}
    await api.key("acme", "bob")
    assert await tiers() == {"professional", "free", "basic"}


async def test_an_admin_raises_no_user_above_itself_and_borrows_nobodys_tier(api: House) -> None:
    admin = await api.key("acme", "root", "admin")
    await api.key("acme", "rich", user_tier="enterprise")

    async def make(**members: str) -> tuple[int, str]:
        body = {"tenant": "acme", "user": "bob", "scope": "member", **members}
        answer = await api.call("POST", "/v1/keys", admin, json=body)
        return answer.status, answer.error["param"] if answer.status > 299 else ""

    assert await make(user_tier="enterprise") == (403, "user_tier")
    assert await make(user_tier="enterprise", tier="free") == (403, "user_tier")
    assert await make(user="rich") == (403, "tier")
    assert await make(user="rich", tier="basic") == (200, "")
    assert await make(user_tier="basic") == (200, "")


async def test_the_operator_lists_all_keys_or_one_tenants(api: House) -> None:
    for tenant in ("acme", "umbrella", "acme"):
        await api.key(tenant, "ann")
    assert len((await api.call("GET", "/v1/keys")).json["data"]) == 3
    only = await api.call("GET", "/v1/keys", headers={"x-podium-tenant": "acme"})
    assert [key["tenant"] for key in only.json["data"]] == ["acme", "acme"]


async def test_keys_are_listed_page_by_page(api: House) -> None:
    for number in range(5):
        await api.key("acme", f"user-{number}")
    seen, after = [], ""
    while True:
        page = (await api.call("GET", f"/v1/keys?limit=2{after}")).json
        seen += [key["user"] for key in page["data"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert seen == [f"user-{number}" for number in (4, 3, 2, 1, 0)]


async def test_the_operator_acts_in_the_tenant_that_it_names(api: House) -> None:
    admin = await api.key("acme", "root", "admin")
    made = (await api.call("POST", "/v1/conversations", headers={"x-podium-tenant": "acme"})).json
    assert (await api.call("GET", f"/v1/conversations/{made['id']}", admin)).status == 200
    assert (await api.call("GET", f"/v1/conversations/{made['id']}")).status == 404
    unknown = await api.call("GET", "/v1/conversations", headers={"x-podium-tenant": "nobody"})
    assert (unknown.status, unknown.error["param"]) == (404, "tenant")


async def test_naming_another_tenant_answers_as_naming_none_that_exists(api: House) -> None:
    key = await api.key("acme", "ann", "admin")
    await api.key("umbrella", "ann")
    answers = [
        await api.call("GET", "/v1/conversations", key, headers={"x-podium-tenant": name})
        for name in ("umbrella", "nobody", "acme")
    ]
    assert [answer.status for answer in answers] == [404, 404, 200]
    assert answers[0].body == answers[1].body


async def test_the_operators_key_is_compared_whole(api: House) -> None:
    for wrong in (OPERATOR[:-1], OPERATOR + "x", OPERATOR.upper(), ""):
        assert (await api.call("GET", "/v1/keys", wrong or None)).status == 401
