"""Hosts that fail, in every way of the fault model: what a `Remote` raises, how soon, and what it leaves behind."""

import asyncio
import resource
import socket
import ssl
from collections.abc import AsyncGenerator
from contextlib import closing
from pathlib import Path

import aiohttp
import pytest

from podium.catalogue.endpoint import Patience
from podium.errors import Garbled, Overloaded, ProviderError, Rejected, TimedOut, Truncated, Unreachable
from podium.simulator import Simulator
from tests.providers.calling import QUICK, client, endpoint, hear, remote
from tests.simulator.serving import simulator, wait_for, wait_until_idle

CERTIFICATE = Path(__file__).parent / "self_signed.pem"


@pytest.fixture
async def host() -> AsyncGenerator[Simulator, None]:
    async with simulator() as running:
        yield running


@pytest.fixture
async def session() -> AsyncGenerator[aiohttp.ClientSession, None]:
    async with client() as opened:
        yield opened


# ── no connection ────────────────────────────────────────────────────────────────────────────────────────


async def test_a_refused_connection_is_told_at_once(host: Simulator, session: aiohttp.ClientSession) -> None:
    heard = await hear(remote(session, endpoint(host.refusing_url)), "hello")
    error = heard.failure()
    assert isinstance(error, Unreachable)
    assert error.retryable
    assert "refused" in error.message
    assert heard.seconds < 2.0


async def test_an_unknown_host_name_is_told(session: aiohttp.ClientSession) -> None:
    patience = Patience(connect=5.0, first_byte=10.0)
    error = (
        await hear(remote(session, endpoint("http://no-such-host.invalid/v1", patience=patience)), "hi")
    ).failure()
    assert isinstance(error, Unreachable)
    assert "Nothing was sent" in error.message


async def test_a_host_that_does_not_accept_is_given_up(session: aiohttp.ClientSession) -> None:
    loop = asyncio.get_running_loop()
    with closing(socket.create_server(("127.0.0.1", 0), backlog=0)) as full:
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:  # fills the queue of connections that nobody accepts
            each.setblocking(False)
            asyncio.ensure_future(loop.sock_connect(each, ("127.0.0.1", port))).add_done_callback(
                lambda _: None
            )
        await asyncio.sleep(0)
        heard = await hear(remote(session, endpoint(f"http://127.0.0.1:{port}/v1")), "hello")
        for each in waiting:
            each.close()
    assert isinstance(heard.error, Unreachable)
    assert 0.2 < heard.seconds < 4.0


async def test_an_untrusted_certificate_is_told_and_not_tried_again(session: aiohttp.ClientSession) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    came: list[bytes] = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(await reader.read(1))
        writer.close()

    async with await asyncio.start_server(note, "127.0.0.1", 0, ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        error = (await hear(remote(session, endpoint(f"https://127.0.0.1:{port}/v1")), "hello")).failure()
    assert isinstance(error, Unreachable)
    assert not error.retryable
    assert "TLS" in error.message
    assert "self-signed" in error.message
    assert not any(came)


async def test_a_host_without_tls_is_told(host: Simulator, session: aiohttp.ClientSession) -> None:
    error = (await hear(remote(session, endpoint(host.url.replace("http:", "https:"))), "hello")).failure()
    assert isinstance(error, Unreachable)
    assert not error.retryable
    assert not host.oracle.calls


async def test_without_time_left_nothing_is_sent(host: Simulator, session: aiohttp.ClientSession) -> None:
    error = (await hear(remote(session, endpoint(host.url)), "hello", within=-1.0)).failure()
    assert isinstance(error, Unreachable)
    assert not error.retryable
    assert host.connections() == 0


# ── silence ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("rule", "least", "most"),
    [
        ("[[first=60]]", QUICK.first_byte, QUICK.first_byte + 3.0),
        ("[[fault hang after=request]]", QUICK.first_byte, QUICK.first_byte + 3.0),
        ("[[fault hang after=headers]]", QUICK.first_byte, QUICK.first_byte + 3.0),
        ("[[fault hang after=1]]", QUICK.idle, QUICK.idle + 3.0),
        ("[[fault hang after=4]]", QUICK.idle, QUICK.idle + 3.0),
    ],
)
async def test_silence_is_waited_out_and_no_longer(
    host: Simulator, session: aiohttp.ClientSession, rule: str, least: float, most: float
) -> None:
    heard = await hear(remote(session, endpoint(host.url)), rule)
    assert isinstance(heard.error, TimedOut)
    assert heard.error.retryable
    assert least <= heard.seconds < most
    assert await wait_for(lambda: not host.oracle.running and not host.connections()) < 0.5


async def test_what_was_said_before_the_silence_is_kept(
    host: Simulator, session: aiohttp.ClientSession
) -> None:
    heard = await hear(remote(session, endpoint(host.url)), "[[fault hang after=4]] one two three four")
    assert heard.text == "You said: one"
    assert not heard.answer.finished


