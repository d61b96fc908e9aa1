"""Errors: what a host's error means, and how ours are told in this dialect.

The envelope is `{"error": {"code", "message", "status", "details"}}`, also as the only entry of a list
(https://cloud.google.com/apis/design/errors). A wait stands in a detail of type `RetryInfo`, as `34.07s`.
"""

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Raw

from podium.errors import Overloaded, PodiumError, ProviderError, RefusedError, Rejected
from podium.wires.member import BROKEN, decode_any, encode
from podium.wires.refusal import kind_of
from podium.wires.retry import wait_of

_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "FAILED_PRECONDITION",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    413: "INVALID_ARGUMENT",
    422: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_CODES = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ABORTED": 409,
    "ALREADY_EXISTS": 409,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "INTERNAL": 500,
    "UNKNOWN": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
_TYPE = "type.googleapis.com/google.rpc."
_BAD_KEY = ("API_KEY_INVALID", "API_KEY_EXPIRED", "ACCESS_TOKEN_EXPIRED")
_SECONDS = re.compile(r"(\d{1,6}(?:\.\d*)?)s")


def read_error(status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
    """What an error response means: `Overloaded` where another try may help, else `Rejected`, or its `Overlong`.

    A key that is not accepted is told by Google with the status 400; it is given the status 401.
    """
    found = _described(body)
    details = _details(found)
    if status == 400 and any(each.get("reason") in _BAD_KEY for each in details):
        status = 401
    message = found.get("message")
    if not isinstance(message, str) or not message:
        message = f"The model's host answered with status {status}."
    kind = kind_of(status, message)
    after = wait_of(headers)
    return kind(message, status=status, after=_wait(details) if after is None else after, body=body)


def read_inline_error(error: Raw) -> ProviderError:
    """What an error inside an answer of status 200 means. One that says nothing of its kind is the host's failure."""
    body = b'{"error":' + bytes(error) + b"}"
    found = _described(body)
    code = found.get("code")
    if isinstance(code, bool) or not isinstance(code, int) or not 400 <= code <= 599:
        code = _CODES.get(str(found.get("status")), 0)
    if not code:
        message = found.get("message")
        return Overloaded(message if isinstance(message, str) else None, body=body)
    return read_error(code, {}, body)


def write_error(status: int, error: PodiumError) -> bytes:
    """The body of an error response: the host's own error object where it refused the request in this dialect."""
    if isinstance(error, Rejected) and error.status not in (401, 403) and (own := _own_object(error.body)):
        return encode({"error": {**own, "code": status}})
    message = error.text
    if isinstance(error, ProviderError) and error.status in (401, 403):
        message = "The model's host did not accept the key that this server holds for it."
    word = _STATUSES.get(status) or ("INTERNAL" if status >= 500 else "INVALID_ARGUMENT")
    details: list[dict[str, object]] = [
        {"@type": f"{_TYPE}ErrorInfo", "reason": error.code.upper(), "domain": "podium"}
    ]
    if error.param is not None:
        violation = {"field": error.param, "description": error.message}
        details.append({"@type": f"{_TYPE}BadRequest", "fieldViolations": [violation]})
    if isinstance(error, ProviderError | RefusedError) and error.after is not None:
        details.append({"@type": f"{_TYPE}RetryInfo", "retryDelay": f"{error.after:g}s"})
    return encode({"error": {"code": status, "message": message, "status": word, "details": details}})


def _own_object(body: bytes) -> dict[str, Any] | None:
    found = _described(body)
    return found if isinstance(found.get("message"), str) and isinstance(found.get("status"), str) else None


def _described(body: bytes) -> dict[str, Any]:
    """The error object, out of its envelope; a text in its place is its message."""
    try:
        document = decode_any(body)
    except BROKEN:
        text = body.decode("utf-8", "replace").strip()
        return {"message": text[:500]} if text and not text.startswith("<") else {}
    if isinstance(document, list) and document:
        document = document[0]
    if not isinstance(document, dict):
        return {"message": document} if isinstance(document, str) else {}
    inner = document.get("error")
    if isinstance(inner, dict):
        return inner
    return {"message": inner} if isinstance(inner, str) else document


def _details(error: dict[str, Any]) -> list[dict[str, Any]]:
    details = error.get("details")
    return [each for each in details if isinstance(each, dict)] if isinstance(details, list) else []


def _wait(details: list[dict[str, Any]]) -> float | None:
    for each in details:
        told = _SECONDS.fullmatch(str(each.get("retryDelay", "")))
        if told:
            return wait_of({"retry-after": told[1].rstrip(".")})
    return None
