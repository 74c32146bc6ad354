"""A stream as it really comes in: blocks, with the moment at which each arrived.

Over the standard library's HTTP, with no help on the way: redirects aren't followed, and compression is what a browser would
get.
"""

from __future__ import annotations

import codecs
import http.client
import queue
import threading
import time
import zlib
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

_READ = 65536


class Unreachable(Exception):
    """There was no answer to look at."""


class Held(Exception):
    """Somebody is there, and doesn't answer in time."""


@dataclass(frozen=True)
class Block:
    """What stands between two blank lines.

    Args:
        at: when its last byte came, in seconds of the monotonic clock.
        data: None if it has none, so that it fires nothing.
        id: None if it has none.
    """

    at: float
    data: str | None = None
    event: str = "message"
    id: str | None = None
    comments: tuple[str, ...] = ()


@dataclass
class Wire:
    """One request and its answer; a context manager.

    Args:
        asked: when the request left.
        headers: of the answer, names in lower case.
        first_byte: when the first byte of the body came; None before that.

    Raises:
        Unreachable: if nobody is there, or doesn't speak HTTP.
        Held: if there are no headers within the timeout.
    """

    url: str
    request_headers: Mapping[str, str]
    timeout: float
    asked: float = 0.0
    answered: float = 0.0
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    first_byte: float | None = None
    ended: bool = False
    _text: str = ""
    _ready: deque[Block] = field(default_factory=deque)
    _chunks: queue.SimpleQueue[tuple[float, bytes | None]] = field(default_factory=queue.SimpleQueue)

    def __enter__(self) -> Self:
        parts = urlsplit(self.url)
        make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = make(parts.netloc, timeout=self.timeout)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self.asked = time.monotonic()
        try:
            self._connection.connect()
            self._connection.request("GET", target, headers=dict(self.request_headers))
            self._response = self._connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            held = isinstance(error, TimeoutError) and self._connection.sock is not None
            self._connection.close()
            if held:
                raise Held from error
            raise Unreachable(str(error) or type(error).__name__) from error
        self.answered = time.monotonic()
        self.status = self._response.status
        self.headers = {name.lower(): value for name, value in self._response.getheaders()}
        encoding = self.headers.get("content-encoding", "identity")
        self._unzip: Any = zlib.decompressobj(wbits=47) if encoding in ("gzip", "deflate") else None
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        if self._connection.sock is not None:
            self._connection.sock.settimeout(None)  # the thread waits; whoever asks has a timeout of their own
        threading.Thread(target=self._read, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        # The thread is inside read(): only the end of the socket ends that.
        sock = self._connection.sock or getattr(getattr(self._response.fp, "raw", None), "_sock", None)
        if sock is not None:
            try:
                sock.shutdown(2)
            except OSError:  # the other side was quicker
                pass
        self._connection.close()

    def _read(self) -> None:
        try:
            while chunk := self._response.read1(_READ):
                self._chunks.put((time.monotonic(), chunk))
        except (OSError, http.client.HTTPException, ValueError, AttributeError):  # cut off by somebody, perhaps by us
            pass
        self._chunks.put((time.monotonic(), None))

    def blocks(self, until: float) -> Iterator[Block]:
        """Blocks as they come, up to the end of the stream or this moment of the monotonic clock."""
        while True:
            if self._ready:
                yield self._ready.popleft()
                continue
            if self.ended:
                return
            left = until - time.monotonic()
            if left <= 0:
                return
            try:
                at, chunk = self._chunks.get(timeout=left)
            except queue.Empty:
                return
            if chunk is None:
                self.ended = True
                return
            self.first_byte = self.first_byte or at
            self._parse(at, chunk)

    def _parse(self, at: float, chunk: bytes) -> None:
        if self._unzip is not None:
            chunk = self._unzip.decompress(chunk)
        text = self._text + self._decoder.decode(chunk)
        half = "\r" if text.endswith("\r") else ""  # its LF may come with the next chunk
        lines = text.removesuffix("\r").replace("\r\n", "\n").replace("\r", "\n")
        *whole, rest = lines.split("\n\n")
        self._text = rest + half
        self._ready.extend(_block(at, one) for one in whole)


def _block(at: float, text: str) -> Block:
    fields: dict[str, list[str]] = {}
    for line in text.split("\n"):
        name, _, value = line.partition(":")
        fields.setdefault(name, []).append(value.removeprefix(" "))
    return Block(
        at,
        data="\n".join(fields["data"]) if "data" in fields else None,
        event=fields.get("event", ["message"])[-1],
        id=fields["id"][-1] if "id" in fields else None,
        comments=tuple(fields.get("", ())),
    )
