"""A client of the HTTP API for commands: one connection a call, by the standard library, which loads quickly."""

import http.client
import json
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import podium
from podium.errors import InvalidRequest, PodiumError

Json = dict[str, Any]
Event = dict[str, Any]
"""An event of a turn: `seq`, `type`, and the type's own members."""

_CONNECT_SECONDS = 5.0
_SILENT_SECONDS = 45.0  # three heartbeats of a stream


class Refused(PodiumError):
    """The server refuses."""

    def __init__(self, status: int, told: Json) -> None:
        code = told.get("code")
        message = told.get("message") or f"The server answered with status {status}."
        super().__init__(
            f"{message} ({code})" if code else message, param=told.get("param"), hint=told.get("hint")
        )
        self.status = status


class Unanswered(PodiumError):
    """The server cannot be reached, or the connection to it broke."""


@dataclass(frozen=True, slots=True)
class Client:
    """A server's URL and the key to it."""

    url: str
    key: str = field(repr=False)

    def ask(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401  # any JSON
        """Call, and read the whole answer.

        Raises:
            Refused: the server says no, and why.
            Unanswered: it says nothing.
        """
        with self._translated(), closing(self._connect()) as connection:
            return json.loads(self._send(connection, method, path, body).read())

    def listen(
        self, method: str, path: str, body: object = None, *, once: str | None = None
    ) -> Generator[Event, None, None]:
        """Call, and read events as they come, as long as the connection lives. `once`: an idempotency key.

        Raises:
            Refused, Unanswered: as `ask`; the end of the stream itself says nothing.
        """
        headers = {"accept": "text/event-stream", **({"idempotency-key": once} if once else {})}
        with self._translated(), closing(self._connect()) as connection:
            for line in self._send(connection, method, path, body, headers):
                if line.startswith(b"data: ") and line.endswith(b"\n"):
                    yield json.loads(line[6:])

    def pages(self, path: str) -> Iterator[Json]:
        """Everything on a list, page by page."""
        page = self.ask("GET", f"{path}?limit=100")
        yield from page["data"]
        while page["next"]:
            page = self.ask("GET", f"{path}?limit=100&after={page['next']}")
            yield from page["data"]

    def _connect(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidRequest(f"{self.url!r} is no URL.", hint="It begins with http:// or https://.")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.hostname, parts.port, timeout=_CONNECT_SECONDS)
        connection.connect()
        connection.sock.settimeout(_SILENT_SECONDS)
        return connection

    def _send(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: object,
        headers: dict[str, str] | None = None,
    ) -> http.client.HTTPResponse:
        sent = {
            "authorization": f"Bearer {self.key}",
            "user-agent": f"podium/{podium.__version__}",
            **(headers or {}),
        }
        if body is not None:
            sent["content-type"] = "application/json"
        data = None if body is None else json.dumps(body).encode()
        connection.request(method, urlsplit(self.url).path.rstrip("/") + path, data, sent)
        response = connection.getresponse()
        if not 200 <= response.status < 300:
            raise Refused(response.status, _error_of(response.read()))
        return response

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (OSError, http.client.HTTPException) as error:
            raise Unanswered(f"The server at {self.url} does not answer: {_reason(error)}.") from error
        except ValueError as error:
            raise Unanswered(f"What answers at {self.url} is not Podium.") from error


def _error_of(body: bytes) -> Json:
    try:
        told = json.loads(body)["error"]
    except (ValueError, KeyError, TypeError):
        return {}
    return told if isinstance(told, dict) else {}


def _reason(error: OSError | http.client.HTTPException) -> str:
    if isinstance(error, TimeoutError):
        return "it is silent"
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
