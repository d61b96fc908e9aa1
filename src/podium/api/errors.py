"""How errors become answers: the one table of statuses, the native shape, and the last handler.

A door's routes answer in the door's dialect; everything else natively:
`{"error": {"code", "message", "param", "hint", "turn_id"}}`.
"""

import logging
import re
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

import msgspec
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

from podium import errors
from podium.api.limit import limit_headers
from podium.api.passage import Passage, passage_of
from podium.errors import BugError, CallerError, PodiumError, ProviderError, RefusedError, TooLarge
from podium.store.failure import Again, BadItem

logger = logging.getLogger(__name__)


class MethodNotAllowed(CallerError):
    """This path does not take this method."""

    code = "method_not_allowed"


class HeadersTooLarge(TooLarge):
    """The headers are too large."""


STATUS: Final[dict[type[Exception], int]] = {
    CallerError: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.Unknown: 404,
    MethodNotAllowed: 405,
    errors.Conflict: 409,
    errors.Gone: 410,
    TooLarge: 413,
    errors.Mismatch: 422,
    HeadersTooLarge: 431,
    RefusedError: 503,
    errors.Busy: 409,
    errors.QueueFull: 429,
    errors.RateLimited: 429,
    errors.Cancelled: 409,
    errors.BudgetExceeded: 429,
    ProviderError: 502,
    errors.TimedOut: 504,
    errors.Overloaded: 503,
    errors.Unreachable: 503,
    errors.Exhausted: 503,
    errors.Lost: 503,
    BadItem: 400,
    Again: 503,
    PodiumError: 500,
}
"""Class → status; a class that is not listed has its nearest ancestor's."""

_HOST_SAYS_CALLER = frozenset((400, 404, 413, 422))
_RETRIED_BY_SDKS = frozenset((408, 409, 429))
_LONGEST_NAME = 200
_ITEMS = re.compile(r"(\d+) item(s?) after validation")  # of a text, in pydantic's words
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


def status_of(error: PodiumError) -> int:
    """The HTTP status of an error.

    A host's refusal of the request itself is the caller's business, under the host's own status, and so is its "too
    many requests"; its refusal of our key is not.
    """
    if isinstance(error, errors.Rejected) and error.status in _HOST_SAYS_CALLER:
        return error.status
    if isinstance(error, errors.Overloaded) and error.status == 429:
        return 429
    if isinstance(error, errors.Unreachable) and not error.retryable:
        return 502  # no TLS, say: coming again does not help
    return next(STATUS[each] for each in type(error).__mro__ if each in STATUS)


