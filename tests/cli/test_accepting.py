"""Connections that come all at once."""

import asyncio
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from typing_extensions import override

from podium.cli.accepting import Accepting
from tests.simulator.serving import wait_for


class Greeting(asyncio.Protocol):
    made = 0

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        Greeting.made += 1
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(b"hello")
        transport.close()


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    Greeting.made = 0
    with socket.create_server(("127.0.0.1", 0), backlog=200) as bound:
        yield bound


@contextmanager
def clients(listening: socket.socket, number: int) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        yield [stack.enter_context(socket.create_connection(listening.getsockname())) for _ in range(number)]


async def test_all_that_wait_are_taken_in_a_few_rounds_of_the_loop(listening: socket.socket) -> None:
    with clients(listening, 150) as waiting:
        accepting = Accepting(listening, Greeting)
        rounds = 0
        while Greeting.made < len(waiting):
            await asyncio.sleep(0)
            rounds += 1
        assert rounds < 20
        for each in waiting:
            assert each.recv(10) == b"hello"
        accepting.close()
    with clients(listening, 1):
        await asyncio.sleep(0)
        assert Greeting.made == 150


async def test_who_comes_while_no_descriptor_is_left_is_taken_later(
    listening: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with clients(listening, 3):
        accepting = Accepting(listening, Greeting)
        resource.setrlimit(resource.RLIMIT_NOFILE, (len(list(Path("/dev/fd").iterdir())) - 1, hard))
        try:
            await wait_for(lambda: "connection.not_taken" in caplog.text)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        await wait_for(lambda: Greeting.made == 3)
        accepting.close()
