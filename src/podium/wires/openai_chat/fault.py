"""Errors: what a host's error means, and how ours are told in this dialect.

Hosts of this wire use nine envelopes between them; all are looked into for a message, a type, a code and a member.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Raw

from podium.errors import Overloaded, Overlong, PodiumError, ProviderError, Rejected
from podium.wires.openai_chat.member import BROKEN, decode_any, encode
from podium.wires.refusal import kind_of
from podium.wires.retry import wait_of

_TYPES = {
    400: "invalid_request_error",
    401: "invalid_request_error",
    402: "insufficient_quota",
    403: "permission_error",
    404: "invalid_request_error",
    409: "conflict_error",
    413: "invalid_request_error",
    422: "invalid_request_error",
    429: "rate_limit_error",
}
_MONEY = (
    "insufficient_quota",
    "credit_balance_exhausted",
    "spend_limit_exceeded",
    "usage_limit_exceeded",
    "budget",
)
_NAMES = {
    "server_error": 500,
    "internal_server_error": 500,
    "api_error": 500,
    "overloaded_error": 503,
    "service_unavailable": 503,
    "rate_limit": 429,
    "insufficient_quota": 429,
    "invalid_request_error": 400,
    "context_length_exceeded": 400,
    "content_filter": 400,
    "invalid_api_key": 401,
    "authentication_error": 401,
    "permission": 403,
    "not_found": 404,
}


def read_error(status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
    """What an error response means: `Overloaded` where another try may help, else `Rejected`, or its `Overlong`."""
    found = _described(body)
    kind = kind_of(status, *found.values())
    message = found.get("message") or f"The model's host answered with status {status}."
    error = kind(message, status=status, after=wait_of(headers), body=body, param=found.get("param"))
    if kind is Overloaded and any(word in found.get("code", "") + found.get("type", "") for word in _MONEY):
        error.retryable = False
    return error


def read_inline_error(error: Raw) -> ProviderError:
    """What an error inside an answer of status 200 means. One that says nothing of its kind is the host's failure."""
    body = b'{"error":' + bytes(error) + b"}"
    found = _described(body)
    status = _status_of(found)
    if status is None:
        return Overloaded(found.get("message"), body=body, param=found.get("param"))
    return read_error(status, {}, body)


def write_error(status: int, error: PodiumError) -> bytes:
    """The body of an error response: the host's own error object where it refused the request in this dialect.

    Clients know a request that is too long by its code; a host that has codes as OpenAI does keeps its own.
    """
    if isinstance(error, Rejected) and error.status not in (401, 403) and (own := _own_object(error)):
        return encode({"error": own})
    message = error.text
    if isinstance(error, ProviderError) and error.status in (401, 403):
        message = "The model's host did not accept the key that this server holds for it."
    kind = _TYPES.get(status) or ("server_error" if status >= 500 else "invalid_request_error")
    if status == 429 and any(word in error.code for word in _MONEY):
        kind = "insufficient_quota"
    return encode({"error": {"message": message, "type": kind, "param": error.param, "code": error.code}})


def _own_object(error: Rejected) -> dict[str, Any] | None:
    try:
        document = decode_any(error.body)
    except BROKEN:
        return None
    found = document.get("error") if isinstance(document, dict) else None
    if not isinstance(found, dict) or not isinstance(found.get("message"), str):
        return None
    own = {"type": "invalid_request_error", "param": None, "code": None, **found}
    if isinstance(error, Overlong) and not isinstance(found.get("code", 0), str | None):
        own["code"] = error.code
    return own


def _described(body: bytes) -> dict[str, str]:
    """Message, type, code and param, those that are there, out of any envelope."""
    try:
        document = decode_any(body)
    except BROKEN:
        text = body.decode("utf-8", "replace").strip()
        return {"message": text[:500]} if text and not text.startswith("<") else {}
    if isinstance(document, list) and document:
        document = document[0]
    if isinstance(document, str):
        return {"message": document}
    if not isinstance(document, dict):
        return {}
    inner = document.get("error")
    error: dict[str, Any] = inner if isinstance(inner, dict) else document
    found = {
        name: str(error[name]) for name in ("type", "code", "param", "status") if error.get(name) is not None
    }
    message = _message(error, document)
    return {**found, "message": message} if message else found


def _message(error: dict[str, Any], document: dict[str, Any]) -> str | None:
    for text in (
        error.get("message"),
        document.get("error"),
        document.get("detail"),
        document.get("message"),
    ):
        if isinstance(text, str) and text:
            return _with_upstream(text, error)
        if isinstance(text, list | dict) and text and text is not error:
            return encode(text).decode()
    return None


def _with_upstream(text: str, error: dict[str, Any]) -> str:
    """OpenRouter keeps what the host behind it said in `metadata.raw`."""
    metadata = error.get("metadata")
    upstream = metadata.get("raw") if isinstance(metadata, dict) else None
    return f"{text}: {upstream}" if isinstance(upstream, str) and upstream else text


def _status_of(found: Mapping[str, str]) -> int | None:
    for name in ("code", "status"):
        word = found.get(name, "")
        if word.isdigit() and 400 <= int(word) <= 599:
            return int(word)
    for word in (
        found.get("code", "").lower(),
        found.get("type", "").lower(),
    ):  # a code says more than a type
        for name, status in _NAMES.items():
            if name in word:
                return status
    return None
