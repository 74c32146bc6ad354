"""Shutting down the socket of a client that doesn't read, found among the process's own by its peer. Knows no Django.

A server that drains waits for its connections, and one whose client doesn't read can neither be finished nor be cancelled from
the application. ASGI has no call for it; the socket itself is the one thing that all servers share. Used only when a
process goes or a write has timed out.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys


def shut_down_peer(host: str, port: int, *, only_unread: bool = False) -> bool:
    """Shut down this process's TCP connection with a peer; with `only_unread`, if bytes wait in it for the peer to read.

    Returns:
        Whether one was shut down.
    """
    for fd in _open_fds():
        with contextlib.suppress(OSError, ValueError):
            duplicate = socket.socket(fileno=os.dup(fd))
            try:
                if duplicate.type == socket.SOCK_STREAM and _same_peer(duplicate.getpeername(), host, port):
                    if only_unread and not _has_unread(duplicate):
                        return False
                    duplicate.shutdown(socket.SHUT_RDWR)
                    return True
            finally:
                duplicate.close()
    return False


def _same_peer(peer: object, host: str, port: int) -> bool:
    return (
        isinstance(peer, tuple)
        and peer[1] == port
        and str(peer[0]).removeprefix("::ffff:") == host.removeprefix("::ffff:")
    )


def _has_unread(connection: socket.socket) -> bool:
    try:
        import fcntl
        import termios
    except ImportError:  # Windows: it can't be known
        return False
    waiting = fcntl.ioctl(connection, termios.TIOCOUTQ, b"\0" * 4)
    return int.from_bytes(waiting, sys.byteorder) > 0


def _open_fds() -> list[int]:
    for folder in ("/proc/self/fd", "/dev/fd"):
        with contextlib.suppress(OSError, ValueError):
            return [int(name) for name in os.listdir(folder)]
    return list(range(3, 4096))  # Windows has neither
