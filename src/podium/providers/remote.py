"""A host called over HTTP. All `Remote`s of a process share one client session, which `app` opens and closes."""

import asyncio
import io
import logging
from collections.abc import AsyncGenerator, Mapping
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from msgspec import Struct
from typing_extensions import override
from yarl import URL

import podium
from podium.catalogue.endpoint import Endpoint
from podium.catalogue.profile import Profile
from podium.errors import Garbled, Inexpressible, OperatorError, ProviderError, Rejected, Unreachable
from podium.kit import clock
from podium.kit.deadline import Deadline
from podium.providers.body import Body, Bounds
from podium.providers.failure import printable, redact, translated
from podium.providers.provider import Call
from podium.vocabulary.event import Decided, Delta, Spoken
from podium.vocabulary.request import Request
from podium.wires.wire import AnswerReader, Counting, Outgoing, Wire

if TYPE_CHECKING:
    from aiohttp.tracing import Trace

_MOST_ERROR_BYTES = 64 << 10
_LARGE_REQUEST = 1 << 20  # bytes: beyond it aiohttp wants to send piece by piece

_log = logging.getLogger(__name__)
_ATTEMPT = "x-podium-attempt"  # so that an operator finds in a host's log what stands in the ledger


def open_client(*, keep_alive: float = 15.0) -> aiohttp.ClientSession:
    """The HTTP client for all hosts; to be called in a running loop, and to be closed by who opened it.

    Idle connections live for `keep_alive` seconds, less than hosts keep them, so that reuse seldom meets a closing
    one. No cookies, no proxies from the environment, no limits or timeouts of aiohttp's own.
    """
    return aiohttp.ClientSession(
        connector=_Connector(keep_alive=keep_alive),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"user-agent": f"podium/{podium.__version__}", "accept-encoding": "identity"},
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None, sock_read=None),
        trust_env=False,
    )


class _Trip:
    """What is known of one request's connection; whoever asks for one finds it in the context."""

    __slots__ = ("is_connected", "is_reused")

    def __init__(self) -> None:
        self.is_connected = False
        self.is_reused = True


_TRIP: ContextVar[_Trip] = ContextVar("trip")


class _Handler(ResponseHandler):
    """aiohttp's, which after each piece that is read resumes what was never paused: parser, timers and transport."""

    @override
    def resume_reading(self, resume_parser: bool = True) -> None:
        if self._reading_paused:
            super().resume_reading(resume_parser)


