"""Those who would be somebody else, see what is another's, or learn a secret: through the front door.

Two servers on one database for all of it. The routes come from the OpenAPI document, so that what is new is tried too.
"""

import asyncio
import hashlib
import hmac
import itertools
import logging
import re
from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
import asyncpg
import msgspec
import pytest
import pytest_asyncio
from typing_extensions import override
from yarl import URL

from podium.catalogue.catalogue import Catalogue
from podium.kit import ids
from podium.simulator import Simulator
from tests.api.house import raw
from tests.api.walk import MARK
from tests.doors.podium import ADMIN_KEY, Podium, podium
from tests.doors.sessions import Caller, caller
from tests.doors.surface import hosts
from tests.serving import Cluster, fresh_database
from tests.simulator.serving import wait_for

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOST_KEY = "sk-the-key-of-a-host-" + "c" * 20
OPEN = {"/", "/livez", "/readyz", "/health", "/openapi.json"}
MADE = ("tenants", "users", "keys", "budgets")
SPOKEN = ("conversations", "messages", "turns", "ledger_entries")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


class Said(logging.Handler):
    """Everything that anybody logs."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    @override
    def emit(self, record: logging.LogRecord) -> None:
        if record.name != "uvicorn.access":  # off, as it is in earnest
            self.lines.append(f"{self.format(record)} {record.__dict__}")


@dataclass
class Town:
    one: Podium
    other: Podium
    dsn: str
    said: Said
    database: asyncpg.Connection
    http: aiohttp.ClientSession
    answers: list[str] = field(default_factory=list)

    async def ask(self, method: str, path: str, key: str | None = ADMIN_KEY, **more: Any) -> tuple[int, str]:
        headers = {**({"authorization": f"Bearer {key}"} if key else {}), **more.pop("headers", {})}
        url = URL(self.one.url + path, encoded=True)
        async with self.http.request(method, url, headers=headers, **more) as answer:
            text = await answer.text()
            self.answers.append(f"{text} {answer.headers}")
            return answer.status, text

    async def document(self) -> Any:
        return await self.one.call("GET", "/openapi.json")

    async def counted(self, *tables: str) -> dict[str, int]:
        """How many rows these tables have."""
        return {name: await self.database.fetchval(f"SELECT count(*) FROM {name}") for name in tables}


def secret_hosts(host: Simulator) -> Catalogue:
    """The simulator behind each wire, with keys that nobody may ever see."""
    known = hosts(host)
    endpoints = {name: replace(each, api_key=HOST_KEY) for name, each in known.endpoints.items()}
    return replace(known, endpoints=endpoints)


@pytest.fixture(scope="module")
def said() -> Generator[Said, None, None]:
    heard, root = Said(), logging.getLogger()
    before = root.level
    root.addHandler(heard)
    root.setLevel(logging.DEBUG)
    yield heard
    root.setLevel(before)
    root.removeHandler(heard)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(cluster: Cluster, said: Said) -> AsyncGenerator[Town, None]:
    async with (
        fresh_database(cluster) as dsn,
        podium(dsn, catalogue=secret_hosts) as one,
        podium(dsn, catalogue=secret_hosts) as other,
        aiohttp.ClientSession() as http,
    ):
        database = await asyncpg.connect(dsn)
        yield Town(one, other, dsn, said, database, http)
        await database.close()


# ── words that are none ─────────────────────────────────────────────────────────────────────────────────────────────

SQL = (
    "' OR 1=1--",
    "'; DROP TABLE turns; --",
    "\\'; SELECT pg_sleep(9); --",
    "'||(SELECT hash FROM keys LIMIT 1)||'",
    ") UNION SELECT hash FROM keys --",
    '"%s$1{0}%(key)s:name',
)
KEYS = ("authorization", "x-api-key", "x-goog-api-key", "?key")
CHAT = {"messages": [{"role": "user", "content": "hello"}]}
PLACES: list[tuple[str, str, dict[str, Any] | None, dict[str, str]]] = [
    ("GET", "/v1/conversations", None, {"x-podium-tenant": MARK}),
    *(("GET", f"/v1/{kind}/{MARK}", None, {}) for kind in ("turns", "conversations", "budgets", "ledger")),
    *(("DELETE", f"{path}/{MARK}", None, {}) for path in ("/v1/keys", "/v1/budgets", "/sessions")),
    *(("GET", f"/sessions/{MARK}/{what}", None, {}) for what in ("history", "cost-summary")),
    *(("GET", f"/budgets/status/{way}", None, {}) for way in (MARK, f"s?user_id={MARK}")),
    *(("POST", f"/budgets/{kind}/{MARK}", {"budget_limit": 1}, {}) for kind in ("user", "session")),
    *(("GET", f"/v1/ledger?{name}={MARK}", None, {}) for name in ("user", "conversation", "model", "after")),
    *(("GET", f"/v1/budgets?{name}={MARK}", None, {}) for name in ("tenant", "scope_id", "scope_type")),
    *(("GET", f"/v1/conversations?{name}={MARK}", None, {}) for name in ("search", "after")),
    ("GET", f"/v1/turns?conversation={MARK}", None, {}),
    ("GET", f"/v1/models/{MARK}", None, {}),
    ("POST", "/chat", {"message": "hello", "session_id": MARK}, {}),
    ("POST", "/chat", {"message": "hello", "user_id": MARK}, {}),
    ("POST", "/v1/conversations", {"title": MARK, "metadata": {MARK: MARK}}, {}),
    ("POST", "/v1/keys", {"tenant": MARK, "user": MARK, "scope": "member"}, {}),
    ("POST", "/v1/budgets", {"scope": {"type": "session", "id": MARK}, "limit": 1, "period": "day"}, {}),
    ("POST", "/v1/chat/completions", {**CHAT, "model": MARK}, {}),
    ("POST", "/v1/chat/completions", {**CHAT, "x_podium": {"conversation": MARK}}, {}),
    *(
        ("POST", "/v1/chat/completions", CHAT, {name: MARK})
        for name in ("idempotency-key", "x-request-id", "x-stainless-retry-count", "x-podium-priority")
    ),
]


async def test_sql_in_place_of_a_key_is_a_wrong_key(town: Town) -> None:
    before = await town.counted(*MADE, *SPOKEN)
    for place, path in itertools.product(KEYS, ("/v1/conversations", "/v1/models", "/sessions/x/history")):
        told = set()
        for word in ("wrong", *SQL):
            headers = {} if place.startswith("?") else {place: word if place[0] == "x" else f"Bearer {word}"}
            query = f"?key={URL.build(path=word).raw_path}" if place == "?key" else ""
            status, text = await town.ask("GET", path + query, None, headers=headers)
            told.add((status, re.sub(r"[0-9a-f]{32}", "", text)))
        assert len(told) == 1, (place, path, told)
        assert told.pop()[0] == 401
    assert await town.counted(*MADE, *SPOKEN) == before


async def test_sql_in_any_other_place_is_a_word_like_any_other(town: Town) -> None:
    keys = await town.database.fetch("SELECT hash FROM keys")
    began = asyncio.get_running_loop().time()
    for number, (method, path, body, headers) in enumerate(PLACES):
        statuses = {}
        for word in (f"harmless {number}", *SQL):
            quoted = URL.build(path="/" + word).raw_path[1:].replace("'", "%27")
            given = None if body is None else msgspec.json.encode(body).replace(MARK.encode(), _inside(word))
            sent = {"content-type": "application/json"} | dict.fromkeys(headers, word)
            status, text = await town.ask(method, path.replace(MARK, quoted), data=given, headers=sent)
            statuses[word] = status
            assert "syntax" not in text.lower()
            assert "asyncpg" not in text
        assert len(set(statuses.values())) == 1, (method, path, statuses)
        assert statuses.popitem()[1] < 500, (method, path)
    await town.counted(*MADE, *SPOKEN)
    assert {row[0] for row in keys} <= {
        row[0] for row in await town.database.fetch("SELECT hash FROM keys WHERE revoked_at IS NULL")
    }
    assert asyncio.get_running_loop().time() - began < 9 * len(PLACES), "nobody slept"


def _inside(word: str) -> bytes:
    """A word as it stands in a string of JSON."""
    return msgspec.json.encode(word)[1:-1]


# ── doors that are none ─────────────────────────────────────────────────────────────────────────────────────────────


async def paths_of(town: Town) -> list[tuple[str, set[str]]]:
    """Every path that there is, aliases too, with the methods that it takes."""
    found = []
    for path, item in (await town.document())["paths"].items():
        concrete = re.sub(r"\{[^}]+\}", "x", path)
        found.append((concrete, {method.upper() for method in item}))
        if path.startswith("/llm/chat/"):
            found.append((concrete.removesuffix("/"), {method.upper() for method in item}))
    return found


@pytest.mark.promise("stranger")
async def test_without_a_key_no_path_and_no_method_answers(town: Town) -> None:
    for (path, known), method in itertools.product(await paths_of(town), METHODS):
        if path in OPEN:
            continue
        for key in (None, "pk_" + "x" * 43) if method in known else (None,):
            status, _ = await town.ask(method, path, key, json={} if method[0] == "P" else None)
            expected = {401} if method in known else {401, 404, 405}
            assert status in expected, (method, path, key, status)


HOSTS = ("x/livez?", "x/health#", "a/../livez", "127.0.0.1:1@x", "")
FORGED = (
    "x-forwarded-host: /livez\r\nx-forwarded-prefix: /livez\r\nx-original-url: /livez\r\nx-rewrite-url: /livez\r\n"
    "x-http-method-override: HEAD\r\nx-forwarded-for: 127.0.0.1\r\nforwarded: for=127.0.0.1\r\nx-real-ip: ::1\r\n"
)


@pytest.mark.promise("stranger")
async def test_no_host_and_no_forwarded_header_opens_a_path(town: Town) -> None:
    for number, (path, methods) in enumerate(await paths_of(town)):
        if path in OPEN:
            continue
        method, host = min(methods), HOSTS[number % len(HOSTS)]
        for target in (path, f"http://x{path}"):
            head = f"{method} {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: 0\r\n"
            answer = await raw(town.one.url, f"{head}{FORGED}\r\n".encode())
            assert answer.split(b" ")[1] in (b"400", b"401", b"404"), (target, host, answer[:200])


SPOILED = (b"\0", b"\x01", b"\x7f", b"\xff\xfe", "ключ".encode(), b"a" * 70_000, b"a\r\n b", b"\t", b"")


async def test_a_spoiled_key_is_refused_and_never_a_fault_of_the_servers(town: Town) -> None:
    for name, value in itertools.product((b"authorization", b"x-api-key", b"x-goog-api-key"), SPOILED):
        head = b"GET /v1/conversations HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"
        answer = await raw(town.one.url, head + name + b": " + value + b"\r\n\r\n")
        assert answer.split(b" ")[1] in (b"400", b"401", b"431"), (name, value[:20], answer[:200])
    good = f"authorization: Bearer {ADMIN_KEY}\r\n".encode()
    for more in (good, b"x-api-key: a\r\nx-api-key: b\r\n"):
        head = b"GET /v1/conversations HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"
        assert (await raw(town.one.url, head + good + more + b"\r\n")).split(b" ")[1] == b"401"


# ── who may ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_members_and_admins_are_refused_exactly_where_it_is_said(town: Town) -> None:
    """Routes that are said to answer 403 do so to a member; no other does."""
    ann = await caller(town.one, "ann")
    before = await town.counted(*MADE)
    document = await town.document()
    seen = 0
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if path in OPEN or method not in ("get", "post", "patch", "delete"):
                continue
            body: dict[str, Any] = {"json": {}} if "requestBody" in operation else {}
            concrete = re.sub(r"\{[^}]+\}", ids.nobody("x"), path)
            status, _ = await town.ask(method.upper(), concrete, ann.key, **body)
            is_said = "403" in operation["responses"] or path == "/metrics"
            assert (status == 403) == is_said, (method, path, status)
            seen += status == 403
    assert seen >= 9
    assert await town.counted(*MADE) == before


HOSTILE: dict[str, Any] = {
    "id": ids.nobody("key"),
    "tenant_id": ids.nobody("ten"),
    "user_id_": "root",
    "owner": ids.nobody("usr"),
    "role": "admin",
    "is_admin": True,
    "is_operator": True,
    "scopes": ["admin"],
    "key": "pk_" + "x" * 43,
    "hash": "00",
    "prefix": "pk_xxxxxx",
    "spent": "-100",
    "held": "-100",
    "amount": 10**12,
    "is_default": True,
    "created_at": "2020-01-01T00:00:00Z",
    "revoked_at": None,
    "cost": "0",
}


async def test_no_body_says_what_is_the_servers_to_say(town: Town) -> None:
    root = await caller(town.one, "root", scope="admin")
    conversation = (await root.good("POST", "/v1/conversations", {}))["id"]
    turn = (await root.good("POST", f"/v1/conversations/{conversation}/turns", {"input": "x"}))["id"]
    scope = {"type": "user", "id": "ann"}
    budget = await root.good("POST", "/v1/budgets", {"scope": scope, "limit": 1, "period": "day"})
    bodies: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/v1/keys", {"tenant": "acme", "user": "ann", "scope": "member"}),
        ("POST", "/v1/budgets", {"scope": scope, "limit": 1, "period": "week"}),
        ("POST", "/v1/budgets", {"scope": {**scope, "tenant": "umbrella"}, "limit": 1, "period": "week"}),
        ("PATCH", f"/v1/budgets/{budget['id']}", {"limit": 2}),
        ("POST", "/budgets/user/ann", {"budget_limit": 2}),
        ("POST", "/budgets/session/s", {"budget_limit": 2}),
        ("POST", "/v1/conversations", {}),
        ("PATCH", f"/v1/conversations/{conversation}", {"title": "x"}),
        ("POST", f"/v1/conversations/{conversation}/turns", {"input": "x"}),
        ("POST", f"/v1/turns/{turn}/continue", {}),
        ("POST", "/llm/chat/", {"user_id": "0a1b2c3d-0000-4000-8000-00000000abcd", "initial_message": "x"}),
        ("POST", "/chat", {"message": "x"}),
        ("POST", "/v1/chat/completions", {**CHAT, "x_podium": {"cost": 0}}),
    ]
    before = await town.counted(*MADE, *SPOKEN)
    for (method, path, body), (name, value) in itertools.product(bodies, HOSTILE.items()):
        forged = {"x_podium": {name: value}} if "x_podium" in body else {name: value}
        status, text = await town.ask(method, path, root.key, json={**body, **forged})
        assert status == 400, (method, path, name, text)
        assert name in text or "tenant" in text
    for name in ("scope", "tenant", "owner", "period", "timezone", "limit_", "user_id"):
        status, _ = await town.ask("PATCH", f"/v1/budgets/{budget['id']}", root.key, json={name: "week"})
        assert status == 400, name
    assert await town.counted(*MADE, *SPOKEN) == before
    assert await root.good("GET", f"/v1/budgets/{budget['id']}") == budget


async def test_an_admin_of_the_operators_own_tenant_is_not_the_operator(town: Town) -> None:
    await caller(town.one, "ann", tenant="umbrella")
    twin = await caller(town.one, "operator", tenant="default", scope="admin")
    keys = (await twin.good("GET", "/v1/keys?limit=100"))["data"]
    assert {key["tenant"] for key in keys} == {"default"}
    assert (await twin.ask("GET", "/v1/keys", x_podium_tenant="umbrella")).status == 404
    made = {"tenant": "umbrella", "user": "ann", "scope": "admin"}
    assert (await twin.ask("POST", "/v1/keys", made)).status == 404
    assert (await twin.ask("GET", "/metrics")).status in {403, 404}


# ── what is another's ───────────────────────────────────────────────────────────────────────────────────────────────


def twin(known: str) -> str:
    """What looks like it and does not exist."""
    return known[:-6] + ("fedcba" if known[-6:] != "fedcba" else "abcdef")


def dashed(known: str) -> str:
    return re.sub(r"[a-z]+_(.{8})(.{4})(.{4})(.{4})(.{12})", r"\1-\2-\3-\4-\5", known)


async def wait_entered(owner: Caller) -> dict[str, Any]:
    """Their one entry, once it is listed: nothing may come before it any more."""
    async with asyncio.timeout(30):
        while not (found := (await owner.good("GET", "/v1/ledger"))["data"]):  # noqa: ASYNC110  # rows have no event
            await asyncio.sleep(0.02)
    entry: dict[str, Any] = found[0]
    return entry


@pytest.mark.promise("stranger")
async def test_anothers_money_answers_as_what_does_not_exist(town: Town) -> None:
    """Budgets, their alerts, entries, sessions and costs: to a colleague, and to another tenant's member and admin."""
    root = await caller(town.one, "root", tenant="initech", scope="admin")
    owner = await caller(town.one, "owner", tenant="initech")
    said = await owner.good("POST", "/chat", {"message": "hello", "session_id": "owned"})
    entry = await wait_entered(owner)
    scope = {"type": "session", "id": entry["conversation_id"]}
    budget = await root.good("POST", "/v1/budgets", {"scope": scope, "limit": 1, "period": "day"})
    assert said["session_id"] == "owned"
    strangers = [
        await caller(town.one, "colleague", tenant="initech"),
        await caller(town.one, "ann", tenant="hooli"),
        await caller(town.one, "boss", tenant="hooli", scope="admin"),
    ]
    conversation = entry["conversation_id"]
    known = {
        budget["id"]: ["GET /v1/budgets/{}", "GET /v1/budgets/{}/alerts", "DELETE /v1/budgets/{}"],
        entry["id"]: ["GET /v1/ledger/{}", "GET /v1/ledger?after={}"],
        conversation: [
            *("GET /v1/ledger?conversation={}", "GET /v1/budgets?scope_id={}", "GET /budgets/status/{}"),
            *("GET /sessions/{}/cost-summary", "DELETE /sessions/{}", "GET /v1/turns?conversation={}"),
        ],
        dashed(conversation): [
            "GET /sessions/{}/cost-summary",
            "GET /budgets/status/{}",
            "DELETE /llm/chat/{}/",
        ],
        entry["turn_id"]: ["GET /v1/turns/{}", "POST /v1/turns/{}/cancel", "POST /v1/turns/{}/continue"],
        entry["key_id"]: ["DELETE /v1/keys/{}", "GET /v1/budgets?scope_id={}"],
    }
    for who, (word, ways) in itertools.product(strangers, known.items()):
        for way in ways:
            method, path = way.format(word).split(" ")
            _, other = way.format(twin(word)).split(" ")
            answers = [
                (status, text.replace(each, "<id>"))
                for each, at in ((word, path), (twin(word), other))
                for status, text in [await town.ask(method, at, who.key, json=None)]
            ]
            assert answers[0] == answers[1], (who, way)
            assert answers[0][0] < 500
            assert '"data":[{' not in answers[0][1].replace(" ", "")
    changed = {"json": {"limit": 9}}
    for who in strangers[1:]:
        status, _ = await town.ask("PATCH", f"/v1/budgets/{budget['id']}", who.key, **changed)
        assert status in {403, 404}
    assert (await root.good("GET", f"/v1/budgets/{budget['id']}"))["limit"] == "1"
    assert len((await owner.good("GET", "/sessions/owned/history"))["messages"]) == 2


