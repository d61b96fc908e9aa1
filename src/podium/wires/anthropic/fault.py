"""Errors: what a host's error means, and how ours are told in this dialect.

The envelope is `{"type": "error", "error": {"type", "message", "details"?}, "request_id"}`
(https://docs.claude.com/en/api/errors); hosts that only speak the dialect send others.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Raw

from podium.errors import Overloaded, PodiumError, ProviderError, Rejected
from podium.wires.member import BROKEN, decode_any, encode
from podium.wires.refusal import kind_of
from podium.wires.retry import wait_of

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_STATUSES = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
_MONEY = ("billing_error", "spend_limit", "insufficient_quota", "budget")


def read_error(status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
    """What an error response means: `Overloaded` where another try may help, else `Rejected`, or its `Overlong`."""
    found = _described(body)
    kind = kind_of(status, found.get("message"))
    message = found.get("message") or f"The model's host answered with status {status}."
    error = kind(message, status=status, after=wait_of(headers), body=body)
    if kind is Overloaded and any(word in found.get("type", "") + found.get("code", "") for word in _MONEY):
        error.retryable = False
    return error


def read_inline_error(document: Raw) -> ProviderError:
    """What an error inside an answer of status 200 means. One that says nothing of its kind is the host's failure."""
    body = bytes(document)
    found = _described(body)
    status = _STATUSES.get(found.get("type", ""))
    if status is None:
        return Overloaded(found.get("message"), body=body)
    return read_error(status, {}, body)


def write_error(status: int, error: PodiumError) -> bytes:
    """The body of an error response: the host's own error object where it refused the request in this dialect.

    The shape has no place for the member that an error is about: it stands before the message, as Anthropic writes it.
    """
    if isinstance(error, Rejected) and error.status not in (401, 403) and (own := _own_error(error.body)):
        return encode({"type": "error", "error": own})
    message = error.text
    if error.param and not isinstance(error, ProviderError) and not _names(error.message, error.param):
        message = f"{error.param}: {message}"
    if isinstance(error, ProviderError) and error.status in (401, 403):
        message = "The model's host did not accept the key that this server holds for it."
    kind = _TYPES.get(status) or ("api_error" if status >= 500 else "invalid_request_error")
    return encode({"type": "error", "error": {"type": kind, "message": message}})


def _names(message: str, member: str) -> bool:
    return f"`{member}`" in message or message.startswith(f"{member}:")


def _own_error(body: bytes) -> dict[str, Any] | None:
    try:
        document = decode_any(body)
    except BROKEN:
        return None
    if not isinstance(document, dict) or document.get("type") != "error":
        return None
    found = document.get("error")
    good = (
        isinstance(found, dict)
        and isinstance(found.get("message"), str)
        and isinstance(found.get("type"), str)
    )
    return found if good else None


def _described(body: bytes) -> dict[str, str]:
    """Message, type and code, those that are there, out of any envelope."""
    try:
        document = decode_any(body)
    except BROKEN:
        text = body.decode("utf-8", "replace").strip()
        return {"message": text[:500]} if text and not text.startswith("<") else {}
    if isinstance(document, str):
        return {"message": document}
    if not isinstance(document, dict):
        return {}
    inner = document.get("error")
    if isinstance(inner, str):
        return {"message": inner}
    error: dict[str, Any] = inner if isinstance(inner, dict) else document
    found = {name: error[name] for name in ("type", "message") if isinstance(error.get(name), str)}
    details = error.get("details")
    if isinstance(details, dict) and isinstance(details.get("error_code"), str):
        found["code"] = details["error_code"]
    if "message" not in found and isinstance(document.get("detail"), str):
        found["message"] = document["detail"]
    return found
