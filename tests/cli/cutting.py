"""A network that breaks: a relay before a server that cuts connections in the middle of an answer."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Cutter:
    """Cuts as many answers about turns as `cuts` says, each after `after` bytes; all others pass."""

    server: str
    after: int
    cuts: int
    done: int = 0
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def relay(self, client: socket.socket) -> None:
        parts = urlsplit(self.server)
        with client, socket.create_connection((parts.hostname or "", parts.port or 80)) as server:
            request = client.recv(1 << 20)
            head, _, body = request.partition(b"\r\n\r\n")
            length = [
                line.split(b":")[1]
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length")
            ]
            while length and len(body) < int(length[0]):
                more = client.recv(1 << 20)
                request, body = request + more, body + more
            path = head.split(b" ")[1].decode()
            self.asked.append(path)
            server.sendall(request)
            self._answer(client, server, is_cut=self.done < self.cuts and "turns" in path)

    def _answer(self, client: socket.socket, server: socket.socket, *, is_cut: bool) -> None:
        left = self.after
        while data := server.recv(4096):
            if is_cut and len(data) >= left:
                client.sendall(data[:left])
                self.done += 1
                return
            left -= len(data)
            client.sendall(data)


@contextmanager
def cutting(server: str, *, after: int, cuts: int) -> Iterator[Cutter]:
    """A relay to the server on a port of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        cutter = Cutter(server, after, cuts, url=f"http://127.0.0.1:{listening.getsockname()[1]}")

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = listening.accept()
                    threading.Thread(target=relay, args=(client,), daemon=True).start()

        def relay(client: socket.socket) -> None:
            with contextlib.suppress(OSError):
                cutter.relay(client)

        threading.Thread(target=accept, daemon=True).start()
        yield cutter
        listening.shutdown(socket.SHUT_RDWR)