async def test_no_admin_speaks_for_a_user_of_another_tenant(town: Town) -> None:
    victim = await caller(town.one, "victim", tenant="initech")
    boss = await caller(town.one, "boss", tenant="hooli", scope="admin")
    user = await town.database.fetchval("SELECT id FROM users WHERE name = 'victim'")
    told = await boss.ask("POST", "/chat", {"message": "in your name", "session_id": "s", "user_id": user})
    assert told.status == 404
    for named in (dashed(user), "victim"):
        await boss.good("POST", "/chat", {"message": "in your name", "session_id": "s", "user_id": named})
    await boss.good("POST", "/llm/chat/", {"initial_message": "in your name", "user_id": dashed(user)})
    await boss.ask("POST", f"/budgets/user/{dashed(user)}", {"budget_limit": 0})
    await boss.ask("POST", f"/budgets/user/{user}", {"budget_limit": 0})
    assert (await victim.good("GET", "/v1/ledger"))["data"] == []
    assert (await victim.good("GET", "/v1/budgets"))["data"] == []
    assert (await victim.good("GET", "/v1/conversations"))["data"] == []
    assert (await victim.ask("POST", "/chat", {"message": "hello"})).status == 200


# ── keys ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_key_that_is_revoked_at_one_server_is_refused_by_all(town: Town) -> None:
    ann = await caller(town.one, ids.new("user"), tenant="revoked")
    there = Caller(town.other, ann.key)
    for each in (ann, there):
        await each.good("GET", "/v1/conversations")
    [key] = (await town.one.call("GET", "/v1/keys", headers={"x-podium-tenant": "revoked"}))["data"]
    await town.one.call("DELETE", f"/v1/keys/{key['id']}")
    assert (await ann.ask("GET", "/v1/conversations")).status == 401
    async with asyncio.timeout(20):
        while (await there.ask("GET", "/v1/conversations")).status != 401:
            pass