class _Connector(aiohttp.TCPConnector):
    """aiohttp's, which notes what becomes of each request's connection: its tracing takes a dozen awaits for that."""

    def __init__(self, *, keep_alive: float) -> None:
        super().__init__(limit=0, keepalive_timeout=keep_alive)
        handler: type[ResponseHandler] = _Handler
        self._factory = partial(handler, loop=self._loop)

    @override
    async def connect(
        self, req: aiohttp.ClientRequest, traces: list["Trace"], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        connection = await super().connect(req, traces, timeout)
        _TRIP.get().is_connected = True
        return connection

    @override
    async def _create_connection(
        self, req: aiohttp.ClientRequest, traces: list["Trace"], timeout: aiohttp.ClientTimeout
    ) -> ResponseHandler:
        _TRIP.get().is_reused = False
        return await super()._create_connection(req, traces, timeout)


class Count(Struct, frozen=True):
    """How many tokens a request would be, and the host's whole answer that says so."""

    tokens: int
    body: bytes


class Remote:
    """One model at one endpoint.

    Raises, from `stream`, besides what the wire raises: Unreachable (no connection, nothing was sent), TimedOut
    (silence, or the deadline), Truncated (the answer broke off), Rejected (a redirect), Garbled (not an answer).
    """

    def __init__(
        self, session: aiohttp.ClientSession, wire: Wire, endpoint: Endpoint, profile: Profile
    ) -> None:
        """Checks what is sent with each call.

        Raises:
            OperatorError: the endpoint's URL, proxy or headers cannot be used.
        """
        self._session = session
        self._wire = wire
        self._endpoint = endpoint
        self._profile = profile
        self._base = _checked_url(endpoint)
        self._headers = _checked_headers(endpoint, {**wire.authorize(endpoint), **endpoint.headers})
        self._secrets = _secrets(endpoint, self._headers)
        self._where = f"{endpoint.name} ({URL(self._base).host})"
        self._connecting = aiohttp.ClientTimeout(total=None, connect=endpoint.patience.connect)

    async def stream(self, request: Request, call: Call, /) -> AsyncGenerator[Spoken, None]:
        """Ask, and yield the deltas as they come. Closing the generator closes the connection at once."""
        outgoing = self._wire.write_request(request, self._profile, self._endpoint)
        if outgoing.dropped:
            yield self._unsaid(outgoing.dropped, strict=call.strict)
        bounds = self._bounds(call, streams=request.stream and self._profile.streaming)
        until = min(bounds.first_byte_at, bounds.ends_at)
        response = await self._ask(outgoing, until, call.attempt)
        body = Body(response.content, bounds)
        data = b""
        try:
            kind = await self._accepted(response, body)
            reader = self._wire.reader(kind)
            unspoken, most = 0, self._most_unspoken(kind)
            while data := await body.read():
                deltas = reader.feed(data)
                unspoken = 0 if deltas else unspoken + len(data)
                if unspoken > most:
                    raise _oversized(self._where, most)
                for delta in deltas:
                    yield delta
                if reader.done:
                    body.linger()
            while deltas := _closing_deltas(reader, body):
                for delta in deltas:
                    yield delta
        except ProviderError as error:
            if isinstance(error, Garbled):
                _log.debug(
                    "providers.garbled endpoint=%s data=%s",
                    self._endpoint.name,
                    printable(data, self._secrets),
                )
            redact(error, self._secrets)
            raise
        finally:
            body.close()
            response.close()

    async def count(self, request: Request, call: Call, /) -> Count | None:
        """The host's own count of a request's tokens; None where hosts of this wire do not count.

        Raises:
            Inexpressible: the wire cannot say the request.
            ProviderError: the host gave no count.
        """
        if not isinstance(self._wire, Counting):
            return None
        outgoing = self._wire.write_count(request, self._profile)
        bounds = self._bounds(call, streams=False)
        response = await self._ask(outgoing, bounds.first_byte_at, None)
        body = Body(response.content, bounds)
        try:
            await self._accepted(response, body)
            told = bytearray()
            while data := await body.read():
                told += data
            if body.broken is not None:
                raise body.broken
            return Count(self._wire.read_count(bytes(told)), bytes(told))
        except ProviderError as error:
            redact(error, self._secrets)
            raise
        finally:
            body.close()
            response.close()

    def _unsaid(self, members: tuple[str, ...], *, strict: bool) -> Decided:
        if strict:
            raise Inexpressible(
                f"{self._profile.name} cannot be told {', '.join(members)}, and the request is strict.",
                param=members[0],
                hint="Leave them out, name another model, or do without x-podium-strict.",
            )
        return Decided(
            step="translate",
            chosen=self._profile.name,
            reason=f"its wire, {self._wire.name}, cannot say all of the request",
            dropped=members,
        )

    def _bounds(self, call: Call, *, streams: bool) -> Bounds:
        """The endpoint's patience as moments of the event loop's clock.

        A host that is not asked to stream is silent until it is done: its first byte may take as long as the whole.
        """
        patience, now = self._endpoint.patience, asyncio.get_running_loop().time()
        left = min(patience.total, call.deadline - clock.monotonic())
        if left <= 0:
            raise _late(f"There was no time left to ask {self._where}. Nothing was sent.")
        first_byte = patience.first_byte if streams else patience.total
        return Bounds(self._where, now + first_byte, patience.idle, now + left, patience.body_bytes)

    async def _ask(self, outgoing: Outgoing, until: float, attempt: str | None) -> aiohttp.ClientResponse:
        """Send the request and wait for the answer's headers.

        A kept connection that the host closes just as it is used again gets one more chance on another.
        """
        marked = {**outgoing.headers, **self._headers}
        if attempt is not None:
            marked.setdefault(_ATTEMPT, attempt)
        trip = _Trip()
        _TRIP.set(trip)
        try:
            with Deadline(until - asyncio.get_running_loop().time()):
                try:
                    return await self._post(outgoing, marked)
                except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
                    if not trip.is_reused or _has_begun(error):
                        raise
                    _log.debug("providers.connection_was_stale endpoint=%s", self._endpoint.name)
                return await self._post(outgoing, marked)
        except (aiohttp.ClientError, OSError) as error:
            if isinstance(error, TimeoutError) and not trip.is_connected:
                raise Unreachable(f"No connection to {self._where} in time. Nothing was sent.") from None
            raise translated(error, self._where) from None

    async def _post(self, outgoing: Outgoing, headers: dict[str, str]) -> aiohttp.ClientResponse:
        body = outgoing.body
        return await self._session.post(
            URL(self._base + outgoing.path, encoded=True),
            data=io.BytesIO(body) if len(body) > _LARGE_REQUEST else body,
            headers=headers,
            allow_redirects=False,
            proxy=self._endpoint.proxy,
            timeout=self._connecting,
        )

    async def _accepted(self, response: aiohttp.ClientResponse, body: Body) -> str:
        """The content type of an answer; raises what another status means."""
        if not 200 <= response.status < 300:
            raise await self._refusal(response, body)
        return _checked_type(response, self._where)

    async def _refusal(self, response: aiohttp.ClientResponse, body: Body) -> ProviderError:
        """What an answer other than 2xx means, from as much of its body as is worth reading."""
        if response.status < 400:
            return Rejected(
                f"{self._where} answered with a redirect ({response.status}), which is not followed.",
                status=response.status,
                hint=f"Set base_url of [endpoints.{self._endpoint.name}] to where the host really is.",
            )
        told = bytearray()
        while len(told) < _MOST_ERROR_BYTES and (data := await body.read()):
            told += data
        headers = {name.lower(): value for name, value in response.headers.items()}
        return self._wire.read_error(response.status, headers, bytes(told[:_MOST_ERROR_BYTES]))

    def _most_unspoken(self, kind: str) -> int:
        """How many bytes may come without any delta: one event of a stream, or a whole document."""
        patience = self._endpoint.patience
        return patience.event_bytes if "event-stream" in kind else patience.body_bytes


def _closing_deltas(reader: AnswerReader, body: Body) -> list[Delta]:
    """More of the end of an answer, until there is none. A body that broke off after its last word is forgiven."""
    try:
        return reader.close()
    except ProviderError:
        if body.broken is not None:
            raise body.broken from None
        raise


def _checked_type(response: aiohttp.ClientResponse, where: str) -> str:
    """The content type. A page for people is a captive portal's, a proxy's or a wrong address's."""
    kind: str = response.headers.get("content-type", "").lower()
    if "html" in kind:
        raise Garbled(f"{where} answered with a web page.", status=response.status)
    return kind


def _checked_url(endpoint: Endpoint) -> str:
    for member, value in (("base_url", endpoint.base_url), ("proxy", endpoint.proxy)):
        if value is None:
            continue
        try:
            url = URL(value)
        except ValueError:
            url = URL()
        if url.scheme not in ("http", "https") or not url.host:
            raise OperatorError(
                f"{member} of the endpoint {endpoint.name} is not a URL.",
                param=f"endpoints.{endpoint.name}.{member}",
                hint="It begins with http:// or https:// and names a host.",
            )
    return str(URL(endpoint.base_url)).rstrip("/")


def _checked_headers(endpoint: Endpoint, headers: Mapping[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not (value.isprintable() and value.isascii()):
            raise OperatorError(
                f"The header {name} of the endpoint {endpoint.name} holds a character that no header may hold.",
                param=f"endpoints.{endpoint.name}",
                hint="Often it is a line break at the end of the API key.",
            )
    return dict(headers)


def _secrets(endpoint: Endpoint, headers: Mapping[str, str]) -> tuple[str, ...]:
    """What must not be repeated: the key, and the values of headers long enough to be one; longest first."""
    told = {endpoint.api_key, *headers.values()} - {None}
    return tuple(sorted((each for each in told if each and len(each) >= 8), key=len, reverse=True))


def _has_begun(error: aiohttp.ClientError) -> bool:
    """Whether bytes of an answer came before the connection was lost."""
    return not isinstance(getattr(error, "message", ""), str)


def _late(message: str) -> Unreachable:
    error = Unreachable(message)
    error.retryable = False
    return error


def _oversized(where: str, most: int) -> Garbled:
    error = Garbled(f"{where} sent more than {most} bytes without an event in them.")
    error.retryable = False
    return error
