"""The outermost layer: what is true of every request and every answer, whatever route it takes.

A request gets its id; an answer carries it, and the headers that keep browsers careful. Whether a caller may use a
route is judged by the guard, on the route that was found, never on the path as sent.
"""

from collections.abc import Awaitable, Generator
from contextlib import contextmanager

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from podium.api.errors import Answered, HeadersTooLarge
from podium.api.passage import Access, Limits, Passage, enter
from podium.errors import Forbidden, TooLarge, Unavailable
from podium.identity import Keyring
from podium.kit.deadline import Deadline
from podium.kit.trace import REQUEST_ID

_CAREFUL = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
_UNSTORED = (b"cache-control", b"no-store")
"""What an answer may say otherwise by itself."""


class Gate:
    """Wraps the whole application. Costs one function call for each message of an answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = Answered(app)
        self._bare = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request through, and its answer out."""
        if scope["type"] != "http":
            await self._bare(scope, receive, send)
            return
        passage = enter(scope)
        REQUEST_ID.set(passage.id)

        def sending(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                passage.started = True
                message["headers"] = _headers(message.get("headers", ()), passage.id)
            return send(message)

        await self._app(scope, receive, sending)


class Guard:
    """Decides whether a request may use the route that was found for it."""

    def __init__(self, keyring: Keyring, limits: Limits) -> None:
        self._keyring = keyring
        self.limits = limits

    async def admit(self, passage: Passage, access: Access) -> None:
        """Find the principal and check it against the route's access, and the announced size of the body.

        Raises:
            Unauthenticated: no key, or none of ours.
            Forbidden: the route is for admins, or for the operator.
            Unknown: another tenant was named.
            TooLarge: the headers are beyond the limit, or the body is announced to be.
        """
        if passage.header_bytes > self.limits.header_bytes:
            raise HeadersTooLarge(f"The headers are larger than {self.limits.header_bytes} bytes.")
        if access != "open":
            principal = await self._keyring.find(passage.key())
            named = passage.tenant_name()
            if named is not None:
                principal = await self._keyring.act_in(principal, named)
            if access == "admin" and not principal.is_admin:
                raise Forbidden("This needs an admin's key.")
            if access == "operator" and not principal.is_operator:
                raise Forbidden("This needs the operator's key.")
            passage.principal = principal
        if (passage.body_bytes() or 0) > self.limits.body_bytes:
            raise TooLarge(f"The body is larger than {self.limits.body_bytes} bytes.")


@contextmanager
def within(seconds: float) -> Generator[None, None, None]:
    """Give up after so long.

    Raises:
        Unavailable: it took longer.
    """
    try:
        with Deadline(seconds):
            yield
    except TimeoutError:
        raise Unavailable(f"This was not done within {seconds:g} seconds.", after=1.0) from None


def _headers(given: list[tuple[bytes, bytes]], request_id: str) -> list[tuple[bytes, bytes]]:
    named = request_id.encode("ascii")
    # Both names: OpenAI's SDK reads the first, Anthropic's the second.
    headers = [*given, *_CAREFUL, (b"x-request-id", named), (b"request-id", named)]
    if _UNSTORED[0] not in [name for name, _ in given]:
        headers.append(_UNSTORED)
    return headers
