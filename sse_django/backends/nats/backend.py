"""`NatsBackend`: a JetStream stream whose sequence is the order; the newest events are pushed to readers, older ones asked for.

JetStream acknowledges before it has synced to the disk: a crash of the machine may lose acknowledged events, whose numbers come
again. Tags do not, so readers are told.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from django.core.exceptions import ImproperlyConfigured

from sse_django.backends.base import BaseBackend, Message, StoredEvent
from sse_django.backends.bell import Bell
from sse_django.backends.cursor import Cursor, parse_cursor
from sse_django.backends.extent import Extent
from sse_django.backends.nats.connection import ERRORS, Connection, Refusal
from sse_django.backends.nats.stream import MIN_VERSION, Entry, Stream, encode
from sse_django.backends.nats.tail import Tail
from sse_django.backends.retention import Retention, option, seconds
from sse_django.exceptions import Gone, PublishError

if TYPE_CHECKING:
    from nats.aio.client import Client

logger = logging.getLogger("sse_django")

#: Entries fetched at once.
PAGE = 500
#: Events dropped by one call of `trim`.
TRIM_BATCH = 1000
#: Seconds between two looks at how far the log reaches, and which epoch it is; what is pushed doesn't say, and may not come.
POLL_INTERVAL = 1.0
#: Bytes of a message that are no data: names of channels, a comment, headers.
OVERHEAD = 48 * 1024


class _News(NamedTuple):
    """What was found after a cursor."""

    after: str
    extent: Extent
    page: list[Entry]  # the cursor's own event, and those after it; none if they were not asked for


class _Thread(threading.local):
    """What a thread that reads has found last."""

    read: str | None = None  # up to where
    news: _News | None = None  # not read yet
    asked_at: float = 0.0  # when it last asked how far the log reaches


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
        self._connection = Connection(
            [servers] if isinstance(servers, str) else list(servers),
            seconds(self, "timeout"),
            self.settings["connect"],
        )
        self._thread = _Thread()
        self._checked = False
        self._tail: Tail | None = None
        self._refused = False
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
        for payload, digest in sent:
            last = await self._stream.append(client, payload, digest) or last
        return last

    def head(self) -> str:
        with self._connection.use() as call:
            return call(self._extent).head

    def read(self, after: str, channels: Collection[str] | None, limit: int) -> tuple[list[StoredEvent], str]:
        news, self._thread.news = self._thread.news, None
        if news is None or news.after != after:
            news = self._ask(after, min(limit, PAGE))
        events, looked = self._read(news, channels, limit)
        self._thread.read = looked
        return events, looked

    def _read(self, news: _News, channels: Collection[str] | None, limit: int) -> tuple[list[StoredEvent], str]:
        wanted = None if channels is None else set(channels)
        events: list[StoredEvent] = []
        extent, page = news.extent, news.page
        cursor = extent.place(news.after)
        place = cursor.seq
        if place == extent.seq:
            return [], news.after
        with self._connection.use() as call:
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

    def _ask(self, after: str, limit: int, follow: bool = False) -> _News:
        """What the server has after a cursor; to `follow` is to have pushed what comes after that."""
        with self._connection.use() as call:
            news = call(lambda client: self._look(client, after, limit, follow))
        self._thread.asked_at = time.monotonic()
        return news

    async def _look(self, client: Client, after: str, limit: int, follow: bool) -> _News:
        self._check(client)
        try:
            cursor = parse_cursor(after, "")
        except Gone:
            cursor = None
        if cursor is None or not cursor.seq:
            news = _News(after, await self._extent(client), [])
        else:
            # Two questions at once, and none about the newest event. The cursor's own comes with those after it.
            asked = asyncio.ensure_future(self._stream.entries(client, cursor.seq, limit + 1))
            try:
                info = await self._stream.info(client)
            except BaseException:
                asked.cancel()
                raise
            page = await asked
            news = _News(after, await self._extent(client, info), page)
        if self._tail is not None:
            self._tail.expect(news.extent.seq)
        if follow and cursor is not None and news.extent.seq - cursor.seq <= limit:  # it will be there soon
            await self._follow(client, news.extent)
        return news

    async def _follow(self, client: Client, extent: Extent) -> None:
        """Have a tail that goes on from the head of the log."""
        tail = self._tail
        pushed = None if tail is None else tail.after(Cursor(extent.epoch, extent.seq, extent.tag), 0)
        # More than the leader has: by a copy that is ahead, or that has not lost what the others have.
        if pushed is None or (pushed and self._stream.copies > 1):
            new = Tail(self._stream, client, self._bell.ring)
            try:
                await new.start(extent.seq)
            except Refusal as error:
                if not self._refused:
                    self._refused = True
                    logger.warning("NATS pushes no events for %r (%s): it is asked once a second", self.alias, error)
                return
            old, self._tail = self._tail, new
            if old is not None:
                await old.stop()

    async def _page(self, client: Client, first: int, count: int) -> list[Entry]:
        """Events from there on; none only if the leader has none there."""
        page = await self._stream.entries(client, first, count)
        if not page:
            # A direct get is answered by any replica, and this one may be behind.
            entry = await self._stream.entry(client, first)
            page = [entry] if entry is not None else []
        return page

    def wait(self, after: str, timeout: float) -> None:
        """Until there is something. What is found is kept for the `read` that follows."""
        end = time.monotonic() + timeout
        known = self._thread.read == after  # to be the head, not long ago: then what is pushed is what comes next
        while True:
            rings = self._bell.rings
            news = self._pushed(after) if known else None
            if news is None:
                news, known = self._ask(after, PAGE, follow=True), True
            if news.extent.head != after:
                self._thread.news = news
                return
            left = min(end, self._thread.asked_at + POLL_INTERVAL) - time.monotonic()
            if left > 0:
                self._bell.sleep(rings, left)
            if time.monotonic() >= end:
                return

    def _pushed(self, after: str) -> _News | None:
        """What has been pushed after a cursor of our own; None if that does not say, or the server has to be asked anyway."""
        tail = self._tail
        if tail is None or time.monotonic() - self._thread.asked_at >= POLL_INTERVAL:
            return None
        cursor = parse_cursor(after, "")
        page = tail.after(cursor, PAGE)
        if page is None:
            return None
        if page and self._stream.copies > 1:  # another server may have it otherwise
            with self._connection.use() as call:
                page = call(lambda client: self._stream.entries(client, cursor.seq, PAGE + 1))
            if len(page) < 2 or page[0].tag != cursor.tag:
                return None
        last = page[-1] if page else cursor
        return _News(after, Extent(cursor.epoch, 0, "", last.seq, last.tag), page)

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
