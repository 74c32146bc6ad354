"""`subscribe`'s result: a place in a log, read by `async for`, by `for`, or by a response as ready-made bytes.

What comes first is the cursor (an `id` alone), then the channels' events from there on; in silence the newest cursor again, so
that a quiet channel's readers don't fall behind the log's floor while others are busy.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing

from sse_django.audience import reading
from sse_django.bridge import closed_with_stream
from sse_django.channelevent import ChannelEvent
from sse_django.conf import get_settings
from sse_django.events import KEEPALIVE_COMMENT, format_sse_event
from sse_django.hub import Reader, Wake, cursor_block
from sse_django.hubs import get_hub, start_hub
from sse_django.ring import Chunk
from sse_django.wheel import Wheel

#: Seconds to wait for the first cursor before a ping goes out in its place, so that the browser opens.
OPENING = 0.25


class Subscription:
    """Channels of one log from a cursor on. Made by `subscribe`; nothing happens until it is read, and it is read once.

    It never raises because the engine is down: it waits. `close` ends it from any thread.
    """

    def __init__(self, channels: tuple[str, ...], after: str | None, backend: str) -> None:
        self.channels = channels
        self.after = after
        self.backend = backend
        self.last_sent = 0.0
        self.ping_interval: float | None = None
        self._reader: Reader | None = None
        self._reason: str | None = None
        self._sleeping: asyncio.Future[None] | None = None
        self._ping_due = False
        self.events = 0  # handed to the reader so far

    def __repr__(self) -> str:
        return f"subscribe({', '.join(map(repr, self.channels))}, after={self.after!r}, backend={self.backend!r})"

    @property
    def closed(self) -> str | None:
        """Why it ends, or None."""
        return self._reason

    def close(self, reason: str) -> None:
        """End it, from any thread."""
        if self._reason is None:
            self._reason = reason
        if self._reader is not None:
            self._reader.close(self._reason)

    # -- events

    async def __aiter__(self) -> AsyncIterator[ChannelEvent]:
        self.ping_interval = get_settings().PING_INTERVAL
        async with aclosing(self._chunks()) as chunks:
            async for chunk in chunks:
                for event in self._events(chunk):
                    yield event

    def __iter__(self) -> Iterator[ChannelEvent]:
        for chunk in self._chunks_sync(get_settings().PING_INTERVAL):
            yield from self._events(chunk)

    def _events(self, chunk: Chunk | None) -> Iterator[ChannelEvent]:
        blocks = chunk.blocks if chunk is not None else [cursor_block(cursor)] if (cursor := self._caught_up()) else []
        for block in blocks:
            yield ChannelEvent.received(cursor=block.cursor, event=block.event, data=block.data, wire=block.wire)

    # -- bytes

    async def read(self, ping_interval: float | None) -> AsyncGenerator[bytes, None]:
        """The bytes of the events, with pings."""
        self.ping_interval = ping_interval
        async with aclosing(self._chunks()) as chunks:
            async for chunk in chunks:
                yield self._ping_bytes() if chunk is None else chunk.wire

    def read_sync(self, ping_interval: float | None) -> Iterator[bytes]:
        """As `read`, for a thread."""
        for chunk in self._chunks_sync(ping_interval):
            yield self._ping_bytes() if chunk is None else chunk.wire

    def ping(self) -> None:
        """The wheel says it is time."""
        self._ping_due = True
        if self._sleeping is not None and not self._sleeping.done():
            self._sleeping.set_result(None)

    # -- inside

    def _open(self) -> Reader:
        if self._reader is not None:
            raise RuntimeError(f"{self!r} is read already: subscribe once for each reader")
        channels = reading.get()
        if channels is not None:
            channels.update(self.channels)
        hub = get_hub(self.backend)
        reader = self._reader = hub.open(self.channels, self.after)
        if self.after is not None:
            reader.echo(self.after)
        if self._reason is not None:
            reader.close(self._reason)
        start_hub(hub)
        return reader

    async def _sleep(self, reader: Reader, loop: asyncio.AbstractEventLoop) -> None:
        future: asyncio.Future[None] = loop.create_future()
        self._sleeping = future
        if reader.sleep_until(Wake(future)):
            await future
        self._sleeping = None

    async def _chunks(self) -> AsyncGenerator[Chunk | None, None]:
        """Chunks, and None when a ping is due."""
        reader = self._open()
        loop = asyncio.get_running_loop()
        clock = loop.time
        self.last_sent = clock()
        wheel = Wheel.here()
        wheel.add(self)
        opening: asyncio.TimerHandle | None = loop.call_later(OPENING, self.ping)
        try:
            while reader.closed is None:
                chunk = reader.take()
                if chunk is not None:
                    if opening is not None:
                        opening.cancel()
                        opening = None
                    self.events += len(chunk.blocks)
                    yield chunk
                    self.last_sent = clock()
                elif self._ping_due:
                    self._ping_due = False
                    yield None
                else:
                    await self._sleep(reader, loop)
        finally:
            if opening is not None:
                opening.cancel()
            wheel.remove(self)
            self.close("disconnected")

    def _chunks_sync(self, ping_interval: float | None) -> Iterator[Chunk | None]:
        reader = self._open()
        last = time.monotonic()
        silence: float | None = OPENING
        try:
            with closed_with_stream(self.close):
                while reader.closed is None:
                    chunk = reader.take()
                    if chunk is not None:
                        self.events += len(chunk.blocks)
                        yield chunk
                        last, silence = time.monotonic(), ping_interval
                        continue
                    ready = threading.Event()
                    if not reader.sleep_until(ready.set):
                        continue
                    if not ready.wait(None if silence is None else max(0.0, last + silence - time.monotonic())):
                        yield None
                        last, silence = time.monotonic(), ping_interval
        finally:
            self.close("disconnected")

    def _ping_bytes(self) -> bytes:
        cursor = self._caught_up()
        return KEEPALIVE_COMMENT if cursor is None else b": ping\n" + format_sse_event(id=cursor)

    def _caught_up(self) -> str | None:
        assert self._reader is not None
        return self._reader.caught_up()
