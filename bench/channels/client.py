"""The clients, in a process of their own: `python -m bench.channels.client PORT[,PORT] CONNECTIONS PATH`.

`{i%N}` and `{i+N}` in PATH are the connection's number, modulo and plus N. It opens them, prints "ready", and answers lines:
`expect EVENTS SECONDS` with how many came, once that many have; `hold SECONDS` with the number of reads that had something;
`latency EVENTS SECONDS` with `[arrived, p50, p99]`, the delays in milliseconds from an event's making. Events are found by a
mark in their data and not parsed: that costs less than any server pays, so the server is what is measured. Standard library
only.
"""

from __future__ import annotations

import json
import re
import resource
import selectors
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

from bench.cores import pin

#: Seconds between two looks. A reader that sleeps in its sockets has to be woken at each send, which the server pays for.
LOOK = 0.001
#: Connections that are on their way at once.
AT_ONCE = 100
#: Connections from one address: ports are fewer than 65,536 for one pair of addresses.
PER_ADDRESS = 10_000
#: What every event has once, before the nanoseconds of its making.
MARK = b'"t":'
MADE = re.compile(rb'"t": ?(\d+)')
NUMBER = re.compile(r"\{i([%+])(\d+)\}")

_buffer = bytearray(1024 * 1024)
_view = memoryview(_buffer)


class Connection:
    __slots__ = ("sock", "tail")

    def __init__(self, port: int, path: str, number: int) -> None:
        self.tail = b""
        source = None
        if sys.platform == "linux" and number >= PER_ADDRESS:  # elsewhere loopback has one address
            source = (f"127.0.0.{2 + number // PER_ADDRESS}", 0)
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=60, source_address=source)
        self.sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n".encode())

    def read(self) -> bytes | memoryview:
        """What is there, with the last bytes of what was: a mark may be cut in two. Empty if the server closed."""
        kept = len(self.tail)
        _view[:kept] = self.tail
        size = self.sock.recv_into(_view[kept:])
        end = kept + size
        self.tail = bytes(_view[max(0, end - len(MARK) + 1) : end])
        return _view[:end] if size else b""


class Clients:
    """All connections."""

    def __init__(self, ports: list[int], connections: int, path: str) -> None:
        self.selector = selectors.DefaultSelector()
        self.counted = 0
        self.opened: list[Connection] = []
        for first in range(0, connections, AT_ONCE):
            numbers = range(first, min(first + AT_ONCE, connections))
            batch = [Connection(ports[i % len(ports)], numbered(path, i), i) for i in numbers]
            for connection in batch:
                head = connection.sock.recv(4096)
                if b" 200 " not in head:
                    sys.exit(f"the server answered {head!r}")
                connection.sock.setblocking(False)
                self.selector.register(connection.sock, selectors.EVENT_READ, connection)
            self.opened += batch

    def look(self, timeout: float) -> int:
        """Read whatever has come; how many connections had something."""
        ready = self.selector.select(timeout)
        for key, _ in ready:
            connection: Connection = key.data
            part = connection.read()
            if not part:
                sys.exit("the server closed a connection")
            self.counted += _buffer.count(MARK, 0, len(part))
        return len(ready)

    def expect(self, events: float, seconds: float) -> int:
        deadline = time.monotonic() + seconds
        while self.counted < events and time.monotonic() < deadline:
            if not self.look(0):
                time.sleep(LOOK)
        counted, self.counted = self.counted, 0
        return counted

    def hold(self, seconds: float) -> int:
        deadline, reads = time.monotonic() + seconds, 0
        while time.monotonic() < deadline:
            reads += self.look(0)
            time.sleep(20 * LOOK)
        self.counted = 0
        return reads

    def latency(self, events: float, seconds: float) -> list[float]:
        """Of as many events, at all connections together. This one sleeps in its sockets, so as not to miss the moment."""
        deadline = time.monotonic() + seconds
        delays: list[int] = []
        while len(delays) < events and (left := deadline - time.monotonic()) > 0:
            for key, _ in self.selector.select(left):
                connection: Connection = key.data
                part = connection.sock.recv(65536)
                now = time.monotonic_ns()
                if not part:
                    sys.exit("the server closed a connection")
                received = connection.tail + part
                end = received.rfind(b"\n\n") + 1  # an event may be cut in two
                delays += [now - int(made) for made in MADE.findall(received, 0, end)]
                connection.tail = received[end:]
        for connection in self.opened:
            connection.tail = b""
        delays.sort()
        at = [delays[len(delays) * percent // 100] / 1e6 for percent in (50, 99)] if delays else []
        return [len(delays), *at]


def numbered(path: str, i: int) -> str:
    return NUMBER.sub(lambda found: str(i % int(found[2]) if found[1] == "%" else i + int(found[2])), path)


def main() -> None:
    pin(1)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    ports, connections, path = sys.argv[1:]
    clients = Clients([int(port) for port in ports.split(",")], int(connections), path)
    print("ready", flush=True)
    for line in sys.stdin:
        command, *numbers = line.split()
        answers: dict[str, Callable[..., Any]] = {
            "expect": clients.expect,
            "hold": clients.hold,
            "latency": clients.latency,
        }
        print(json.dumps(answers[command](*map(float, numbers))), flush=True)


if __name__ == "__main__":
    main()
