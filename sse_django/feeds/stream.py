"""One reader of a feed: the snapshot, then what came after it; after a `stream-reset` a new one.

It hands on the bytes that the hub has made for all readers, without what isn't the feed's. A row that moves from one of the
reader's channels to another of them is `deleted` in the log for those who lose it and `created` for those who gain it: this
reader does neither, so it gets `updated`.
"""

from __future__ import annotations

import asyncio
import logging
import random
import weakref
from collections.abc import AsyncIterator, Callable

from asgiref.sync import sync_to_async

from sse_django.events import format_sse_event
from sse_django.feeds.changes import CAME_FROM, GOES_TO, MARK
from sse_django.feeds.feed import ModelFeed
from sse_django.feeds.handoff import Place
from sse_django.pubsub import subscribe
from sse_django.ring import Block

logger = logging.getLogger("sse_django")

#: A snapshot's event, and where its changes begin.
Begin = Callable[[], tuple[bytes, Place]]

#: Snapshots made at once, by a process whose readers were all reset.
AT_ONCE = 4

CREATED, UPDATED = b"event: created\n", b"event: updated\n"


class FeedStream:
    """The bytes for one reader.

    Args:
        feed: the feed.
        channels: what the reader may read; not empty.
        first: what it gets first, and the place in the log that belongs to it.
        begin: makes a snapshot, in a thread.
        ping_interval: seconds of silence before its newest cursor is sent; None for never.
    """

    def __init__(
        self,
        feed: ModelFeed,
        channels: tuple[str, ...],
        first: tuple[bytes, Place],
        begin: Begin,
        ping_interval: float | None,
    ) -> None:
        self._channels = channels
        self._backend = feed.backend
        self._label = feed.label
        self._first = first
        self._begin = begin
        self._ping_interval = ping_interval
        self._mark = f"{MARK}{feed.label}"
        self._from = frozenset(f"{CAME_FROM}{name}" for name in channels)
        self._to = frozenset(f"{GOES_TO}{name}" for name in channels)
        self._merges = feed.template_name is None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        wire, place = self._first
        while True:
            yield wire
            async for chunk in self._follow(place):
                if chunk is None:
                    break
                yield chunk
            else:
                return
            try:
                async with _turn():
                    wire, place = await sync_to_async(self._begin)()
            except Exception:
                logger.exception("%s could not make a new snapshot; the reader is to come back", self._label)
                yield come_back()
                return

    async def _follow(self, place: Place) -> AsyncIterator[bytes | None]:
        """What came after a place; None, last, if the log can't say."""
        subscription = subscribe(*self._channels, after=place.cursor, backend=self._backend)
        subscription.open(self._ping_interval)
        try:
            while (chunk := await subscription.next_chunk()) is not None:
                blocks = chunk.blocks
                if any(block.event == "stream-reset" for block in blocks):
                    yield None
                    return
                written = [wire for block in blocks if (wire := self._write(block, place))]
                if written:
                    yield b"".join(written)
        finally:
            subscription.release("disconnected")

    def _write(self, block: Block, place: Place) -> bytes:
        if not block.channels:  # a ping, or the cursor that we came with and that the reader has
            return b"" if block.cursor == place.cursor and not block.wire.startswith(b":") else self._ping(block, place)
        if self._mark not in block.channels:
            return b""
        if place.knows(block.cursor):
            return format_sse_event(id=block.cursor)
        if self._merges and len(self._channels) > 1:
            if not self._to.isdisjoint(block.channels):
                return format_sse_event(id=block.cursor)
            if not self._from.isdisjoint(block.channels) and block.wire.startswith(CREATED):
                return UPDATED + block.wire.removeprefix(CREATED)
        return block.wire

    def _ping(self, block: Block, place: Place) -> bytes:
        # As long as nothing has come, the reader's id says more than the cursor: what to leave out.
        return b": ping\n\n" if place.skip and block.cursor == place.cursor else block.wire


def _turn() -> asyncio.Semaphore:
    """One reset sends all readers to the database at once: they go a few at a time."""
    return _turns.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(AT_ONCE))


_turns: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = weakref.WeakKeyDictionary()


def come_back() -> bytes:
    """Ends a stream that can't go on now: EventSource takes any status but 200 as final."""
    return format_sse_event(retry=random.randint(1000, 5000))
