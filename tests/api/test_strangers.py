"""Nobody can tell another's id from one that does not exist: every route, every place, every kind of id.

The routes come from the OpenAPI document and the ids from the database, so that what is new is covered as well.
"""

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import aiohttp
import asyncpg
import msgspec
import pytest

from tests.api.walk import MARK, Document, Request
from tests.doors.podium import ADMIN_KEY, Podium, podium

ID = re.compile(r"\b[a-z]+[_-][0-9a-f]{32}\b")
UUID = re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z?|\b\d+(\.\d+)?\b")
IDEMPOTENCY_KEY = "the-owners-own-key"
SESSION = "the-owners-session"


@dataclass(frozen=True)
class Caller:
    name: str
    key: str


@dataclass
class Town:
    """A server, an owner whose things are to stay unseen, and those who try."""

    server: Podium
    http: aiohttp.ClientSession

    async def ask(
        self, key: str, method: str, path: str, body: Any = None, **more: Any
    ) -> tuple[int, bytes, aiohttp.typedefs.LooseHeaders]:
        headers = {"authorization": f"Bearer {key}", **more.pop("headers", {})}
        async with self.http.request(
            method, self.server.url + path, json=body, headers=headers, **more
        ) as answer:
            return answer.status, await answer.read(), answer.headers

    async def told(self, key: str, method: str, path: str, body: Any = None, **more: Any) -> Any:
        status, answer, _ = await self.ask(key, method, path, body, **more)
        assert status == 200, answer
        return msgspec.json.decode(answer)

    async def make_key(self, tenant: str, user: str, scope: str) -> str:
        body = {"tenant": tenant, "user": user, "scope": scope, "tier": "unlimited"}
        return str((await self.told(ADMIN_KEY, "POST", "/v1/keys", body))["key"])

    async def live(self, key: str, text: str, **more: Any) -> dict[str, str]:
        """Make one of everything; the ids by the names of paths' parameters."""
        made = (await self.told(key, "POST", "/v1/conversations", {"title": text}))["id"]
        turn = await self.told(key, "POST", f"/v1/conversations/{made}/turns", {"input": text}, **more)
        return {"conversations": made, "turns": turn["id"]}


@pytest.fixture
async def town(dsn: str) -> AsyncGenerator[Town, None]:
    async with podium(dsn) as server, _session() as http:
        yield Town(server, http)


@asynccontextmanager
async def _session() -> AsyncGenerator[aiohttp.ClientSession, None]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as http:
        yield http


async def every_id(town: Town, dsn: str) -> set[str]:
    """All ids that stand in any text column of any table."""
    connection = await asyncpg.connect(dsn)
    found: set[str] = set()
    for table, column in await connection.fetch(
        "SELECT table_name, column_name FROM information_schema.columns "
        "WHERE table_schema = 'public' AND data_type = 'text'"
    ):
        for (text,) in await connection.fetch(
            f'SELECT "{column}" FROM "{table}" WHERE "{column}" IS NOT NULL'
        ):
            found |= set(ID.findall(text))
    await connection.close()
    return found


def twin(known: str) -> str:
    """What looks like it and does not exist."""
    return known[:-6] + ("fedcba" if known[-6:] != "fedcba" else "abcdef")


def dashed(known: str) -> str:
    """The same bits as a UUID."""
    return re.sub(r"[a-z]+_(.{8})(.{4})(.{4})(.{4})(.{12})", r"\1-\2-\3-\4-\5", known)


def blurred(answer: tuple[int, bytes, Any], mark: str) -> tuple[int, str, frozenset[str]]:
    """An answer without what may differ: the id that was asked for, new ids, times and numbers."""
    status, body, headers = answer
    # An admin may have named a user so before, who then stands in lists among others.
    text = body.decode().replace(mark, "<id>" if UUID.fullmatch(mark) else "<asked>")
    names = frozenset(name.lower() for name in headers if name.lower() not in ("content-length", "date"))
    return status, TIME.sub("<number>", UUID.sub("<id>", ID.sub("<id>", text))), names