@pytest.mark.parametrize("rule", ["[[fault drip bytes=1 every=0.05]]", "[[tokens=900 rate=20]]"])
async def test_a_dripping_host_meets_the_deadline(
    host: Simulator, session: aiohttp.ClientSession, rule: str
) -> None:
    heard = await hear(remote(session, endpoint(host.url)), rule, within=0.6)
    assert isinstance(heard.error, TimedOut)
    assert 0.5 < heard.seconds < 4.0
    await wait_for(lambda: host.connections() == 0)


async def test_a_host_that_does_not_stream_may_think_as_long_as_it_may_answer(
    host: Simulator, session: aiohttp.ClientSession
) -> None:
    heard = await hear(remote(session, endpoint(host.url), streaming=False), "[[first=0.5]] hello")
    assert heard.text == "You said: hello"


# ── broken answers ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("fault", ["reset", "close", "end"])
@pytest.mark.parametrize("chunks", [1, 3])
async def test_an_answer_cut_in_the_middle_is_truncated_and_its_beginning_kept(
    host: Simulator, session: aiohttp.ClientSession, fault: str, chunks: int
) -> None:
    heard = await hear(remote(session, endpoint(host.url)), f"[[fault {fault} after={chunks}]] a b c d e")
    assert isinstance(heard.error, Truncated)
    assert heard.text == "".join(["You", " said", ":", " a"][:chunks])
    served = await wait_until_idle(host, calls=1)
    assert served is not None
    assert (served.ended, served.output) == ("cut", chunks)


@pytest.mark.parametrize(
    "fault", ["reset after=request", "close after=request", "reset", "close", "end", "end after=99"]
)
@pytest.mark.parametrize("streaming", [True, False])
async def test_an_answer_without_its_end_is_never_a_success(
    host: Simulator, session: aiohttp.ClientSession, fault: str, streaming: bool
) -> None:
    heard = await hear(remote(session, endpoint(host.url), streaming=streaming), f"[[fault {fault}]] hello")
    assert isinstance(heard.error, Truncated)
    assert not heard.answer.finished
    assert heard.seconds < 2.0


async def test_a_document_cut_in_the_middle_is_truncated(
    host: Simulator, session: aiohttp.ClientSession
) -> None:
    for fault in ("reset", "close", "end"):
        heard = await hear(remote(session, endpoint(host.url), streaming=False), f"[[fault {fault} after=1]]")
        assert isinstance(heard.error, Truncated)


@pytest.mark.parametrize("closes", [True, False])
async def test_what_the_connection_does_after_the_last_word_does_no_harm(
    session: aiohttp.ClientSession, closes: bool
) -> None:
    chunk = b'data: {"id":"1","choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}\n\n'

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = chunk + b"data: [DONE]\n\n"
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        writer.write(head + b"%x\r\n%s\r\n" % (len(body), body))
        await writer.drain()
        if not closes:
            await reader.read()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        place = endpoint(f"http://127.0.0.1:{port}/v1", patience=Patience())
        heard = await hear(remote(session, place), "hello")
    assert heard.error is None
    assert heard.text == "hi"
    assert heard.seconds < 5.0


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("fault", ["garbage after=request", "bad-json", "bad-json after=2", "html"])
async def test_garbage_is_garbled_and_none_of_it_is_shown(
    host: Simulator, session: aiohttp.ClientSession, fault: str, streaming: bool
) -> None:
    heard = await hear(remote(session, endpoint(host.url), streaming=streaming), f"[[fault {fault}]]")
    assert isinstance(heard.error, Garbled)
    assert "garbage" not in heard.error.message
    assert "<html" not in heard.error.message
    assert heard.seconds < 2.0


async def test_garbage_between_events_is_never_passed_over(
    host: Simulator, session: aiohttp.ClientSession
) -> None:
    heard = await hear(remote(session, endpoint(host.url)), "[[fault garbage after=2]]")
    assert isinstance(heard.error, Garbled)


async def test_the_log_shows_the_beginning_of_garbage_escaped(
    host: Simulator, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="podium.providers.remote")
    await hear(remote(session, endpoint(host.url)), "[[fault bad-json after=2]]")
    (line,) = [record.getMessage() for record in caplog.records if "garbled" in record.getMessage()]
    assert '"broken"' in line
    assert "\n" not in line
    assert len(line) < 300


@pytest.mark.parametrize("fault", ["json", "sse", "gzip", "drip bytes=1"])
@pytest.mark.parametrize("streaming", [True, False])
async def test_an_answer_is_read_by_what_it_is(
    host: Simulator, session: aiohttp.ClientSession, fault: str, streaming: bool
) -> None:
    heard = await hear(remote(session, endpoint(host.url), streaming=streaming), f"[[fault {fault}]] grün €")
    assert heard.error is None
    assert heard.text == "You said: grün €"


# ── too much ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_event_without_end_is_cut_at_the_cap(
    host: Simulator, session: aiohttp.ClientSession
) -> None:
    place = endpoint(host.url, patience=Patience(event_bytes=100_000))
    error = (await hear(remote(session, place), "[[fault huge after=1 size=50000000]]")).failure()
    assert isinstance(error, Garbled)
    assert not error.retryable
    await wait_for(lambda: host.connections() == 0)


