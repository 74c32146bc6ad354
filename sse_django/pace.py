"""Back-pressure where the server has none: daphne takes all it is given and keeps it in memory. Knows no Django.

There the kernel's own count of what the client has not taken yet says when to go on. Elsewhere `send` waits by itself.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Callable

from sse_django.sockets import find_connection, unread

#: Bytes sent before it is worth looking, and bytes in the kernel above which the stream waits.
THRESHOLD = 256 * 1024
#: Seconds between two looks at a client that doesn't read.
LOOK = 0.02


class Pace:
    """The pace of one stream; `closed` says that it is to end and need not wait any more."""

    def __init__(self, host: str, port: int, closed: Callable[[], bool]) -> None:
        self._peer = host, port
        self._closed = closed
        self._sent = 0
        self._connection: socket.socket | None = None

    @staticmethod
    def is_needed() -> bool:
        """Whether this process is served by daphne."""
        return "daphne.server" in sys.modules

    async def keep(self, size: int) -> None:
        """After a chunk of this size: until the client has taken enough of what was sent."""
        self._sent += size
        if self._sent < THRESHOLD:
            return
        if self._connection is None:
            self._connection = find_connection(*self._peer)
            if self._connection is None:  # a Unix socket, or a proxy's word for the client
                self._sent = -sys.maxsize
                return
        try:
            while unread(self._connection) > THRESHOLD and not self._closed():  # noqa: ASYNC110  (the kernel tells nobody)
                await asyncio.sleep(LOOK)
        except OSError:  # it is gone; the server will say so
            pass

    def stop(self) -> None:
        """The stream has ended."""
        if self._connection is not None:
            self._connection.close()
