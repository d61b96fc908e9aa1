"""The socket that a server listens on, bound once by the parent and shared by its server processes."""

import errno
import os
import socket

from podium.errors import OperatorError

_BACKLOG = 2_048


def listen(host: str, port: int) -> socket.socket:
    """Bind and listen. From here on connections wait until a server process takes them.

    Raises:
        OperatorError: the port is taken, or the address is not to be had.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise OperatorError(
            f"There is no address {host!r} to listen on: {error.strerror}.", hint="Choose another --host."
        ) from error
    bound = socket.socket(family, kind)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(_BACKLOG)
    except OSError as error:
        bound.close()
        raise _told(host, port, error) from error
    bound.setblocking(False)
    return bound


def url_of(bound: socket.socket) -> str:
    """Where a client on this machine reaches it: `http://127.0.0.1:8080`."""
    host, port = bound.getsockname()[:2]
    local = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104  # the addresses that stand for all of them
    return f"http://{local.get(host, f'[{host}]' if ':' in host else host)}:{port}"


def _told(host: str, port: int, error: OSError) -> OperatorError:
    if error.errno == errno.EADDRINUSE:
        return OperatorError(
            f"Port {port} on {host} is taken: another program listens there.",
            hint=f"Choose another: podium serve --port {port + 1 if port < 65_535 else 8080} (or PODIUM_PORT).",
        )
    if error.errno == errno.EACCES:
        return OperatorError(
            f"Port {port} may not be used by this account: ports below 1024 are reserved.",
            hint="Choose a higher one with --port.",
        )
    return OperatorError(
        f"{host}:{port} cannot be listened on: {os.strerror(error.errno or 0)}.",
        hint="Choose another --host or --port.",
    )
