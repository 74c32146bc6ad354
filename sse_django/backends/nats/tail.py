"""The newest events as JetStream pushes them, so that a reader need not ask for what has come.

Of a stream that one server keeps each is, for sure, what the log has there. The consumer that pushes them is in that server's
memory: it is gone, or begins to count anew, before the server can have forgotten events and given their numbers to others. What
is not the very next thing that this consumer sends ends the tail, and readers ask, as they do for what is older. Where several
servers keep a stream, one may have what the others have lost: there the tail is no more than a hint to ask.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from sse_django.backends.cursor import Cursor
from sse_django.backends.nats.connection import ERRORS
from sse_django.backends.nats.stream import Entry, Stream, entry_at

#: Events that are kept, and bytes of them: where a reader is slower, it asks.
KEPT, KEPT_BYTES = 1000, 8 * 1024 * 1024
#: Seconds without a reader after which it ends.
UNREAD = 10.0
#: Seconds that what the log has may be on its way to here.
LATE = 1.0


class Tail:
    """Of one stream, for one consumer's life. `start` and `stop` on the client's loop, the rest from any thread.

    Args:
        on_event: called on the loop when there is one more, or no more will come.
    """

    def __init__(self, stream: Stream, client: Client, on_event: Callable[[], object]) -> None:
        self._stream = stream
        self._client = client
        self._connects = client.stats["reconnects"]
        self._on_event = on_event
        self._lock = threading.Lock()
        self._ended = False
        self._begin = self._last = 0  # after the one, up to and with the other
        self._entries: deque[Entry] = deque()  # without a gap, to the last one
        self._sizes: deque[int] = deque()
        self._bytes = 0
        self._sent = 0  # by the consumer
        self._due, self._due_at = 0, time.monotonic()
        self._read_at = time.monotonic()
        self._subscription: Subscription | None = None
        self._stopping: asyncio.Future[None] | None = None

    async def start(self, place: int) -> None:
        """With the event at this place, which readers compare with their cursor.

        Raises:
            Refusal: if the server makes no consumer.
        """
        self._begin = self._last = place
        inbox = self._client.new_inbox()
        self._subscription = await self._client.subscribe(inbox, cb=self._take, pending_bytes_limit=2 * KEPT_BYTES)
        try:
            await self._stream.push(self._client, inbox, max(place, 1))
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """The server forgets the consumer by itself, seconds later."""
        self._ended = True
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            try:
                await subscription.unsubscribe()
            except ERRORS:  # it has ended with its connection
                pass

    def after(self, place: Cursor, limit: int) -> list[Entry] | None:
        """The event there with those that came after it, `limit` at most; none if none came, None if it can't say."""
        with self._lock:
            self._read_at = time.monotonic()
            if self._ended or self._client.is_closed or self._client.stats["reconnects"] != self._connects:
                return None
            if not self._entries or place.seq > self._last:
                return [] if place.seq >= self._begin else None
            index = place.seq - self._entries[0].seq
            if index < 0 or self._entries[index].tag != place.tag:
                return None
            if place.seq == self._last:
                return []
            return [self._entries[i] for i in range(index, min(index + 1 + limit, len(self._entries)))]

    def expect(self, seq: int) -> None:
        """The log has got this far, by its own word: if that isn't pushed in time, nothing is."""
        with self._lock:
            now = time.monotonic()
            if now - self._due_at >= LATE:
                self._ended = self._ended or self._last < self._due
                self._due, self._due_at = seq, now

    async def _take(self, message: Msg) -> None:
        with self._lock:
            if not self._ended:
                self._ended = not self._append(message) or time.monotonic() - self._read_at > UNREAD
        if self._ended and self._stopping is None:
            self._stopping = asyncio.ensure_future(self.stop())  # which cancels the task that runs this
        self._on_event()

    def _append(self, message: Msg) -> bool:
        """Whether it is the consumer's next message, with the stream's next event."""
        fields = message.reply.split(".")  # $JS.ACK, domain and account or neither, stream, consumer, deliveries, …
        if len(fields) < 9:  # the consumer's end, say
            return False
        at = 5 if len(fields) == 9 else 7
        seq, sent, nanoseconds = (int(field) for field in fields[at : at + 3])
        if sent != self._sent + 1 or (self._entries and seq != self._last + 1):
            return False
        self._sent, self._last = sent, seq
        self._entries.append(entry_at(seq, nanoseconds, message.data))
        self._sizes.append(len(message.data))
        self._bytes += len(message.data)
        while len(self._entries) > KEPT or (self._bytes > KEPT_BYTES and len(self._entries) > 1):
            self._entries.popleft()
            self._bytes -= self._sizes.popleft()
        return True
