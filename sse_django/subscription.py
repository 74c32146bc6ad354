"""`subscribe`'s result: a place in a log, read by `async for`, by `for`, or by a response as ready-made bytes.

What comes first is the cursor (an `id` alone), then the channels' events from there on; in silence the newest cursor again, so
that a quiet channel's readers don't fall behind the log's floor while others are busy.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator

from sse_django.audience import reading
from sse_django.bridge import closed_with_stream
from sse_django.channelevent import ChannelEvent
from sse_django.conf import get_settings
from sse_django.hubs import get_hub, start_hub
from sse_django.log import ping_chunk
from sse_django.reader import Reader
from sse_django.ring import Chunk
from sse_django.waker import TaskSleep
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
        self._sleep: TaskSleep | None = None
        self._wheel: Wheel | None = None
        self._opening: asyncio.TimerHandle | None = None
        self._clock: Callable[[], float] = time.monotonic
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

    # -- as events

    async def __aiter__(self) -> AsyncIterator[ChannelEvent]:
        self.open(get_settings().PING_INTERVAL)
        try:
            while (chunk := await self.next_chunk()) is not None:
                for event in _events(chunk):
                    yield event
        finally:
            self.release("disconnected")

    def __iter__(self) -> Iterator[ChannelEvent]:
        for chunk in self.chunks_sync(get_settings().PING_INTERVAL):
            yield from _events(chunk)

    # -- as chunks, for a task

    def open(self, ping_interval: float | None) -> None:
        """Begin to read, in the running loop; `release` at the end."""
        self.begin()
        loop = asyncio.get_running_loop()
        self._sleep = TaskSleep(loop)
        self._clock = loop.time
        self.ping_interval = ping_interval
        self.last_sent = loop.time()
        self._wheel = Wheel.here()
        self._wheel.add(self)
        self._opening = loop.call_later(OPENING, self.ping)

    async def next_chunk(self) -> Chunk | None:
        """What is to be sent next, pings included; None at the end."""
        reader, sleep = self._reader, self._sleep
        assert reader is not None
        assert sleep is not None
        self.last_sent = self._clock()  # what came before has left by now
        while True:
            chunk = reader.take(sleep)
            if chunk is not None:
                if self._opening is not None:
                    self._opening.cancel()
                    self._opening = None
                self.events += chunk.count
                return chunk
            if reader.closed is not None:
                return None
            if self._ping_due:
                self._ping_due = False
                return ping_chunk(reader.caught_up())
            await sleep.begin()

    def ping(self) -> None:
        """The wheel says it is time."""
        self._ping_due = True
        if self._sleep is not None:
            self._sleep.end()

    def release(self, reason: str) -> None:
        """It is read no more."""
        if self._opening is not None:
            self._opening.cancel()
        if self._wheel is not None:
            self._wheel.remove(self)
        self.close(reason)

    # -- as chunks, for a thread

    def chunks_sync(self, ping_interval: float | None) -> Iterator[Chunk]:
        """As `next_chunk`, one after the other."""
        reader = self.begin()
        ready = threading.Event()
        last = time.monotonic()
        silence: float | None = OPENING
        try:
            with closed_with_stream(self.close):
                while reader.closed is None:
                    ready.clear()
                    chunk = reader.take(ready.set)
                    if chunk is not None:
                        self.events += chunk.count
                    elif self.closed is not None:
                        return
                    elif ready.wait(None if silence is None else max(0.0, last + silence - time.monotonic())):
                        continue
                    yield ping_chunk(reader.caught_up()) if chunk is None else chunk
                    last, silence = time.monotonic(), ping_interval
        finally:
            self.close("disconnected")

    # -- inside

    def begin(self) -> Reader:
        """Have the hub read.

        Raises:
            RuntimeError: if it is read already.
        """
        if self._reader is not None:
            raise RuntimeError(f"{self!r} is read already: subscribe once for each reader")
        channels = reading.get()
        if channels is not None:
            channels.update(self.channels)
        hub = get_hub(self.backend)
        reader = self._reader = hub.open(self.channels, self.after)
        if self.after is not None:
            reader.echo(self.after)
        if self._reason is not None:  # closed meanwhile, by somebody who found no reader to close
            reader.close(self._reason)
        start_hub(hub)
        return reader


def _events(chunk: Chunk) -> Iterator[ChannelEvent]:
    for block in chunk.blocks:
        if block.cursor:  # else a ping from before the log was ever reached
            yield ChannelEvent.received(cursor=block.cursor, event=block.event, data=block.data, wire=block.wire)