async def test_a_body_without_end_is_cut_at_the_cap(host: Simulator, session: aiohttp.ClientSession) -> None:
    place = endpoint(host.url, patience=Patience(body_bytes=200_000))
    error = (await hear(remote(session, place), "[[tokens=50000 chunk=100]]")).failure()
    assert isinstance(error, Garbled)
    assert not error.retryable


async def test_a_gzip_bomb_stops_at_the_cap(host: Simulator, session: aiohttp.ClientSession) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    place = endpoint(host.url, patience=Patience(body_bytes=16 << 20))
    heard = await hear(remote(session, place), "[[fault bomb size=10000000000]]")
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert isinstance(heard.error, Garbled)
    assert not heard.error.retryable
    assert heard.seconds < 20
    assert (
        grown < 64 << 10
    )  # KiB: less than 64 MiB, the simulator's own share of it in the same process included


# ── errors that the host tells ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fault", "kind", "after"),
    [
        ("429", Overloaded, None),
        ("429 retry-after=2", Overloaded, 2.0),
        ("429 retry-after=1500ms", Overloaded, 1.5),
        ("429 retry-after=date", Overloaded, 2.0),
        ("429 retry-after=soon", Overloaded, None),
        ("429 retry-after=-5", Overloaded, None),
        ("500", Overloaded, None),
        ("503 retry-after=1", Overloaded, 1.0),
        ("529", Overloaded, None),
        ("400", Rejected, None),
        ("401", Rejected, None),
        ("404", Rejected, None),
    ],
)
async def test_an_error_status_says_whether_another_try_can_help(
    host: Simulator,
    session: aiohttp.ClientSession,
    fault: str,
    kind: type[ProviderError],
    after: float | None,
) -> None:
    error = (await hear(remote(session, endpoint(host.url)), f"[[fault {fault}]]")).failure()
    assert type(error) is kind
    assert error.status == int(fault.split(maxsplit=1)[0])
    assert error.after == after
    assert error.retryable is (kind is Overloaded)


@pytest.mark.parametrize("place", ["headers", "2"])
@pytest.mark.parametrize("streaming", [True, False])
async def test_an_error_inside_a_good_answer_is_an_error(
    host: Simulator, session: aiohttp.ClientSession, place: str, streaming: bool
) -> None:
    heard = await hear(
        remote(session, endpoint(host.url), streaming=streaming), f"[[fault error status=503 after={place}]]"
    )
    assert isinstance(heard.error, Overloaded)
    assert heard.text == ("You said" if streaming and place == "2" else "")


@pytest.mark.parametrize("usage", ["absent", "null", "negative", "absurd", "cumulative"])
async def test_a_strange_count_never_breaks_an_answer(
    host: Simulator, session: aiohttp.ClientSession, usage: str
) -> None:
    heard = await hear(remote(session, endpoint(host.url)), f"[[usage={usage}]] hello")
    assert heard.error is None
    counted = heard.answer.usage
    if usage in ("absent", "null"):
        assert counted is None
    elif usage == "cumulative":
        assert counted == host.oracle.calls[-1].usage
    else:
        assert counted is not None
        assert min(counted.input, counted.output) >= 0


# ── a kept connection that dies as it is used again ──────────────────────────────────────────────────────


class Fickle:
    """A host that answers the first request on a connection and breaks it at the second, as idle hosts do."""

    def __init__(self, *, reset: bool, always: bool = False) -> None:
        self.requests = 0
        self._reset = reset
        self._always = always

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = (
            b'{"choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}'
        )
        try:
            for turn in range(2):
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                await reader.readexactly(length)
                self.requests += 1
                if turn or self._always:
                    break
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n")
                writer.write(b"content-length: %d\r\n\r\n%s" % (len(body), body))
                await writer.drain()
        except asyncio.IncompleteReadError:
            pass
        if self._reset:
            writer.transport.abort()
        writer.close()


@pytest.mark.parametrize("reset", [True, False])
async def test_a_stale_connection_is_replaced_once_and_nobody_notices(
    session: aiohttp.ClientSession, reset: bool
) -> None:
    fickle = Fickle(reset=reset)
    async with await asyncio.start_server(fickle.serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        provider = remote(session, endpoint(f"http://127.0.0.1:{port}/v1"))
        for _ in range(3):
            assert (await hear(provider, "hello")).text == "hi"
    assert fickle.requests == 5


@pytest.mark.parametrize("reset", [True, False])
async def test_a_fresh_connection_that_breaks_is_not_tried_again(
    session: aiohttp.ClientSession, reset: bool
) -> None:
    fickle = Fickle(reset=reset, always=True)
    async with await asyncio.start_server(fickle.serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        error = (await hear(remote(session, endpoint(f"http://127.0.0.1:{port}/v1")), "hello")).failure()
    assert isinstance(error, Truncated)
    assert fickle.requests == 1
