"""A client as a browser is one: it remembers the last id, is cut off at random, comes back with Last-Event-ID.

All that it was given is written down, with the cursor it came with; what was given but not remembered is what can be missed.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from faults.ledger import Event

#: Seconds that most connections live, and the others; and seconds until the next one.
SHORT, LONG, APART = (0.1, 2.0), (2.0, 10.0), (0.0, 0.5)
#: The share of connections that live long.
LONG_SHARE = 0.1
#: Seconds for a connection to be made.
CONNECT_TIMEOUT = 3.0


class Kind(Enum):
    EVENT = "event"
    RESET = "reset"


class Seen(NamedTuple):
    """An event, or a reset (`why` is its reason), and when it came."""

    kind: Kind
    at: float
    cursor: str
    event: Event | None = None
    why: str = ""


@dataclass(slots=True)
class Record:
    """What a client was given.

    Attributes:
        publisher: the one whose own channel it reads.
        since: when it had its first cursor; None if it never had one.
        seen: events and resets, in the order they came.
        ends: when, and by which port, a connection was ended that the client did not end.
        refused: status codes other than 200: a browser would not come back.
        silence: the longest time without a byte, in seconds, pings included.
    """

    client: int
    publisher: int
    since: float | None = None
    seen: list[Seen] = field(default_factory=list)
    ends: list[tuple[float, int]] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    connections: int = 0
    silence: float = 0.0


class Client:
    """Reads until it is stopped. After `settle` it lets its connection live.

    Args:
        path: the view's.
        ports: of the servers.
        forgetful: for the control: it sends no Last-Event-ID.
    """

    def __init__(self, record: Record, path: str, ports: list[int], seed: int, *, forgetful: bool) -> None:
        self.record = record
        self.last_id: str | None = None
        self.settling = False
        self._path = path
        self._ports = ports
        self._forgetful = forgetful
        self._random = random.Random(f"{seed} client {record.client}")

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            port = self._random.choice(self._ports)
            reading = Reading(self, port)
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT):
                    await loop.create_connection(lambda it=reading: it, "127.0.0.1", port)
            except (OSError, TimeoutError):
                await asyncio.sleep(self._random.uniform(0.1, 0.5))
                continue
            self.record.connections += 1
            long = self._random.random() < LONG_SHARE
            cut = loop.call_later(self._random.uniform(*(LONG if long else SHORT)), self._cut, reading)
            try:
                await reading.ended
            finally:
                cut.cancel()
                reading.cut()
            await asyncio.sleep(self._random.uniform(*APART))

    def request(self, port: int) -> bytes:
        lines = [f"GET {self._path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Accept: text/event-stream"]
        if self.last_id and not self._forgetful:
            lines.append(f"Last-Event-ID: {self.last_id}")
        return "\r\n".join([*lines, "", ""]).encode()

    def _cut(self, reading: Reading) -> None:
        if not self.settling:
            reading.cut()

    def take(self, block: str) -> None:
        """One block of the stream."""
        fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line and not line.startswith(":"))
        if "id" not in fields:
            return
        now, cursor = time.monotonic(), fields["id"]
        self.last_id = cursor
        if self.record.since is None:
            self.record.since = now
        if fields.get("event") == "stream-reset":
            self.record.seen.append(Seen(Kind.RESET, now, cursor, why=json.loads(fields["data"])["reason"]))
        elif "data" in fields:
            data = json.loads(fields["data"])
            self.record.seen.append(Seen(Kind.EVENT, now, cursor, Event(data["p"], data["n"])))


class Reading(asyncio.Protocol):
    """One connection. A block that was cut in two does not count, as in a browser."""

    def __init__(self, client: Client, port: int) -> None:
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._client = client
        self._port = port
        self._transport: asyncio.BaseTransport | None = None
        self._raw = bytearray()
        self._body = bytearray()
        self._headers = False
        self._cut = False
        self._at = time.monotonic()

    def cut(self) -> None:
        self._cut = True
        assert isinstance(self._transport, asyncio.Transport)
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._client.request(self._port))

    def connection_lost(self, exc: Exception | None) -> None:
        self._heard()
        if not self._cut and self._headers:
            self._client.record.ends.append((time.monotonic(), self._port))
        if not self.ended.done():
            self.ended.set_result(None)

    def eof_received(self) -> bool:
        return False  # closes it

    def data_received(self, data: bytes) -> None:
        if self._cut:
            return
        self._heard()
        self._raw += data
        if not self._headers and not self._read_headers():
            return
        self._read_chunks()
        while (end := self._body.find(b"\n\n")) >= 0:
            self._client.take(self._body[:end].decode())
            del self._body[: end + 2]

    def _heard(self) -> None:
        now = time.monotonic()
        self._client.record.silence = max(self._client.record.silence, now - self._at)
        self._at = now

    def _read_headers(self) -> bool:
        end = self._raw.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = self._raw[:end].decode("latin-1").lower()
        del self._raw[: end + 4]
        status = int(head.split()[1])
        if status != 200:
            self._client.record.refused.append(status)
            self.cut()
            return False
        assert "transfer-encoding: chunked" in head, head
        self._headers = True
        return True

    def _read_chunks(self) -> None:
        while (line := self._raw.find(b"\r\n")) >= 0:
            size = int(self._raw[:line], 16)
            if len(self._raw) < line + 2 + size + 2:
                return
            self._body += self._raw[line + 2 : line + 2 + size]
            del self._raw[: line + 2 + size + 2]
            if size == 0:
                assert isinstance(self._transport, asyncio.Transport)
                self._transport.abort()  # the stream's proper end
                return
