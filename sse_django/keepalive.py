"""Reading a pipe with keep-alive pings in the silences, from a task or from a thread; and `with_keepalive`. Knows no Django.

The clock is looked at only when nothing is ready: a timer is set at most once per interval and finds out by itself whether a
ping is due, so a busy stream pays nothing for it. A ping never touches the generator.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterable, Iterator
from typing import Any, TypeVar

from sse_django.events import KEEPALIVE_COMMENT
from sse_django.pipe import Pipe
from sse_django.pump import Pump
from sse_django.waker import make_wake

T = TypeVar("T")


async def with_keepalive(aiterable: AsyncIterable[T], interval: float | None) -> AsyncGenerator[T | bytes, None]:
    """Yield the chunks of an async iterable, and `KEEPALIVE_COMMENT` whenever it was silent for `interval` seconds.

    The iterable runs in one task from its first step to its `aclose()`, at most one chunk ahead; what it raises is raised
    here. Closing or cancelling this generator closes it.

    Args:
        aiterable: any async iterable; the chunks pass through unchanged.
        interval: seconds, above 0; None turns pings off.

    Raises:
        ValueError: if `interval` is not above 0.
    """
    if interval is not None and not interval > 0:
        raise ValueError(f"interval must be above 0 seconds, or None for no pings, got {interval!r}")
    pipe: Pipe[T] = Pipe(limit=1, measure=lambda chunk: 1)
    pump = Pump(aiterable, pipe, lambda chunk: chunk)
    pump.start()
    sleeper = Sleeper(pipe, interval)
    try:
        while True:
            ended = pipe.ended
            chunks = pipe.take_all()
            if chunks:
                for chunk in chunks:
                    yield chunk
                    sleeper.sent()
                    pipe.done_with(1)
            elif ended:
                break
            elif await sleeper.sleep():
                yield KEEPALIVE_COMMENT
                sleeper.sent()
        if pipe.error is not None:
            raise pipe.error
    finally:
        sleeper.stop()
        pump.close("disconnected")
        await pump.wait_closed()


class Sleeper:
    """A reader's sleep in a task: until the pipe is readable, or until a ping is due."""

    __slots__ = ("_future", "_interval", "_last", "_loop", "_pipe", "_timer")

    def __init__(self, pipe: Pipe[Any], interval: float | None) -> None:
        self._pipe = pipe
        self._interval = interval
        self._loop = asyncio.get_running_loop()
        self._last = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self._future: asyncio.Future[bool] | None = None

    def sent(self) -> None:
        """Bytes have just left."""
        self._last = self._loop.time()

    async def sleep(self) -> bool:
        """Whether it was for a ping that the sleep ended."""
        future = self._future = self._loop.create_future()
        self._pipe.wake_reader = make_wake(future, False)
        if self._pipe.readable:  # it came in between
            self._pipe.wake_reader = None
            return False
        if self._timer is None and self._interval is not None:
            self._timer = self._loop.call_at(self._last + self._interval, self._tick)
        try:
            return bool(await future)
        finally:
            self._future = None

    def _tick(self) -> None:
        assert self._interval is not None
        self._timer = None
        if self._future is None or self._future.done():
            return  # busy: the next sleep sets a new one
        due = self._last + self._interval
        if self._loop.time() < due:
            self._timer = self._loop.call_at(due, self._tick)
        else:
            self._future.set_result(True)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class PipeReader(Sleeper):
    """The chunks of a pipe, joined as they are ready, with pings. No generator: a short stream would pay for its hooks."""

    __slots__ = ("_handed",)

    def __init__(self, pipe: Pipe[bytes], interval: float | None) -> None:
        super().__init__(pipe, interval)
        self._handed: int | None = None  # bytes of the chunk that the consumer has been given

    async def next(self) -> bytes | None:
        """The next chunk, or a ping; None when the pipe has ended or was closed. To ask again says that the last has left."""
        pipe = self._pipe
        if self._handed is not None:
            self.sent()
            if pipe.done_with(self._handed) and not pipe.readable:
                await asyncio.sleep(
                    0
                )  # a writer in this loop has its turn now, which is cheaper than to be woken by it
            self._handed = None
        while True:
            ended = pipe.ended or pipe.closed is not None
            taken = pipe.take_all()
            if taken:
                chunk = taken[0] if len(taken) == 1 else b"".join(taken)
                self._handed = len(chunk)
                return chunk
            if ended:
                return None
            if await self.sleep():
                self._handed = 0
                return KEEPALIVE_COMMENT


async def read_async(pipe: Pipe[bytes], interval: float | None) -> AsyncGenerator[bytes, None]:
    """The same as a generator."""
    reader = PipeReader(pipe, interval)
    try:
        while (chunk := await reader.next()) is not None:
            yield chunk
    finally:
        reader.stop()


def read_sync(pipe: Pipe[bytes], interval: float | None) -> Iterator[bytes]:
    """As `read_async`, for a thread: WSGI."""
    ready = threading.Event()
    last = time.monotonic()
    while True:
        ended = pipe.ended or pipe.closed is not None
        taken = pipe.take_all()
        if taken:
            chunk = taken[0] if len(taken) == 1 else b"".join(taken)
            yield chunk
            last = time.monotonic()
            pipe.done_with(len(chunk))
        elif ended:
            return
        else:
            ready.clear()
            pipe.wake_reader = ready.set
            if pipe.readable:
                continue
            if not ready.wait(None if interval is None else max(0.0, last + interval - time.monotonic())):
                yield KEEPALIVE_COMMENT
                last = time.monotonic()
