"""The body of a response that is one subscription: its chunks, as an async iterator with no task and no generator of its own.

What the server awaits is a future that the hub's call into the loop finishes with the bytes. A thousand readers of one event
share the bytes, and each costs its future and one step of the server's own task. Knows no Django.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol, Self

from sse_django.log import ping_chunk
from sse_django.reader import Reader
from sse_django.ring import Chunk
from sse_django.subscription import OPENING, Subscription
from sse_django.waker import Sleeper
from sse_django.wheel import Wheel


class Owner(Protocol):
    """The stream whose body this is."""

    refused: bool

    async def open_channels(self) -> bytes:
        """Begin; what is to be sent before anything else."""

    async def aclose(self, reason: str) -> None:
        """End."""


class Relay(Sleeper):
    """One response's body. `aclose` ends it and may be called again; Django does, whichever way it stops to read.

    Args:
        owner: the stream.
        subscription: what it reads.
        ping_interval: seconds of silence before a ping; None for no pings.
    """

    __slots__ = (
        "_begun",
        "_clock",
        "_future",
        "_owner",
        "_reader",
        "_subscription",
        "events",
        "last_sent",
        "opened",
        "ping_interval",
    )

    def __init__(self, owner: Owner, subscription: Subscription, ping_interval: float | None) -> None:
        self._owner = owner
        self._subscription = subscription
        self._begun = False
        self.opened = False  # whether it has been asked for more than its first chunk
        self._reader: Reader | None = None
        self._future: asyncio.Future[bytes] | None = None  # what the consumer awaits, until there is something
        self._clock: Callable[[], float]  # the loop's, known once it is read, as `loop` is
        self.events = 0
        self.last_sent = 0.0  # when the newest chunk was handed to the consumer
        self.ping_interval = ping_interval

    @property
    def sending_since(self) -> float | None:
        """When the consumer was given the chunk that it has not come back from, by the clock of the loop."""
        return self.last_sent if self._reader is not None and self._future is None else None

    def __aiter__(self) -> Self:
        return self

    def __anext__(self) -> Awaitable[bytes]:
        reader = self._reader
        if reader is None:
            return self._stop() if self._begun else self._open()
        chunk = reader.take(self)
        if chunk is None and reader.closed is not None:
            return self._stop()
        future = self._future = self.loop.create_future()
        if chunk is not None:
            self._hand(future, chunk)
        return future

    def end(self) -> None:
        """There may be something. In the loop of the consumer, which sleeps as a rule, but may be busy or have left."""
        future, reader = self._future, self._reader
        if future is None or reader is None or future.done():
            return
        self._settle(future, reader, reader.take(self))

    def _settle(self, future: asyncio.Future[bytes], reader: Reader, chunk: Chunk | None) -> None:
        if chunk is not None:
            self._hand(future, chunk)
        elif reader.closed is not None:
            self._future = None
            future.set_exception(StopAsyncIteration())

    def ping(self) -> None:
        """The wheel says it is time. A consumer that doesn't sleep has something to send."""
        self.end()
        future, reader = self._future, self._reader
        if future is not None and reader is not None and not future.done():
            self._hand(future, ping_chunk(reader.cursor))  # which it has just been looked through to
            self.events -= 1

    def _hand(self, future: asyncio.Future[bytes], chunk: Chunk) -> None:
        self._future = None
        self.events += chunk.count
        clock = self._clock  # called as a method it would be looked up the slow way
        self.last_sent = clock()
        future.set_result(chunk.wire)

    async def _open(self) -> bytes:
        try:
            opening = await self._owner.open_channels()
            self._begun = True
            if self._owner.refused:
                return opening
            loop = self.loop = asyncio.get_running_loop()
            self._clock = loop.time
            self.last_sent = loop.time()
            self._reader = self._subscription.begin()
        except BaseException:
            await self.aclose()
            raise
        Wheel.here().add(self)
        if opening:
            self.opened = True
            return opening
        timer = loop.call_later(OPENING, self.ping)
        try:
            return await anext(self)
        finally:
            timer.cancel()
            self.opened = True

    async def _stop(self) -> bytes:
        await self.aclose()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """End the stream."""
        if self._reader is not None:
            Wheel.here().remove(self)
        self._subscription.close("disconnected")
        self._subscription.events = self.events
        await self._owner.aclose("disconnected")