async def asked(town: Town, who: Caller, request: Request, mark: str) -> tuple[int, bytes, Any]:
    """Send the request with this id, to fresh things of the caller's own where it names some."""
    path = request.path
    if "/turns/{own:" in path:
        path = path.replace("{own:id}", (await town.live(who.key, "mine"))["turns"])
    elif "/conversations/{own:" in path:
        path = path.replace("{own:id}", (await town.told(who.key, "POST", "/v1/conversations"))["id"])
    elif path.startswith(("/llm/chat/{own:", "/sessions/{own:")):
        path = path.replace(
            "{own:id}", (await town.told(who.key, "POST", "/chat", {"message": "mine"}))["session_id"]
        )
    path = path.replace("{own:id}", "none")
    body = request.body
    if body is not None:
        body = msgspec.json.decode(msgspec.json.encode(body).replace(MARK.encode(), mark.encode()))
    return await town.ask(
        who.key,
        request.method,
        path.replace(MARK, mark),
        body,
        params={name: value.replace(MARK, mark) for name, value in request.query.items()},
        headers={name: value.replace(MARK, mark) for name, value in request.headers.items()},
    )


async def view(town: Town, key: str, own: dict[str, str]) -> list[Any]:
    """Everything that the owner sees of their things."""
    paths = [
        f"/v1/conversations/{own['conversations']}",
        f"/v1/conversations/{own['conversations']}/items",
        f"/v1/turns/{own['turns']}",
        f"/v1/turns/{own['turns']}/explain",
        f"/llm/chat/{own['conversations']}/history/",
        f"/sessions/{own['conversations']}/history",
        f"/sessions/{SESSION}/history",
        "/v1/conversations",
    ]
    return [await town.told(key, "GET", path) for path in paths]


@pytest.mark.promise("stranger")
@pytest.mark.timeout(300)
async def test_no_route_tells_anothers_id_from_one_that_does_not_exist(town: Town, dsn: str) -> None:
    nobody = await every_id(town, dsn)
    owner = await town.make_key("umbrella", "owner", "member")
    own = await town.live(owner, "a secret plan", headers={"Idempotency-Key": IDEMPOTENCY_KEY})
    await town.told(owner, "POST", "/chat", {"message": "a secret plan", "session_id": SESSION})
    theirs = await every_id(town, dsn) - nobody
    kinds = {known.partition("_")[0]: known for known in sorted(theirs)}
    assert {"conv", "turn", "key", "ten", "usr", "msg", "att"} <= set(kinds), "kinds of ids that were made"
    names = [("umbrella", "umbrellb"), (IDEMPOTENCY_KEY, IDEMPOTENCY_KEY + "x"), ("owner", "ownex")]
    names.append((SESSION, SESSION + "x"))
    names.append((dashed(kinds["conv"]), dashed(twin(kinds["conv"]))))
    pairs = [(known, twin(known)) for known in kinds.values()] + names
    fitting = {
        "header Idempotency-Key": (IDEMPOTENCY_KEY,),
        "header x-podium-tenant": ("umbrella", kinds["ten"]),
    }
    assert not theirs & {other for _, other in pairs}
    before = await view(town, owner, own)

    callers = [
        Caller("a member of another tenant", await town.make_key("acme", "ann", "member")),
        Caller("an admin of another tenant", await town.make_key("acme", "root", "admin")),
        Caller("a member of the same tenant", await town.make_key("umbrella", "bob", "member")),
    ]
    document = Document(await town.told(owner, "GET", "/openapi.json"))
    compared = 0
    turned = cycle(
        pairs
    )  # elsewhere than in paths each kind of id comes to each kind of place, if not to every place
    for request in document.requests():
        for who in callers:
            some = [next(turned) for _ in range(2 if request.place.startswith("header") else 5)]
            some += [pair for pair in pairs if pair[0] in fitting.get(request.place, ()) and pair not in some]
            for known, unknown in pairs if request.place.startswith("path") else some:
                if known in ("umbrella", "owner") and who.name.endswith("same tenant"):
                    continue  # it is theirs too
                answers = [blurred(await asked(town, who, request, each), each) for each in (known, unknown)]
                assert answers[0] == answers[1], f"{who.name}: {request} with {known}"
                assert answers[0][0] < 500, f"{who.name}: {request} with {known}: {answers[0]}"
                assert "secret plan" not in answers[0][1]
                compared += 1
    assert compared > 3000
    assert await view(town, owner, own) == before


@pytest.mark.promise("stranger")
async def test_every_route_asks_for_a_key_but_those_that_are_open(town: Town) -> None:
    document = Document(await town.told(ADMIN_KEY, "GET", "/openapi.json"))
    closed = set()
    for request in document.requests():
        path = request.path.replace(MARK, "x").replace("{own:id}", "x")
        if path in ("/", "/livez", "/readyz", "/health"):
            continue
        async with town.http.request(request.method, town.server.url + path, json=request.body) as answer:
            assert answer.status == 401, request
        closed.add((request.method, request.path))
    assert len(closed) > 10
