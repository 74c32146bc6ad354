"""`NatsBackend`: a JetStream stream whose sequence is the order; readers are woken by a message that carries nothing.

JetStream acknowledges before it has synced to the disk: a crash of the machine may lose acknowledged events, whose numbers come
again. Tags do not, so readers are told.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.exceptions import ImproperlyConfigured

from sse_django.backends.base import BaseBackend, Message, StoredEvent
from sse_django.backends.bell import Bell
from sse_django.backends.cursor import parse_cursor
from sse_django.backends.extent import Extent
from sse_django.backends.nats.connection import ERRORS, Connection
from sse_django.backends.nats.stream import MIN_VERSION, Entry, Stream, encode
from sse_django.backends.retention import Retention, option, seconds
from sse_django.exceptions import Gone, PublishError

if TYPE_CHECKING:
    from nats.aio.client import Client

#: Entries fetched at once.
PAGE = 500
#: Events dropped by one call of `trim`.
TRIM_BATCH = 1000
#: Seconds between two looks while nothing wakes: a wake-up may be lost with the connection that carried it.
POLL_INTERVAL = 1.0
#: Bytes of a message that are no data: names of channels, a comment, headers.
OVERHEAD = 48 * 1024


class NatsBackend(BaseBackend):
    """The log in NATS JetStream, 2.11 or newer. OPTIONS:

    - `servers`: addresses, a list or one; "nats://127.0.0.1:4222".
    - `stream`: the stream's name, and the first part of its subjects; "sse_django". Made if there is none.
    - `replicas`: servers that keep it, when it is made; 1.
    - `connect`: more arguments for nats-py's `connect`: `user_credentials`, `tls`…
    - `timeout`: seconds for an answer; 5.
    - `max_events`, `max_age` (seconds): what is kept. Leave the stream's own limits off.
    """

    transactional: ClassVar[bool] = False
    max_bytes = 1024 * 1024 - OVERHEAD  # what the server takes by default, with the names around it
    options: ClassVar[Mapping[str, Any]] = {
        **BaseBackend.options,
        "servers": "nats://127.0.0.1:4222",
        "stream": "sse_django",
        "replicas": 1,
        "connect": {},
        "timeout": 5.0,
    }

    def __init__(self, alias: str, options: Mapping[str, Any]) -> None:
        super().__init__(alias, options)
        name = str(self.settings["stream"])
        if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name) is None:
            raise ImproperlyConfigured(
                f"NatsBackend ({alias!r}): OPTIONS['stream'] is letters, digits, _ and -, got {name!r}"
            )
        servers = self.settings["servers"]
        self._retention = Retention.of(self)
        self._stream = Stream(name, int(option(self, "replicas", int) or 1))
        self._bell = Bell()
        self._wake_subject = f"{name}-wake"
        self._connection = Connection(
            [servers] if isinstance(servers, str) else list(servers),
            seconds(self, "timeout"),
            self._wake_subject,
            self._bell.ring,
            self.settings["connect"],
        )
        self._looked = threading.local()  # `last`: up to where this thread has read, and the rings before it did
        self._checked = False
        self._floor: int | None = None  # as of the last look: for a log that is published to and never read

    def publish(self, messages: Sequence[Message]) -> None:
        """One after the other: if one fails, those before it are there. See BaseBackend.publish()."""
        sent = []
        for message in messages:
            self.check_size(message)
            digest = "" if message.key is None else hashlib.sha256(message.key.encode()).hexdigest()
            sent.append((encode(message), digest))
        with self._connection.use() as call:
            try:
                last = call(lambda client: self._append(client, sent))
            except ERRORS as error:
                raise PublishError(f"the engine of {self.alias!r} did not take the event: {error!r}") from error
            self._bell.ring()
        if last is not None and self._retention.max_events is not None:
            if self._floor is None:
                self._floor = last - 1
            if last - self._floor > self._retention.max_events + TRIM_BATCH:
                self._floor = last - self._retention.max_events
                try:
                    self.trim()
                except ERRORS:  # the event is there; there will be another trim
                    pass

    async def _append(self, client: Client, sent: list[tuple[bytes, str]]) -> int | None:
        self._check(client)
        limit = client.max_payload - 1024  # headers
        for payload, _ in sent:
            if len(payload) > limit:
                raise ValueError(
                    f"an event of {len(payload)} bytes, with the names of its channels, is over the {limit} that the NATS "
                    "server takes: publish what it is about (an id, a URL) and let readers fetch the rest"
                )
        last = None
        try:
            for payload, digest in sent:
                last = await self._stream.append(client, payload, digest) or last
        finally:
            if last is not None:
                await client.publish(self._wake_subject, b"")
        return last

    def head(self) -> str:
        with self._connection.use() as call:
            return call(self._extent).head

    def read(self, after: str, channels: Collection[str] | None, limit: int) -> tuple[list[StoredEvent], str]:
        rings = self._bell.rings
        events, looked = self._read(after, channels, limit)
        self._looked.last = looked, rings
        return events, looked

    def _read(self, after: str, channels: Collection[str] | None, limit: int) -> tuple[list[StoredEvent], str]:
        wanted = None if channels is None else set(channels)
        events: list[StoredEvent] = []
        with self._connection.use() as call:
            extent, page = call(lambda client: self._look(client, after, min(limit, PAGE) + 1))
            cursor = extent.place(after)
            place = cursor.seq
            if place == extent.seq:
                return [], after
            if place > extent.floor:
                # Its own event first: is it the one that the cursor names?
                page = page or call(lambda client: self._page(client, place, min(limit, PAGE) + 1))
                extent.match(cursor, page[0].tag if page else None)
                page = page[1:]
            else:
                page = []
            while place < extent.seq:
                page = page or call(lambda client: self._page(client, place + 1, PAGE))  # noqa: B023 -- called at once
                if not page:
                    raise Gone("trimmed", call(self._extent).head)
                for entry in page[: extent.seq - place]:
                    place = entry.seq
                    if wanted is None or not wanted.isdisjoint(entry.message.channels):
                        events.append(StoredEvent(extent.cursor(place, entry.tag), entry.message))
                        if len(events) == limit:
                            return events, events[-1].cursor
                page = []
        return events, extent.head

    async def _look(self, client: Client, after: str, count: int) -> tuple[Extent, list[Entry]]:
        """How far the log reaches, and the events from a cursor on: two questions at once, and none about the newest."""
        self._check(client)
        try:
            place = parse_cursor(after, "").seq
        except Gone:
            place = 0
        if not place:
            return await self._extent(client), []
        asked = asyncio.ensure_future(self._stream.entries(client, place, count))
        try:
            info = await self._stream.info(client)
        except BaseException:
            asked.cancel()
            raise
        page = await asked
        return await self._extent(client, info), page

    async def _page(self, client: Client, first: int, count: int) -> list[Entry]:
        """Events from there on; none only if the leader has none there."""
        page = await self._stream.entries(client, first, count)
        if not page:
            # A direct get is answered by any replica, and this one may be behind.
            entry = await self._stream.entry(client, first)
            page = [entry] if entry is not None else []
        return page

    def wait(self, after: str, timeout: float) -> None:
        """Woken by the publisher's message, with a look now and then behind it."""
        end = time.monotonic() + timeout
        try:
            cursor = parse_cursor(after, "")
        except Gone:
            return
        # Where this thread has just read up to here, only what has rung since then can be new: the server need not be asked.
        place, seen = getattr(self._looked, "last", (None, -1))
        with self._connection.use() as call:
            while True:
                if place != after:
                    seen = self._bell.rings
                    if int(call(self._stream.info)["state"]["last_seq"]) != cursor.seq:
                        return
                left = end - time.monotonic()
                if left <= 0:
                    return
                self._bell.sleep(seen, min(left, POLL_INTERVAL))
                if self._bell.rings != seen:
                    return
                place = None  # a wake-up may have been lost

    def trim(self) -> int:
        with self._connection.use() as call:
            return call(self._trim_batch)

    async def _trim_batch(self, client: Client) -> int:
        extent = await self._extent(client)
        step = batch = min(TRIM_BATCH, extent.seq - extent.floor)
        now = datetime.now(UTC)
        while step > 0:
            # Beyond the number alone, or old enough: the more the better, by halves.
            entry = await self._stream.entry(client, extent.floor + step)
            if entry is None:
                return 0  # somebody else trims
            if self._retention.over(extent.seq - entry.seq + 1, (now - entry.time).total_seconds()):
                return await self._stream.drop(client, entry)
            over = (
                batch if self._retention.max_events is None else extent.seq - extent.floor - self._retention.max_events
            )
            step = over if 0 < over < step else step // 2
        return 0

    def rotate_epoch(self) -> None:
        with self._connection.use() as call:
            call(self._stream.rotate)

    def close(self) -> None:
        """Close the process's connection, unless another thread uses it."""
        self._connection.close()

    async def _extent(self, client: Client, info: dict[str, Any] | None = None) -> Extent:
        self._check(client)
        extent = await self._stream.extent(client, info)
        self._floor = extent.floor
        return extent

    def _check(self, client: Client) -> None:
        if self._checked:
            return
        version = client.connected_server_version
        if (version.major, version.minor) < MIN_VERSION:
            raise ImproperlyConfigured(
                f"NatsBackend ({self.alias!r}) needs NATS 2.11 or newer with JetStream; the server is {version}"
            )
        self.max_bytes = min(type(self).max_bytes or 0, client.max_payload - OVERHEAD)
        self._checked = True