async def test_the_operators_key_is_compared_in_constant_time_and_never_as_it_is(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[Any, Any]] = []

    def compare(one: Any, other: Any) -> bool:
        compared.append((one, other))
        return hmac.compare_digest(one, other)

    class Watched:
        compare_digest = staticmethod(compare)

    monkeypatch.setattr("podium.identity.keyring.hmac", Watched)
    for key, status in ((ADMIN_KEY, 200), (ADMIN_KEY[:-1], 401), (ADMIN_KEY + "x", 401)):
        assert (await town.ask("GET", "/v1/conversations", key))[0] == status
        assert compared.pop() == (
            hashlib.sha256(key.encode()).digest(),
            hashlib.sha256(ADMIN_KEY.encode()).digest(),
        )


# ── what must not be said ───────────────────────────────────────────────────────────────────────────────────────────

NAMES = (
    "a\r\nset-cookie: x=1",
    "a\r\n\r\nHTTP/1.1 200 OK",
    "ü" * 50,
    "a\tb, c",
    "\x7f",
    "x" * 20_000,
    "%0d%0a",
    "",
)


@pytest.mark.parametrize("stream", [False, True])
async def test_what_a_client_calls_a_member_stands_in_a_header_without_breaking_it(
    town: Town, *, stream: bool
) -> None:
    """A member that the host's wire cannot say is named in a header; its name is the client's choice."""
    for name in NAMES:
        body = {**CHAT, "model": "anthropic/any", "stream": stream, name: 1}
        async with town.one.http.post(f"{town.one.url}/v1/chat/completions", json=body) as answer:
            assert answer.status == 200, (name[:20], await answer.text())
            told = answer.headers["x-podium-dropped"]
            assert told.isascii()
            assert told.isprintable()
            assert len(told) <= 2048
            assert "set-cookie" not in answer.headers
            await answer.read()


