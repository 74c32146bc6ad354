"""The client, in a process of its own: opens connections, counts events, prints what it saw as JSON. Standard library only.

It is no browser: it counts the ends of events in whatever the socket has, in large reads, and never parses. That costs
it less than any server pays, so the server is what is measured.
"""

from __future__ import annotations

import json
import re
import selectors
import socket
import sys
import time
from collections.abc import Callable

from bench.cores import MAY_SPIN, pin

#: Seconds between two looks at busy streams. A reader that sleeps in its socket has to be woken at each send, which the server
#: pays for; one that never sleeps takes speed from a server on the same core's other thread. This one does neither.
LOOK = 0.001
#: Where an event ends; comments don't end like this.
END = b"}\n\n"
#: When an event was made, in nanoseconds.
MADE = re.compile(rb'"t":(\d+)')

_buffer = bytearray(1024 * 1024)
_view = memoryview(_buffer)


class Connection:
    """One request and the events that come back, until the server closes."""

    def __init__(self, port: int, path: str, events: int) -> None:
        self.events = 0
        self._tail = b""
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._request = f"GET {path}?n={events} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()

    def ask(self) -> None:
        self.sock.sendall(self._request)
        self.sock.setblocking(False)

    def read(self) -> bool:
        """Take what is there; whether there may be more to come."""
        kept = len(self._tail)
        _view[:kept] = self._tail
        try:
            size = self.sock.recv_into(_view[kept:])
        except BlockingIOError:
            return True
        end = kept + size
        self.events += _buffer.count(END, 0, end)
        self._tail = bytes(_view[max(0, end - len(END) + 1) : end])  # an event's end may be cut in two
        return size > 0


def streams(port: int, path: str, connections: int, events: int) -> dict[str, float]:
    """Some connections at once, each read to its end."""
    opened = [Connection(port, path, events) for _ in range(connections)]
    started = time.perf_counter()
    for connection in opened:
        connection.ask()
    total = _read(opened, lambda: None, LOOK)
    return {"events": total, "seconds": time.perf_counter() - started}


def churn(port: int, path: str, at_once: int, connections: int) -> dict[str, float]:
    """Connections of one event each, a few at once."""
    left = connections

    def another() -> Connection | None:
        nonlocal left
        if not left:
            return None
        left -= 1
        connection = Connection(port, path, 1)
        connection.ask()
        return connection

    started = time.perf_counter()
    first = [opened for _ in range(at_once) if (opened := another()) is not None]
    total = _read(first, another, None)
    return {"events": total, "seconds": time.perf_counter() - started}


def latency(port: int, path: str, events: int) -> dict[str, float]:
    """From an event's making to its arrival, in seconds, on a stream that is idle in between."""
    connection = Connection(port, path, events)
    connection.ask()
    if not MAY_SPIN:
        connection.sock.setblocking(True)
    delays: list[int] = []
    while True:
        try:
            received = connection.sock.recv(65536)
        except BlockingIOError:
            continue
        now = time.monotonic_ns()
        if not received:
            break
        delays += [now - int(made) for made in MADE.findall(received)]
    connection.sock.close()
    return {"events": len(delays), "latency": sorted(delays)[len(delays) // 2] / 1e9}


def _read(connections: list[Connection], another: Callable[[], Connection | None], look: float | None) -> int:
    """Read connections to their end, `another` in the place of each that ended; how many events there were.

    It looks at them every `look` seconds, or with None whenever there is something to read.
    """
    total = 0
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection.sock, selectors.EVENT_READ, connection)
        while selector.get_map():
            if look is not None:
                time.sleep(look)
            for key, _ in selector.select(look and 0):
                if key.data.read():
                    continue
                total += key.data.events
                selector.unregister(key.fileobj)
                key.data.sock.close()
                if (opened := another()) is not None:
                    selector.register(opened.sock, selectors.EVENT_READ, opened)
    return total


def main() -> None:
    pin(1)
    kind, path, *numbers = sys.argv[1:]
    measure = {"streams": streams, "churn": churn, "latency": latency}[kind]
    port, *sizes = map(int, numbers)
    print(json.dumps(measure(port, path, *sizes)))


if __name__ == "__main__":
    main()
