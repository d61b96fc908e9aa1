"""What is true of every request and every answer."""

import asyncio
import itertools
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from podium.api.body import read_body
from podium.api.correlation import Correlated
from podium.api.errors import headers_of, status_of
from podium.api.front import HotRoute
from podium.api.openapi import Operation
from podium.api.passage import Limits, principal_of
from podium.errors import Overloaded, PodiumError, Rejected
from podium.kit.trace import REQUEST_ID
from tests.api.house import OPERATOR, House, house, raw

LIMITS = Limits(header_bytes=4096, body_bytes=100_000, body_seconds=0.3, handler_seconds=5)
OPERATION = Operation(id="echo", tag="test", summary="Echo")


def answering(endpoint: Callable[[Request], Awaitable[Response]]) -> ASGIApp:
    """An ASGI application of a function from request to response; what it raises is the gate's to answer."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        response = await endpoint(Request(scope, receive))
        await response(scope, receive, send)

    return app


async def echo(request: Request) -> Response:
    body = await read_body(request.receive, LIMITS)
    return JSONResponse(
        {"bytes": len(body), "user": principal_of(request.scope).user_name, "id": REQUEST_ID.get()}
    )


async def fail(request: Request) -> Response:
    logging.getLogger("podium.test").warning("about to fail")
    raise RuntimeError("secret detail")


async def refuse(request: Request) -> Response:
    raise Overloaded("The host is busy.", status=429, after=1.5)


async def linger(request: Request) -> Response:
    await asyncio.Event().wait()
    return Response()


async def break_off(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"cache-control", b"no-cache")]})
    await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
    raise RuntimeError("in the middle")


def in_dialect(status: int, error: PodiumError) -> bytes:
    return f'{{"dialect":"{error.code}","status":{status}}}'.encode()


HOT = [
    HotRoute("POST", "/v1/echo", answering(echo), OPERATION),
    HotRoute("POST", "/v1/dialect", answering(echo), OPERATION, refuse=in_dialect),
    HotRoute("GET", "/v1/fail", answering(fail), OPERATION),
    HotRoute("GET", "/v1/refuse", answering(refuse), OPERATION),
    HotRoute("GET", "/v1/linger", answering(linger), OPERATION, deadline=0.05),
    HotRoute("GET", "/v1/broken", break_off, OPERATION),
    HotRoute("GET", "/v1/admins/{id}", answering(echo), OPERATION, access="admin"),
]


@pytest.fixture
async def gate(dsn: str) -> AsyncGenerator[House, None]:
    async with house(dsn, hot=HOT, limits=LIMITS) as opened:
        yield opened


async def test_every_answer_carries_an_id_and_careful_headers(gate: House) -> None:
    for path in ("/livez", "/v1/nothing", "/v1/conversations", "/v1/refuse", "/v1/fail", "/v1/broken"):
        async with gate.http.get(gate.url + path, headers={"authorization": f"Bearer {OPERATOR}"}) as answer:
            assert answer.headers["x-request-id"].startswith("req_")
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["x-frame-options"] == "DENY"
            assert answer.headers["referrer-policy"] == "no-referrer"
            said = answer.headers.getall("cache-control")
            assert said == (["no-cache"] if path == "/v1/broken" else ["no-store"])
            assert "access-control-allow-origin" not in answer.headers
            assert "server" not in answer.headers


async def test_a_callers_request_id_is_kept_if_it_is_plain(gate: House) -> None:
    for given in ("abc-1", "A.b:c/d=+_" + "x" * 100):
        answer = await gate.call("POST", "/v1/echo", headers={"x-request-id": given})
        assert answer.headers["x-request-id"] == answer.json["id"] == given
    for given in ("x" * 129, "a b", "<script>", "ü", "-"):
        answer = await gate.call("POST", "/v1/echo", headers={"x-request-id": given})
        assert answer.headers["x-request-id"].startswith("req_")


async def test_lines_logged_for_a_request_carry_its_id(gate: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.handler.addFilter(Correlated())
    await gate.call("GET", "/v1/fail", headers={"x-request-id": "find-me"})
    ours = [record for record in caplog.records if record.name.startswith("podium")]
    assert [record.__dict__["request_id"] for record in ours] == ["find-me", "find-me"]


async def test_an_unforeseen_error_is_logged_and_not_shown(
    gate: House, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await gate.call("GET", "/v1/fail?key=pk_visible", headers={"x-request-id": "find-me"})
    assert (answer.status, answer.error["code"]) == (500, "internal_error")
    assert "find-me" in answer.error["hint"]
    assert b"secret" not in answer.body
    assert "RuntimeError: secret detail" in caplog.text
    assert OPERATOR not in caplog.text
    assert "pk_visible" not in caplog.text


async def test_a_stream_that_breaks_is_not_ended_as_if_it_were_whole(gate: House) -> None:
    key = f"authorization: Bearer {OPERATOR}\r\n"
    answer = await raw(gate.url, f"GET /v1/broken HTTP/1.1\r\nhost: x\r\n{key}\r\n".encode())
    assert b"data: 1" in answer
    assert not answer.endswith(b"0\r\n\r\n")


async def test_what_is_refused_for_now_says_when_to_come_back(gate: House) -> None:
    answer = await gate.call("GET", "/v1/refuse")
    assert answer.status == 429
    assert answer.headers["retry-after"] == "2"
    assert answer.headers["retry-after-ms"] == "1500"
    assert answer.headers["x-should-retry"] == "true"


async def test_a_handler_beyond_its_deadline_is_given_up(gate: House) -> None:
    answer = await gate.call("GET", "/v1/linger")
    assert answer.status == 503
    assert answer.headers["retry-after"] == "1"


BAD_KEYS = [
    "",
    "Bearer",
    "Bearer ",
    "Basic " + OPERATOR,
    OPERATOR,
    "Bearer ' OR 1=1--",
    "Bearer pk_" + "x" * 43,
    "Bearer pk_" + "x" * 3_000,
    "Bearer \xe4\xf6\xfc",
    "Bearer pk_'; DROP TABLE keys; --" + "x" * 24,
    f"Bearer {OPERATOR}, Bearer {OPERATOR}",
]


async def test_a_bad_key_is_refused_in_one_way(gate: House) -> None:
    routes = (("POST", "/v1/echo"), ("GET", "/v1/conversations"), ("POST", "/v1/keys"))
    for sent, (method, path) in itertools.product(BAD_KEYS, routes):
        request = f"{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: {sent}\r\n\r\n"
        answer = await raw(gate.url, request.encode("latin-1"))
        assert answer.startswith(b"HTTP/1.1 401")
        assert b"www-authenticate: Bearer" in answer
        assert b"invalid_api_key" in answer
    assert await gate.database.value("SELECT count(*) FROM keys") == 0


async def test_two_keys_in_one_request_are_none(gate: House) -> None:
    key = f"authorization: Bearer {OPERATOR}\r\n"
    answer = await raw(
        gate.url, f"POST /v1/echo HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{key}{key}\r\n".encode()
    )
    assert answer.startswith(b"HTTP/1.1 401")


async def test_a_key_may_come_either_way_and_the_scheme_in_any_case(gate: House) -> None:
    for headers in ({"x-api-key": OPERATOR}, {"authorization": f"bEaReR {OPERATOR}"}):
        answer = await gate.call("POST", "/v1/echo", None, headers=headers)
        assert (answer.status, answer.json["user"]) == (200, "operator")


HOSTS = ["x/livez?", "x#", "a/../livez", "127.0.0.1", ""]
TARGETS = ["/v1/keys", "//v1/keys", "/v1/../v1/keys", "/v1/keys/", "/%76%31/keys", "/V1/keys", "/v1/keys;a"]
FORGED = "x-forwarded-host: /livez\r\nx-original-url: /livez\r\nx-http-method-override: HEAD\r\n"


async def test_no_host_and_no_spelling_of_a_path_opens_a_route(gate: House) -> None:
    for host, target in itertools.product(HOSTS, TARGETS):
        request = f"GET {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{FORGED}\r\n"
        answer = await raw(gate.url, request.encode())
        assert answer.split(b" ")[1] in (b"400", b"401", b"404"), (host, target)


async def test_an_absolute_target_is_judged_by_its_path(gate: House) -> None:
    for host in HOSTS:
        request = f"GET http://{host or 'x'}/v1/keys HTTP/1.1\r\nhost: /livez?\r\nconnection: close\r\n\r\n"
        answer = await raw(gate.url, request.encode())
        assert b'"data"' not in answer, host


async def test_an_admins_route_is_closed_to_members(gate: House) -> None:
    member, admin = await gate.key("acme", "ann"), await gate.key("acme", "root", "admin")
    assert (await gate.call("GET", "/v1/admins/1", None)).status == 401
    assert (await gate.call("GET", "/v1/admins/1", member)).status == 403
    assert (await gate.call("GET", "/v1/admins/1", admin)).status == 200


async def test_a_large_body_is_refused_however_it_is_sent(gate: House) -> None:
    async def pieces() -> AsyncGenerator[bytes, None]:
        for _ in range(101):
            yield b"x" * 1000

    for path in ("/v1/echo", "/v1/keys", "/v1/conversations"):
        announced = await gate.call("POST", path, data=b"x" * 100_001)
        chunked = await gate.call("POST", path, data=pieces())
        assert (announced.status, announced.error["code"]) == (413, "too_large")
        assert (chunked.status, chunked.error["code"]) == (413, "too_large")
    assert (await gate.call("POST", "/v1/echo", data=b"x" * 100_000)).json["bytes"] == 100_000
    dialect = await gate.call("POST", "/v1/dialect", data=b"x" * 100_001)
    assert (dialect.status, dialect.json) == (413, {"dialect": "too_large", "status": 413})


async def test_large_headers_are_refused(gate: House) -> None:
    answer = await gate.call("POST", "/v1/echo", headers={"x-filler": "x" * 5_000})
    assert (answer.status, answer.error["code"]) == (431, "too_large")


async def test_a_body_that_never_ends_is_given_up(gate: House) -> None:
    head = (
        f"host: x\r\nauthorization: Bearer {OPERATOR}\r\ncontent-length: 10\r\nconnection: close\r\n\r\nabc"
    )
    for path in ("/v1/echo", "/v1/keys"):
        answer = await raw(gate.url, f"POST {path} HTTP/1.1\r\n{head}".encode())
        assert answer.startswith(b"HTTP/1.1 400")
        assert b"did not arrive" in answer


async def test_a_dialects_routes_refuse_in_its_words(gate: House) -> None:
    assert (await gate.call("POST", "/v1/dialect", None)).json == {
        "dialect": "invalid_api_key",
        "status": 401,
    }
    wrong = await gate.call("DELETE", "/v1/dialect")
    assert (wrong.status, wrong.headers["allow"]) == (405, "POST")
    assert wrong.json == {"dialect": "method_not_allowed", "status": 405}


async def test_unknown_paths_and_methods_answer_in_our_shape(gate: House) -> None:
    for method, path, status in [
        ("GET", "/v1/nothing", 404),
        ("POST", "/", 405),
        ("GET", "/v1/conversations/", 404),
        ("PUT", "/v1/conversations", 405),
        ("OPTIONS", "/v1/echo", 405),
        ("TRACE", "/v1/keys", 405),
    ]:
        answer = await gate.call(method, path)
        assert answer.status == status, path
        assert answer.error["code"] == {404: "not_found", 405: "method_not_allowed"}[status]
        assert ("allow" in answer.headers) == (status == 405)


async def test_all_methods_of_a_path_are_told_where_another_is_used(gate: House) -> None:
    for method, path, allowed in [
        ("PUT", "/v1/conversations", "GET, POST"),
        ("PUT", "/v1/conversations/any", "GET, PATCH, DELETE"),
        ("PUT", "/v1/admins/any", "GET, HEAD"),
    ]:
        assert (await gate.call(method, path)).headers["allow"] == allowed


async def test_no_other_site_may_read_an_answer(gate: House) -> None:
    for origin in ("https://evil.example", "null", "http://127.0.0.1:8080.evil.example"):
        for method in ("GET", "OPTIONS"):
            answer = await gate.call(
                method,
                "/v1/conversations",
                headers={"origin": origin, "access-control-request-method": "POST"},
            )
            assert not [name for name in answer.headers if name.startswith("access-control-")]


async def test_open_routes_need_no_key(gate: House) -> None:
    for path in ("/", "/livez", "/readyz", "/health", "/openapi.json"):
        assert (await gate.call("GET", path, None)).status == 200
        assert (await gate.call("GET", path, "wrong")).status == 200
    assert (await gate.call("HEAD", "/", None)).status == 200


def test_a_hosts_refusal_of_our_key_is_not_the_callers_fault() -> None:
    assert [status_of(Rejected(status=status)) for status in (400, 401, 403, 404, 422)] == [
        400,
        502,
        502,
        404,
        422,
    ]
    assert headers_of(Rejected(status=401), 502) == {"x-should-retry": "false"}
