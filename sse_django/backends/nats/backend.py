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
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

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
#: Rings of the bell whose event's number is remembered.
ANNOUNCED = 64
#: Bytes of a message that are no data: names of channels, a comment, headers.
OVERHEAD = 48 * 1024


class _News(NamedTuple):
    """What was found after a cursor."""

    after: str
    rings: int  # of the bell, before it was looked for
    extent: Extent
    page: list[Entry]  # the cursor's own event, and those after it
    whole: bool  # whether the stream was asked how far it reaches, and which epoch it is


class _Thread(threading.local):
    """What a thread that reads has found last."""

    read: tuple[str | None, int] = None, -1  # up to where, and the bell's rings before
    news: _News | None = None  # not read yet
    whole_at: float = 0.0  # when it last asked for the whole


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
            self._woken,
            self.settings["connect"],
        )
        self._thread = _Thread()
        self._checked = False
        self._announced: dict[int, int] = {}  # the numbers of stored events, by the rings that told of them
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
            self._announce(last)
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
                if self._stream.replicas == 1 and payload is sent[-1][0]:
                    # On the way as well: until a reader asks, it is mostly stored. With replicas that takes too long.
                    await client.publish(self._wake_subject, b"")
                last = await self._stream.append(client, payload, digest) or last
        finally:
            if last is not None:
                await client.publish(self._wake_subject, b"%d" % last)
        return last

    def _woken(self, stored: bytes) -> None:
        """A publisher is storing an event, or has stored it under this number."""
        self._announce(int(stored) if stored.isdigit() else None)

    def _announce(self, number: int | None) -> None:
        rings = self._bell.ring()
        if number is not None:
            self._announced[rings] = number
        self._announced.pop(rings - ANNOUNCED, None)

    def _is_news(self, seen: int, place: int) -> bool:
        """Whether a ring since `seen` may have told of an event after this place."""
        rings = self._bell.rings
        return rings - seen >= ANNOUNCED or any(
            self._announced.get(ring, place + 1) > place for ring in range(seen + 1, rings + 1)
        )

    def head(self) -> str:
        with self._connection.use() as call:
            return call(self._extent).head

    def read(self, after: str, channels: Collection[str] | None, limit: int) -> tuple[list[StoredEvent], str]:
        news, self._thread.news = self._thread.news, None
        if news is None or news.after != after:
            news = self._ask(after, min(limit, PAGE))
        events, looked = self._read(news, channels, limit)
        self._thread.read = looked, news.rings
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

    def _ask(self, after: str, limit: int, seen: int | None = None, timeout: float = 0.0) -> _News:
        """What there is after a cursor; with `seen` once the bell has rung since, or after so many seconds."""
        whole = seen is None or time.monotonic() - self._thread.whole_at > POLL_INTERVAL
        with self._connection.use() as call:
            news = call(lambda client: self._look(client, after, limit, seen, timeout, whole), timeout)
        if news.whole:
            self._thread.whole_at = time.monotonic()
        return news

    async def _look(
        self, client: Client, after: str, limit: int, seen: int | None, timeout: float, whole: bool
    ) -> _News:
        self._check(client)
        try:
            cursor = parse_cursor(after, "")
        except Gone:
            cursor = None
        rung = seen is not None and await self._rung(seen, cursor.seq if cursor else 0, timeout)
        rings = self._bell.rings
        if cursor is None or not cursor.seq:
            return _News(after, rings, await self._extent(client), [], whole=True)
        # The cursor's own comes with those after it.
        entries = self._stream.entries(client, cursor.seq, limit + 1)
        if rung and not whole:
            page = await entries
            if len(page) > 1 and page[0].tag == cursor.tag:
                # Something new, after the very event that the cursor names: it is still its log.
                return _News(after, rings, Extent(cursor.epoch, 0, "", page[-1].seq, page[-1].tag), page, whole=False)
            return _News(after, rings, await self._extent(client), page, whole=True)
        asked = asyncio.ensure_future(entries)  # two questions at once, and none about the newest event
        try:
            info = await self._stream.info(client)
        except BaseException:
            asked.cancel()
            raise
        page = await asked
        return _News(after, rings, await self._extent(client, info), page, whole=True)

    async def _rung(self, seen: int, place: int, timeout: float) -> bool:
        """Sleep until something may have come after a place, or for so many seconds; whether it may."""
        loop, rung = asyncio.get_running_loop(), asyncio.Event()
        with self._bell.calling(lambda: loop.call_soon_threadsafe(rung.set)):
            try:
                async with asyncio.timeout(timeout):
                    while not self._is_news(seen, place):
                        await rung.wait()
                        rung.clear()
            except TimeoutError:
                return False
        return True

    async def _page(self, client: Client, first: int, count: int) -> list[Entry]:
        """Events from there on; none only if the leader has none there."""
        page = await self._stream.entries(client, first, count)
        if not page:
            # A direct get is answered by any replica, and this one may be behind.
            entry = await self._stream.entry(client, first)
            page = [entry] if entry is not None else []
        return page

    def wait(self, after: str, timeout: float) -> None:
        """Woken by the publisher's message, with a look now and then behind it.

        What is found is kept for the `read` that follows: it is asked for by the thread that hears of it, which saves two
        changes of threads.
        """
        end = time.monotonic() + timeout
        # Where this thread has just read up to here, only what has rung since then can be new: the server need not be asked.
        read, seen = self._thread.read
        news = None if read == after else self._ask(after, PAGE)
        while news is None or news.extent.head == after:
            seen = seen if news is None else news.rings
            left = end - time.monotonic()
            if left <= 0:
                break
            news = self._ask(after, PAGE, seen, min(left, POLL_INTERVAL))
            if news.rings != seen:
                break
        self._thread.news = news

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