def headers_of(error: PodiumError, status: int) -> dict[str, str]:
    """What tells a client when to come back, or not to.

    The OpenAI and Anthropic SDKs try 408, 409, 429 and 5xx again unless `x-should-retry` says otherwise, after
    `retry-after-ms` or `retry-after`.
    """
    headers = {}
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    if status in _RETRIED_BY_SDKS or status >= 500:
        headers["x-should-retry"] = "true" if _is_passing(error) else "false"
    after: float | None = getattr(error, "after", None)
    if after is not None and 0 <= after < 1e6:
        headers["retry-after"] = str(-int(-after // 1))
        headers["retry-after-ms"] = str(-int(-after * 1000 // 1))
    if isinstance(error, errors.RateLimited):
        headers.update(limit_headers(error.standings))
    return headers


def _is_passing(error: PodiumError) -> bool:
    if isinstance(error, ProviderError | errors.Interrupted):
        return error.retryable
    return isinstance(error, RefusedError | errors.Lost | Again) and not isinstance(
        error, errors.Busy | errors.Cancelled | errors.BudgetExceeded
    )


def native(error: PodiumError, turn: str | None = None) -> bytes:
    """An error in Podium's own shape."""
    members = {
        "code": error.code,
        "message": error.message,
        "param": error.param,
        "hint": error.hint,
        "turn_id": turn,
    }
    return msgspec.json.encode({"error": members})


def answer(passage: Passage, error: PodiumError) -> Response:
    """The whole answer to a request that came to this error, in the dialect of its route."""
    error = _sayable(error)
    status = status_of(error)
    body = passage.refuse(status, error) if passage.refuse else native(error, passage.turn)
    return Response(
        body, status, {**passage.told, **headers_of(error, status)}, media_type="application/json"
    )


def _sayable(error: PodiumError) -> PodiumError:
    """The same error without what its class has no business to show, and without characters that UTF-8 has not."""
    if isinstance(error, BadItem):
        error = errors.InvalidRequest("The request holds data that cannot be stored.")
    elif isinstance(error, errors.OperatorError):
        error = BugError("The server is not set up rightly; its operator finds the reason in the log.")
    for name in ("message", "param", "hint"):
        text = getattr(error, name)
        if text is not None and not text.isascii():
            setattr(error, name, text.encode("utf-8", "replace").decode())
    return error


def translated(error: Exception) -> PodiumError | None:
    """A framework's error in our words; None if it is not one."""
    if isinstance(error, PodiumError):
        return error
    if isinstance(error, RequestValidationError):
        return _invalid(error.errors())
    if isinstance(error, HTTPException):
        return _from_status(error)
    return None


def _invalid(found: Sequence[Any]) -> PodiumError:
    first = found[0]
    if first["type"] == "json_invalid":
        return errors.InvalidRequest(
            f"The body is not valid JSON, at character {first['loc'][-1]}: {first['ctx']['error']}."
        )
    param = ".".join(str(step) for step in first["loc"][1:])[:_LONGEST_NAME] or None
    told = first["msg"].removeprefix("Value error, ")
    if isinstance(first.get("input"), str):
        told = _ITEMS.sub(r"\1 character\2", told)
    if param is None and first["type"] == "missing":
        told = "A JSON body is required"
    elif param is None and first["type"] == "model_attributes_type":
        told = 'The body must be a JSON object, sent as "content-type: application/json"'
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return errors.InvalidRequest(f"{param}: {told}{more}." if param else f"{told}{more}.", param=param)


def _from_status(error: HTTPException) -> PodiumError:
    if isinstance(error.__cause__, PodiumError):  # raised while a framework read the body
        return error.__cause__
    match error.status_code:
        case 404:
            return errors.Unknown("There is no such path.", hint="GET /openapi.json lists all paths.")
        case 405:
            return MethodNotAllowed()
        case 413:
            return TooLarge("The body is too large.")
        case status if status < 500:
            return errors.InvalidRequest("The body cannot be read.")
        case _:
            return BugError("Something went wrong inside the server.")


def _bug(passage: Passage) -> PodiumError:
    return BugError(
        "Something went wrong inside the server.", hint=f"Its log has the details under {passage.id}."
    )


def _log(scope: Scope, error: Exception) -> None:
    """Tell the operator. The path is logged without its query, and no header: keys may stand there."""
    path = ascii(scope["path"])[:_LONGEST_NAME]
    logger.error("request.failed %s %s (%s)", scope["method"], path, passage_of(scope).id, exc_info=error)


def _response(passage: Passage, error: Exception) -> Response:
    if isinstance(error, HTTPException) and error.status_code == 404:
        passage.refuse = passage.refuse or passage.astray
    response = answer(passage, translated(error) or _bug(passage))
    if isinstance(error, HTTPException) and error.headers:
        response.headers.update(error.headers)
    return response


class Answered:
    """Wraps an application: whatever it raises becomes an answer, if none has begun; what nobody foresaw is logged."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        passage = passage_of(scope)
        try:
            await self._app(scope, receive, send)
        except ClientDisconnect:
            return
        except Exception as error:
            if passage.started or translated(error) is None:
                _log(scope, error)
            if not passage.started:
                await _response(passage, error)(scope, receive, send)


async def _handle(request: Request, error: Exception) -> Response:
    response = _response(passage_of(request.scope), error)
    if response.status_code == 405:  # the framework names the methods of one route, where a path has several
        response.headers["allow"] = ", ".join(each for each in _METHODS if _takes(request, each))
    return response


def _takes(request: Request, method: str) -> bool:
    asked = {**request.scope, "method": method}
    return any(route.matches(asked)[0] is Match.FULL for route in request.app.routes)


def handlers() -> dict[int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]]:
    """What FastAPI is told, so that its own idea of an error is never seen.

    It raises what it did not foresee once more after its answer; `Answered` logs it then.
    """
    return dict.fromkeys((PodiumError, RequestValidationError, HTTPException, Exception), _handle)
