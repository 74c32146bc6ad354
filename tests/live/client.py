"""A client for event streams on a bare socket: nothing between the test and the bytes that a server sends.

It knows when each event arrived, can refuse to read, and can leave without a goodbye.
"""

import json
import select
import socket
import struct
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit


class StreamEnded(Exception):
    """The server ended the stream; `clean` says whether it did so the way HTTP asks for."""

    def __init__(self, clean: bool) -> None:
        super().__init__("the stream ended" if clean else "the connection broke off")
        self.clean = clean


@dataclass(frozen=True, slots=True)
class Event:
    """One block of a stream as it was sent, and when it came."""

    raw: bytes
    at: float
    """`time.time()` of the read that brought its last byte: the clock of the trace."""

    @property
    def fields(self) -> list[tuple[str, str]]:
        fields = []
        for line in self.raw.decode().split("\n"):
            name, _, value = line.partition(":")
            fields.append((name, value.removeprefix(" ")))
        return fields

    def _last(self, name: str) -> str | None:
        return next((value for key, value in reversed(self.fields) if key == name), None)

    @property
    def event(self) -> str:
        return self._last("event") or "message"

    @property
    def id(self) -> str | None:
        return self._last("id")

    @property
    def retry(self) -> str | None:
        return self._last("retry")

    @property
    def data(self) -> str | None:
        lines = [value for key, value in self.fields if key == "data"]
        return "\n".join(lines) if lines else None

    def json(self) -> Any:
        assert self.data is not None, self.raw
        return json.loads(self.data)


def connect(
    url: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    receive_buffer: int | None = None,
    timeout: float = 30,
) -> socket.socket:
    """Send a request and return the socket, nothing read. `receive_buffer` is in bytes, set before the handshake."""
    parts = urlsplit(url)
    assert parts.hostname == "127.0.0.1", f"live tests stay on this machine: {url}"
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    lines = [f"{method} {target} HTTP/1.1", f"Host: {parts.netloc}"]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    connection = socket.socket()
    try:
        if receive_buffer is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.settimeout(timeout)
        connection.connect((parts.hostname, parts.port or 80))
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
    except BaseException:
        connection.close()
        raise
    return connection


def never_read(url: str, **request: Any) -> socket.socket:
    """Ask for a stream and read nothing, with the smallest receive buffer the kernel gives."""
    return connect(url, receive_buffer=1, **request)


def abort(connection: socket.socket) -> None:
    """Leave with a reset, as a process that was killed or a cable that was pulled with data on its way."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class Stream:
    """A response that is read as it comes. Use it as a context manager, or `close()` it."""

    def __init__(self, url: str, **request: Any) -> None:
        self._timeout: float = request.get("timeout", 30)
        self._socket = connect(url, **request)
        self._raw = bytearray()  # not yet decoded: chunked framing or what follows the header
        self._body = bytearray()  # decoded, not yet taken
        self._ended: StreamEnded | None = None
        self._at = 0.0
        try:
            head = self._read_head()
        except BaseException:
            self._socket.close()
            raise
        status, *lines = head.decode("latin-1").split("\r\n")
        self.status = int(status.split()[1])
        self.headers: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(":")
            key = name.strip().lower()
            self.headers[key] = ", ".join(filter(None, [self.headers.get(key), value.strip()]))
        self._chunked = self.headers.get("transfer-encoding", "").lower() == "chunked"
        self._length = int(self.headers["content-length"]) if "content-length" in self.headers else None
        self._decode()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def abort(self) -> None:
        abort(self._socket)

    # Reading

    def event(self, timeout: float | None = None) -> Event:
        """The next block that is an event; pings and other blocks without `data` are passed over."""
        deadline = time.monotonic() + (self._timeout if timeout is None else timeout)
        while True:
            block = self.block(max(deadline - time.monotonic(), 0))
            if block.data is not None:
                return block

    def block(self, timeout: float | None = None) -> Event:
        """The next block of any kind.

        Raises StreamEnded at the end of the stream, TimeoutError when nothing whole came in `timeout` seconds.
        """
        deadline = time.monotonic() + (self._timeout if timeout is None else timeout)
        while (end := self._body.find(b"\n\n")) < 0:
            self._fill(deadline)
        raw = bytes(self._body[:end])
        del self._body[: end + 2]
        return Event(raw, self._at)

    def events(self, timeout: float | None = None) -> Iterator[Event]:
        """Events until the stream ends cleanly; one that breaks off raises."""
        while True:
            try:
                yield self.event(timeout)
            except StreamEnded as end:
                if not end.clean:
                    raise
                return

    def rest(self, timeout: float | None = None) -> bytes:
        """Everything up to the clean end of the response."""
        deadline = time.monotonic() + (self._timeout if timeout is None else timeout)
        taken = bytearray()
        while True:
            taken += self._body
            self._body.clear()
            try:
                self._fill(deadline)
            except StreamEnded as end:
                if not end.clean:
                    raise
                return bytes(taken)

    def wait_for_end(self, timeout: float) -> bool:
        """Read on until the server ends the stream, however it does. Returns whether it was a clean end."""
        deadline = time.monotonic() + timeout
        while True:
            self._body.clear()
            try:
                self._fill(deadline)
            except StreamEnded as end:
                return end.clean

    def _fill(self, deadline: float) -> None:
        """Read once, if need be, and decode."""
        if self._ended is not None:
            raise self._ended
        remaining = deadline - time.monotonic()
        readable, _, _ = select.select([self._socket], [], [], max(remaining, 0))
        if not readable:
            raise TimeoutError(f"nothing came in time; read so far and not taken: {bytes(self._body[-200:])!r}")
        try:
            received = self._socket.recv(262_144)
        except ConnectionError:
            received = b""
            self._ended = StreamEnded(clean=False)
        self._at = time.time()
        if received:
            self._raw += received
            self._decode()
        elif self._ended is None:
            # Without chunks and without a length, closing the connection is how a response ends.
            self._ended = StreamEnded(clean=not self._chunked and self._length in (None, 0))

    def _read_head(self) -> bytes:
        deadline = time.monotonic() + self._timeout
        while (end := self._raw.find(b"\r\n\r\n")) < 0:
            self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
            received = self._socket.recv(262_144)
            self._at = time.time()
            if not received:
                raise StreamEnded(clean=False)
            self._raw += received
        head = bytes(self._raw[:end])
        del self._raw[: end + 4]
        return head

    def _decode(self) -> None:
        if not self._chunked:
            if self._length is not None:
                self._length -= len(self._raw)
                if self._length <= 0:
                    self._ended = StreamEnded(clean=True)
            self._body += self._raw
            self._raw.clear()
            return
        at = 0
        while (line_end := self._raw.find(b"\r\n", at)) >= 0:
            size = int(self._raw[at:line_end].split(b";")[0], 16)
            end = line_end + 2 + size
            if len(self._raw) < end + 2:
                break
            if size == 0:
                self._ended = StreamEnded(clean=True)
                at = len(self._raw)
                break
            self._body += self._raw[line_end + 2 : end]
            at = end + 2
        del self._raw[:at]


def fetch(url: str, **request: Any) -> bytes:
    """An ordinary answer, whole. Raises AssertionError unless it is 200."""
    request["headers"] = {"Connection": "close", **request.get("headers", {})}
    with Stream(url, **request) as response:
        body = response.rest()
        assert response.status == 200, f"{url}: {response.status} {body[:500]!r}"
        return body
