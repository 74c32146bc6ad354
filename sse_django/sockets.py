"""Shutting down the socket of a client that doesn't read, found among the process's own by its peer. Knows no Django.

A server that drains waits for its connections, and one whose client doesn't read can neither be finished nor be cancelled from
the application. ASGI has no call for it; the socket itself is the one thing that all servers share. Used only when a
process goes, a write has timed out, or a server takes all it is given.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys

if sys.platform != "win32":
    import fcntl
    import termios


def shut_down_peer(host: str, port: int, *, only_unread: bool = False) -> bool:
    """Shut down this process's TCP connection with a peer; with `only_unread`, if bytes wait in it for the peer to read.

    Returns:
        Whether one was shut down.
    """
    connection = find_connection(host, port)
    if connection is None:
        return False
    with connection, contextlib.suppress(OSError):
        if not only_unread or unread(connection) > 0:
            connection.shutdown(socket.SHUT_RDWR)
            return True
    return False


def find_connection(host: str, port: int) -> socket.socket | None:
    """A duplicate, to be closed, of this process's TCP connection with a peer."""
    for fd in _open_fds():
        with contextlib.suppress(OSError, ValueError):
            duplicate = socket.socket(fileno=os.dup(fd))
            try:
                if duplicate.type == socket.SOCK_STREAM and _same_peer(duplicate.getpeername(), host, port):
                    return duplicate
            except OSError:
                pass
            duplicate.close()
    return None


def unread(connection: socket.socket) -> int:
    """Bytes that were sent and not yet taken by the peer's side; 0 where that can't be known."""
    if sys.platform == "win32":
        return 0
    return int.from_bytes(fcntl.ioctl(connection, termios.TIOCOUTQ, b"\0" * 4), sys.byteorder)


def _same_peer(peer: object, host: str, port: int) -> bool:
    return (
        isinstance(peer, tuple)
        and peer[1] == port
        and str(peer[0]).removeprefix("::ffff:") == host.removeprefix("::ffff:")
    )


def _open_fds() -> list[int]:
    for folder in ("/proc/self/fd", "/dev/fd"):
        with contextlib.suppress(OSError, ValueError):
            return [int(name) for name in os.listdir(folder)]
    return list(range(3, 4096))  # Windows has neither
