"""The body of a response that is one subscription: its chunks, as an async iterator with no task and no generator of its own.

What the server awaits is a future that the hub's call into the loop finishes with the bytes. A thousand readers of one event
share the bytes, and each costs its future and one step of the server's own task. Knows no Django.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Protocol, Self

from sse_django.ring import Chunk
from sse_django.subscription import Subscription
from sse_django.waker import Sleeper


class Owner(Protocol):
    """The stream whose body this is."""

    sending_since: float | None
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

    __slots__ = ("_clock", "_future", "_opened", "_owner", "_ping_interval", "_subscription")

    def __init__(self, owner: Owner, subscription: Subscription, ping_interval: float | None) -> None:
        self._owner = owner
        self._subscription = subscription
        self._ping_interval = ping_interval
        self._opened = False
        self._future: asyncio.Future[bytes] | None = None  # what the consumer awaits
        self._clock: Callable[[], float]  # the loop's, as `loop` is: known once it is read

    def __aiter__(self) -> Self:
        return self

    def __anext__(self) -> Awaitable[bytes]:
        if not self._opened:
            return self._open()
        self._owner.sending_since = None
        subscription = self._subscription
        if subscription.closed is not None:
            return self._stop()
        subscription.last_sent = self._clock()  # what came before has left by now
        chunk = subscription.take(self)
        future: asyncio.Future[bytes] = self.loop.create_future()
        if chunk is None:
            self._future = future
        else:
            future.set_result(self._out(chunk))
        return future

    def end(self) -> None:
        """There is something, in the loop of the consumer: most often asleep, but it may have left or be busy."""
        future = self._future
        if future is None or future.done():
            return
        chunk = self._subscription.take(self)
        if chunk is not None:
            self._future = None
            future.set_result(self._out(chunk))
        elif self._subscription.closed is not None:
            self._future = None
            future.set_exception(StopAsyncIteration())

    def _out(self, chunk: Chunk) -> bytes:
        self._owner.sending_since = monotonic()
        return chunk.wire

    async def _open(self) -> bytes:
        opening = await self._owner.open_channels()
        self.loop = asyncio.get_running_loop()
        self._clock = self.loop.time
        self._opened = True
        if self._owner.refused:
            self._subscription.close("refused")
            return opening
        self._subscription.open(self._ping_interval, self)
        return opening or await anext(self)

    async def _stop(self) -> bytes:
        await self.aclose()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """End the stream."""
        self._subscription.release("disconnected")
        await self._owner.aclose("disconnected")
