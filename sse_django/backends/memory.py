"""The log in a list: for tests, and for a site that is one process and may forget all events when it restarts.

It keeps every rule of the other backends, so that a test of resets, trims and repeats means something. Nothing reaches another
process.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from sse_django.backends.base import BaseBackend, Message, StoredEvent
from sse_django.backends.cursor import new_epoch, new_tag
from sse_django.backends.extent import Extent
from sse_django.backends.retention import Retention

#: Events dropped by one call of `trim`, so that publishers wait no longer for the lock than for a read.
TRIM_BATCH = 1000


class _Entry(NamedTuple):
    tag: str
    message: Message
    at: float  # monotonic seconds


class MemoryBackend(BaseBackend):
    """One process's log. OPTIONS: `max_events`, `max_age` in seconds; None is no limit."""

    def __init__(self, alias: str, options: Mapping[str, Any]) -> None:
        super().__init__(alias, options)
        self._retention = Retention.of(self)
        self._changed = threading.Condition()
        self._epoch = new_epoch()
        self._floor = self._seq = 0
        self._floor_tag = self._tag = ""
        self._entries: dict[int, _Entry] = {}  # by sequence, without gaps from floor + 1 to seq
        self._keys: dict[str, int] = {}

    def publish(self, messages: Sequence[Message]) -> None:
        """Append and wake who waits. See BaseBackend.publish()."""
        for message in messages:
            self.check_size(message)
        with self._changed:
            for message in messages:
                if message.key is not None and message.key in self._keys:
                    continue
                self._seq += 1
                self._tag = new_tag()
                self._entries[self._seq] = _Entry(self._tag, message, time.monotonic())
                if message.key is not None:
                    self._keys[message.key] = self._seq
            self._changed.notify_all()
        limit = self._retention.max_events
        if limit is not None and len(self._entries) > 2 * limit + TRIM_BATCH:
            self.trim()  # nobody reads, so nobody trims

    def head(self) -> str:
        with self._changed:
            return self._extent().head

    def read(self, after: str, channels: Collection[str] | None, limit: int) -> tuple[list[StoredEvent], str]:
        wanted = None if channels is None else set(channels)
        events: list[StoredEvent] = []
        with self._changed:
            extent = self._extent()
            cursor = extent.place(after)
            if extent.floor < cursor.seq < extent.seq:
                extent.match(cursor, self._entries[cursor.seq].tag)
            for seq in range(cursor.seq + 1, extent.seq + 1):
                entry = self._entries[seq]
                if wanted is None or not wanted.isdisjoint(entry.message.channels):
                    events.append(StoredEvent(extent.cursor(seq, entry.tag), entry.message))
                    if len(events) == limit:
                        return events, events[-1].cursor
        return events, extent.head

    def wait(self, after: str, timeout: float) -> None:
        with self._changed:
            if self._extent().head == after:
                self._changed.wait(timeout)

    def interrupt(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def trim(self) -> int:
        with self._changed:
            dropped, now = 0, time.monotonic()
            while self._floor < self._seq and dropped < TRIM_BATCH:
                entry = self._entries[self._floor + 1]
                if not self._retention.over(self._seq - self._floor, now - entry.at):
                    break
                self._floor += 1
                self._floor_tag = entry.tag
                del self._entries[self._floor]
                if entry.message.key is not None:
                    del self._keys[entry.message.key]
                dropped += 1
            return dropped

    def rotate_epoch(self) -> None:
        with self._changed:
            self._epoch = new_epoch()
            self._changed.notify_all()

    def close(self) -> None:
        """Nothing is held."""

    def _extent(self) -> Extent:
        return Extent(self._epoch, self._floor, self._floor_tag, self._seq, self._tag)
