"""What the gate knows of one request, kept in its ASGI scope from its arrival to its answer."""

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qs

from podium.api.correlation import request_id
from podium.errors import PodiumError, Unauthenticated
from podium.identity import Principal
from podium.vocabulary.cost import CostInfo

Access = Literal["open", "member", "admin", "operator"]
"""Who may call a route: anybody, any key, an admin's key, the operator's key alone."""

Refuse = Callable[[int, PodiumError], bytes]
"""A door's way to write an error: HTTP status and error to a JSON body."""

Scope = MutableMapping[str, Any]


def shed_nothing(_scope: Scope) -> None:
    """Where there is room for every turn."""


_SCOPE_KEY = "podium.passage"
_SINGLE = frozenset(
    (
        b"authorization",
        b"x-api-key",
        b"x-goog-api-key",
        b"x-podium-priority",
        b"x-podium-tenant",
        b"x-request-id",
        b"content-length",
        b"transfer-encoding",
    )
)


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes and times in seconds beyond which the gate refuses.

    `body_seconds` is for receiving a body; `handler_seconds` for the whole of a handler that does not stream. `shed`
    raises Overwhelmed where a request is not even to be read.
    """

    header_bytes: int = 32 << 10
    body_bytes: int = 32 << 20
    body_seconds: float = 30.0
    handler_seconds: float = 30.0
    shed: Callable[[Scope], None] = shed_nothing


class Passage:
    """One request on its way. The one mutable value of a request: each station adds what it found.

    `found` are its headers, of each name the last. `refuse` is how the route's dialect says an error (None: natively),
    `astray` how it is said where there is no route, `started` whether an answer has begun, `turn` the id of the turn
    that an error belongs to, `told` the headers that tell of that turn, `cost` what it came to.
    """

    __slots__ = (
        "_query",
        "astray",
        "cost",
        "found",
        "header_bytes",
        "id",
        "principal",
        "refuse",
        "repeated",
        "started",
        "told",
        "turn",
    )

    def __init__(self, headers: list[tuple[bytes, bytes]], query: bytes = b"") -> None:
        self.found: Mapping[bytes, bytes] = dict(headers)
        self.repeated = len(self.found) < len(headers) and _is_repeated(headers)
        self.header_bytes = sum([len(name) + len(value) for name, value in headers])
        self._query = query
        self.id = request_id(self.found.get(b"x-request-id"))
        self.principal: Principal | None = None
        self.refuse: Refuse | None = None
        self.started = False
        self.turn: str | None = None
        self.told: Mapping[str, str] = {}
        self.cost: CostInfo | None = None
        self.astray: Refuse | None = None

    def key(self) -> str:
        """The API key that was presented: a bearer token, `x-api-key`, `x-goog-api-key`, or `?key=`.

        Raises:
            Unauthenticated: there is none, or more than one.
        """
        if self.repeated:
            raise Unauthenticated("A header that may stand once was sent twice.")
        bearer = self.found.get(b"authorization")
        if bearer is not None:
            scheme, _, key = bearer.partition(b" ")
            if scheme.lower() == b"bearer" and key:
                return key.strip().decode("latin-1")
        for name in (b"x-api-key", b"x-goog-api-key"):
            if name in self.found:
                return self.found[name].decode("latin-1")
        if b"key=" in self._query:
            for given in parse_qs(self._query.decode("latin-1")).get("key", ()):
                return given
        raise Unauthenticated(
            "No API key was given.", hint='Send it as the header "Authorization: Bearer …" or "x-api-key: …".'
        )

    def tenant_name(self) -> str | None:
        """The tenant that the request names in `x-podium-tenant`, as the operator may."""
        named = self.found.get(b"x-podium-tenant")
        return None if named is None else named.decode("utf-8", "replace").strip()

    def body_bytes(self) -> int | None:
        """The announced size of the body; 0 where there is none, None where it comes in chunks."""
        announced = self.found.get(b"content-length")
        if announced is not None and announced.isdigit():
            return int(announced)
        return None if b"transfer-encoding" in self.found else 0


def _is_repeated(headers: list[tuple[bytes, bytes]]) -> bool:
    """Whether a header came twice that may stand once."""
    names = [name for name, _ in headers if name in _SINGLE]
    return len(set(names)) < len(names)


def enter(scope: Scope) -> Passage:
    """Begin a request's passage. What its query names and leaves empty is not given."""
    if scope["query_string"]:
        scope["query_string"] = _given(scope["query_string"])
    passage = scope[_SCOPE_KEY] = Passage(scope["headers"], scope["query_string"])
    return passage


def _given(query: bytes) -> bytes:
    """The query's members that have a value, as they were sent."""
    return b"&".join([member for member in query.split(b"&") if member.partition(b"=")[2]])


def passage_of(scope: Scope) -> Passage:
    """The passage of this request."""
    passage: Passage = scope[_SCOPE_KEY]
    return passage


def principal_of(scope: Scope) -> Principal:
    """Who asks. Only routes that are not `open` may call it.

    Raises:
        Unauthenticated: the route is open and nobody was asked who they are.
    """
    principal = passage_of(scope).principal
    if principal is None:
        raise Unauthenticated
    return principal