@pytest.mark.promise("stranger")
async def test_no_secret_is_in_any_answer_log_table_export_or_document(town: Town) -> None:
    """After everything that was done above, and some that fails: keys of callers, of the operator, of hosts."""
    ann = await caller(town.one, "ann", tenant="secretive")
    wrong = "pk_" + "w" * 43
    for text in (
        "hello",
        "[[fault 401]]",
        "[[fault 500]]",
        "[[fault 400]]",
        "[[fault hang after=2 seconds=0]]",
    ):
        for model in ("openai_chat/any", "anthropic/any", "gemini/any"):
            said = {"messages": [{"role": "user", "content": text}], "model": model}
            await town.ask("POST", "/v1/chat/completions", ann.key, json=said)
    for path in ("/v1/keys", "/v1/ledger", "/v1/turns", "/v1/conversations", "/health/services", "/metrics"):
        for key in (ADMIN_KEY, ann.key, wrong, f"{ann.key}x", None):
            await town.ask("GET", path, key)
            await town.ask("GET", f"{path}?key={key}", None)
    for turn in (await ann.good("GET", "/v1/turns"))["data"]:
        await town.ask("GET", f"/v1/turns/{turn['id']}/explain", ann.key)
    await town.ask("GET", "/openapi.json", None)
    await wait_for(lambda: not town.one.host.oracle.running)
    dumped = await dump(town.database)
    assert hashlib.sha256(ann.key.encode()).hexdigest() in dumped, "keys are stored hashed"
    for secret in (ann.key, ADMIN_KEY, HOST_KEY, wrong):
        assert not [line for line in town.said.lines if secret in line]
        assert not [answer for answer in town.answers if secret in answer and '"key":' not in answer]
        assert secret not in dumped
        assert secret[4:-4] not in dumped


async def dump(database: asyncpg.Connection) -> str:
    """All that stands in any column of any table."""
    tables = await database.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    rows = [row for (name,) in tables for row in await database.fetch(f'SELECT t::text FROM "{name}" t')]
    return "\n".join(row[0] for row in rows)
