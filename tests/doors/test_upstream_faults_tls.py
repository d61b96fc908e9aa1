"""Hosts with which no TLS can be had, before a server in a process of its own, which trusts one authority alone.

U3 of the fault model (docs/faults.md). TLS is below the wires, so one of them stands for all.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import pytest

from tests.cli.installation import Installation, installed
from tests.doors.clients import Told, ask
from tests.simulator.serving import simulator

CERTIFICATES = Path(__file__).parent / "certificates"
SELF_SIGNED = Path(__file__).parent.parent / "providers" / "self_signed.pem"
WORDS = {
    "expired": "expired",
    "elsewhere": "IP address mismatch",
    "strange": "self-signed",
    "old": "No TLS",
    "plain": "No TLS",
}
"""Hosts, and what the client is told of each."""


@pytest.fixture
def installation() -> Iterator[Installation]:
    with installed(SSL_CERT_FILE=str(CERTIFICATES / "authority.pem")) as new:
        yield new


def context(certificate: Path) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificate)
    return made


def old_context() -> ssl.SSLContext:
    """One that speaks nothing newer than TLS 1.1."""
    made = context(CERTIFICATES / "good.pem")
    made.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLS"):
        made.minimum_version, made.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    return made


async def _pour(source: asyncio.StreamReader, into: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(1 << 16):
            into.write(data)
            await into.drain()
    into.close()


@asynccontextmanager
async def before(port: int, tls: ssl.SSLContext | None) -> AsyncGenerator[int, None]:
    """The port of a host that speaks TLS and hands on to `port`; without a context it only listens."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if tls is None:
            await reader.read()  # of the client's greeting; there is no answer to it
            writer.close()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            await asyncio.gather(_pour(reader, far_writer), _pour(far_reader, writer))
        finally:
            writer.close()
            far_writer.close()

    async with await asyncio.start_server(carry, "127.0.0.1", 0, ssl=tls) as server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def old() -> AsyncGenerator[int, None]:
    """The port of a host with an old TLS, which says so as such hosts do: asyncio's own would just hang up."""
    tls = old_context()

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard, said = ssl.MemoryBIO(), ssl.MemoryBIO()
        heard.write(await reader.read(1 << 16))
        with pytest.raises(ssl.SSLError):
            tls.wrap_bio(heard, said, server_side=True).do_handshake()
        writer.write(said.read())
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


def toml(ports: dict[str, int]) -> str:
    return "allow_unpriced = true\n" + "".join(
        f'[endpoints.{name}]\nwire = "openai_chat"\nbase_url = "https://127.0.0.1:{port}/v1"\n'
        f"connect_seconds = {2 if name == 'mute' else 20}\n"
        for name, port in ports.items()
    )


async def asked(installation: Installation, name: str) -> Told:
    return await ask(installation.url, "openai_chat", f"{name}/any", "hello", key=installation.key)


async def test_without_good_tls_nothing_is_sent_nothing_is_tried_again_and_the_operator_is_told(
    installation: Installation,
) -> None:
    tls = {
        "good": context(CERTIFICATES / "good.pem"),
        "expired": context(CERTIFICATES / "expired.pem"),
        "elsewhere": context(CERTIFICATES / "elsewhere.pem"),
        "strange": context(SELF_SIGNED),
        "mute": None,
    }
    async with simulator() as host, AsyncExitStack() as stack:
        port = int(host.root.rpartition(":")[2])
        ports = {name: await stack.enter_async_context(before(port, each)) for name, each in tls.items()}
        ports |= {"old": await stack.enter_async_context(old()), "plain": port}
        (installation.place / "podium.toml").write_text(toml(ports))
        await asyncio.to_thread(installation.serve)
        assert (await asked(installation, "good")).text == "You said: hello"
        for name, words in WORDS.items():
            told = await asked(installation, name)
            assert (told.status, told.headers["x-should-retry"]) == (502, "false"), name
            assert words in told.message
            assert "Nothing was sent" in told.message
            assert "attempts failed" not in told.message
        told = await asked(installation, "mute")
        assert told.status == 503
        assert "Nothing was sent" in told.message
        assert len(host.oracle.calls) == 1
        seen = await asyncio.to_thread(installation.ask, "GET", "/health/services")
        unwell = {name for name, each in seen.body["services"].items() if not each["healthy"]}
        assert unwell == {*WORDS, "mute"}
