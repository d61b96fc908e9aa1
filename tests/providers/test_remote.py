"""A host called over real TCP: what goes right, what is sent, how a call is left."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

import aiohttp
import pytest

from podium.catalogue.endpoint import Endpoint, Patience
from podium.catalogue.profile import Profile
from podium.errors import OperatorError, Rejected
from podium.providers.remote import Remote
from podium.simulator import Simulator
from podium.vocabulary.event import Finished, TextDelta
from podium.wires.openai_chat import OpenAIChat
from tests.providers.calling import KEY, asking, call, client, endpoint, hear, remote
from tests.simulator.serving import simulator, wait_for, wait_until_idle


@pytest.fixture
async def host() -> AsyncGenerator[Simulator, None]:
    async with simulator() as running:
        yield running


@pytest.fixture
async def session() -> AsyncGenerator[aiohttp.ClientSession, None]:
    async with client() as opened:
        yield opened


@pytest.mark.parametrize("streaming", [True, False])
async def test_an_answer_comes_whole_with_its_usage(
    host: Simulator, session: aiohttp.ClientSession, streaming: bool
) -> None:
    heard = await hear(remote(session, endpoint(host.url), streaming=streaming), "hello grüß 日本")
    assert heard.error is None
    assert heard.text == "You said: hello grüß 日本"
    assert heard.answer.finished
    served = await wait_until_idle(host, calls=1)
    assert served is not None
    assert heard.answer.usage == served.usage
    assert heard.answer.id == served.id
    assert served.stream is streaming


async def test_text_arrives_while_the_host_is_still_speaking(
    host: Simulator, session: aiohttp.ClientSession
) -> None:
    provider = remote(session, endpoint(host.url))
    async with aclosing(provider.stream(asking("[[fault hang after=2]]"), call())) as spoken:
        async for delta in spoken:
            if isinstance(delta, TextDelta):
                assert len(host.oracle.running) == 1
                break


async def test_connections_are_used_again(host: Simulator, session: aiohttp.ClientSession) -> None:
    provider = remote(session, endpoint(host.url))
    for _ in range(5):
        assert (await hear(provider, "hello")).error is None
    assert host.connections() == 1


async def test_an_error_answer_leaves_its_connection_usable(
    host: Simulator, session: aiohttp.ClientSession
) -> None:
    provider = remote(session, endpoint(host.url))
    for fault in ("429", "500", "404", "503"):
        assert (await hear(provider, f"[[fault {fault}]]")).failure().status == int(fault)
    assert host.connections() == 1


async def test_a_listener_who_leaves_stops_the_host_at_once(
    host: Simulator, session: aiohttp.ClientSession
) -> None:
    provider = remote(session, endpoint(host.url))
    async with aclosing(provider.stream(asking("[[tokens=5000 rate=100]]"), call())) as spoken:
        async for delta in spoken:
            if isinstance(delta, TextDelta):
                break
    assert await wait_for(lambda: not host.oracle.running and not host.connections()) < 0.5
    assert host.oracle.calls[-1].ended == "client_gone"


@pytest.mark.parametrize("moment", ["[[fault hang after=request]]", "[[fault hang after=headers]]"])
async def test_a_cancelled_task_stops_the_host_at_once(
    host: Simulator, session: aiohttp.ClientSession, moment: str
) -> None:
    asked = asyncio.create_task(hear(remote(session, endpoint(host.url)), moment))
    await wait_for(lambda: host.oracle.running)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert await wait_for(lambda: not host.oracle.running and not host.connections()) < 0.5


async def test_a_slow_listener_is_not_taken_for_a_silent_host(
    host: Simulator, session: aiohttp.ClientSession
) -> None:
    place = endpoint(host.url, patience=Patience(idle=0.05))
    said = 0
    async with aclosing(remote(session, place).stream(asking("[[tokens=400]]"), call())) as spoken:
        async for delta in spoken:
            if isinstance(delta, TextDelta) and not said:
                await asyncio.sleep(0.3)  # sleep: the listener's own slowness is what is tested
            said += isinstance(delta, TextDelta)
    assert said == 400


async def test_two_hundred_streams_at_once_all_come_whole(
    host: Simulator, session: aiohttp.ClientSession
) -> None:
    place = endpoint(host.url, patience=Patience())
    heard = await asyncio.gather(
        *(hear(remote(session, place), "[[tokens=30 rate=100]]") for _ in range(200))
    )
    assert [each.error for each in heard] == [None] * 200
    assert {len(each.text) for each in heard} == {len(heard[0].text)}


async def test_a_large_request_is_sent(host: Simulator, session: aiohttp.ClientSession) -> None:
    place = endpoint(host.url, patience=Patience())
    heard = await hear(remote(session, place), "[[say fine]]" + "word " * 600_000)
    assert heard.text == "fine"


async def test_proxies_of_the_environment_are_not_used(
    host: Simulator, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, host.refusing_url)
    assert (await hear(remote(session, endpoint(host.url)), "hello")).error is None


async def test_a_configured_proxy_is_used(host: Simulator, session: aiohttp.ClientSession) -> None:
    place = endpoint("http://no-such-host.invalid/v1", proxy=host.root)
    assert (await hear(remote(session, place), "hello")).text == "You said: hello"


async def test_a_redirect_is_told_and_not_followed(host: Simulator, session: aiohttp.ClientSession) -> None:
    error = (
        await hear(remote(session, endpoint(host.url)), f"[[fault redirect to={host.root}/oracle]]")
    ).failure()
    assert isinstance(error, Rejected)
    assert error.status == 307
    assert "redirect" in error.message
    assert error.hint is not None
    assert "base_url" in error.hint
    assert len(host.oracle.calls) == 1


async def test_the_key_reaches_the_host_and_no_error_or_log(
    session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with simulator(api_key=KEY) as host:
        provider = remote(session, endpoint(host.url))
        assert (await hear(provider, "hello")).error is None
        for fault in ("html", "garbage after=request", "reset after=2", "bad-json", "400", "redirect"):
            error = (await hear(provider, f"{KEY} [[fault {fault}]]")).failure()
            assert KEY not in repr(error) + str(error.hint) + repr(error.body) + repr(error.__cause__)
        assert KEY not in repr(provider) + repr(vars(provider)["_endpoint"])
    assert KEY not in caplog.text


async def test_a_key_that_the_host_repeats_is_blotted_out() -> None:
    async def repeat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = b'{"error": {"message": "Incorrect API key provided: %s", "code": "invalid"}}' % KEY.encode()
        writer.write(b"HTTP/1.1 401 No\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(repeat, "127.0.0.1", 0) as server, client() as session:
        port = server.sockets[0].getsockname()[1]
        error = (await hear(remote(session, endpoint(f"http://127.0.0.1:{port}/v1")), "hello")).failure()
    assert error.status == 401
    assert "Incorrect API key provided: [redacted]" in error.message
    assert KEY not in repr(error) + repr(error.body)


@pytest.mark.parametrize(
    ("place", "word"),
    [
        (Endpoint("lab", "openai_chat", "api.example.org/v1"), "base_url"),
        (Endpoint("lab", "openai_chat", "ftp://example.org"), "base_url"),
        (Endpoint("lab", "openai_chat", "http://"), "base_url"),
        (Endpoint("lab", "openai_chat", "http://example.org", proxy="nowhere"), "proxy"),
        (Endpoint("lab", "openai_chat", "http://example.org", api_key="sk-1\n"), "authorization"),
        (Endpoint("lab", "openai_chat", "http://example.org", headers={"x-team": "grün"}), "x-team"),
    ],
)
async def test_what_cannot_be_sent_is_told_to_the_operator(
    session: aiohttp.ClientSession, place: Endpoint, word: str
) -> None:
    with pytest.raises(OperatorError, match=word):
        Remote(session, OpenAIChat(), place, Profile("lab", "echo"))


async def test_no_cookie_is_kept(session: aiohttp.ClientSession) -> None:
    heads: list[bytes] = []

    async def bake(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 500 No\r\nset-cookie: a=b\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(bake, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        for _ in range(2):
            await hear(remote(session, endpoint(f"http://127.0.0.1:{port}/v1")), "hello")
    assert len(heads) == 2
    assert all(b"cookie" not in head.lower() for head in heads)


async def test_a_second_finish_does_no_harm(host: Simulator, session: aiohttp.ClientSession) -> None:
    provider = remote(session, endpoint(host.url))
    async with aclosing(provider.stream(asking("[[finish=twice]] hi"), call())) as spoken:
        ends = [delta async for delta in spoken if isinstance(delta, Finished)]
    assert len(ends) == 1


async def test_a_chunk_costs_little_beside_reading_it(
    host: Simulator, session: aiohttp.ClientSession
) -> None:
    """A guard against an accident such as a timer for each chunk; the true figure is measured by the bench."""
    began = time.process_time()
    heard = await hear(remote(session, endpoint(host.url)), "[[tokens=3000]]")
    assert heard.error is None
    assert (time.process_time() - began) / 3000 < 0.0005
