"""Runs an async iterable into a pipe: every step of it and its `aclose()` in one task of its own. Knows no Django.

Timeouts, cancel scopes and context variables inside a generator belong to the task that runs it. So the generator gets one
for life, and readers, pings and middleware stay outside. Closing wakes a generator that waits at a `yield` and cancels one
that waits inside a step; either way its `finally` runs here, in its own context.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import threading
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable
from typing import Any

from sse_django.pipe import Pipe
from sse_django.waker import make_wake

logger = logging.getLogger("sse_django")

#: Seconds that a generator may keep the loop busy with ready items before others get a turn.
TIME_SLICE = 0.005
#: Full pipes after which threads that wait for the interpreter get a turn, and the seconds that are left to them. A loop
#: that never sleeps drops the lock around each look at its sockets and has it back before a waiting thread is awake (on
#: uvloop: until the stream ends), so that a request which needs a thread would not be answered. About two percent of the time.
BREATH_EVERY = 4
BREATH = 0.00005
#: Seconds that a closed generator has for its `finally` before it is cancelled once more, and again before it is given up.
CLOSE_GRACE = 5.0

#: Tasks are only weakly held by the loop; a generator must not vanish in the middle of its `finally`.
_running: set[asyncio.Task[None]] = set()


class Pump:
    """One async iterable on its way into a pipe.

    Args:
        source: what to iterate. Its `aclose()` is awaited if it has one.
        pipe: where the chunks go.
        encode: from an item to a chunk.
    """

    def __init__(self, source: AsyncIterable[Any], pipe: Pipe[Any], encode: Callable[[Any], Any]) -> None:
        self._source = source
        self._pipe = pipe
        self._encode = encode
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._in_step = False
        self._closing = False

    def start(self, context: contextvars.Context | None = None) -> None:
        """Begin, in a task of the running loop."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._task = self._loop.create_task(self._run(), context=context)
        _running.add(self._task)
        self._task.add_done_callback(_running.discard)

    @property
    def finished(self) -> bool:
        return self._task is None or self._task.done()

    def close(self, reason: str) -> None:
        """End the iterable, from any thread. Returns before it has ended."""
        self._pipe.close(reason)
        if self._loop is None or self._task is None or self._task.done():
            return
        if threading.get_ident() == self._thread:
            self._cancel_step()
        else:
            with contextlib.suppress(RuntimeError):  # the loop is closed, and it closed its generators
                self._loop.call_soon_threadsafe(self._cancel_step)

    def _cancel_step(self) -> None:
        if self._in_step and not self._closing and self._task is not None:
            self._closing = True
            self._task.cancel()

    async def run_until_finished(self) -> None:
        """Until the iterable has ended by itself or was closed."""
        if self._task is not None:
            await asyncio.wait({self._task})

    async def wait_closed(self) -> None:
        """Until the iterable's `finally` is through, or given up. Cancelling the wait doesn't touch it."""
        task = self._task
        if task is None or task.done():
            return
        await asyncio.wait({task}, timeout=CLOSE_GRACE)
        if not task.done():
            logger.warning("%r has not ended %s s after it was closed; it is cancelled", self._source, CLOSE_GRACE)
            task.cancel()
            await asyncio.wait({task}, timeout=CLOSE_GRACE)
            if not task.done():
                logger.error("%r does not end, its task is left to itself", self._source)

    async def _run(self) -> None:
        pipe = self._pipe
        error: BaseException | None = None
        source: AsyncIterator[Any] | None = None
        try:
            source = aiter(self._source)
            await self._feed(source)
        except asyncio.CancelledError as cancelled:
            if pipe.closed is None:  # not by us: the loop ends, or something inside was cancelled
                error = cancelled
        except BaseException as exc:  # the reader says what becomes of it
            error = None if pipe.closed is not None and _only_closing(exc) else exc
        self._in_step = False
        try:
            await _close(source)
        except BaseException as exc:
            if not _only_closing(exc):
                error = error or exc
        self._encode = self._source = None  # type: ignore[assignment]  # they may hold the response, which holds us
        pipe.end(error)
        if error is not None and not isinstance(error, (Exception, asyncio.CancelledError)):
            raise error  # KeyboardInterrupt and SystemExit belong to the loop

    async def _feed(self, source: AsyncIterator[Any]) -> None:
        pipe, encode, clock = self._pipe, self._encode, time.monotonic
        put, step = pipe.put, source.__anext__
        slice_end = clock() + TIME_SLICE
        full = 0
        while pipe.closed is None:
            self._in_step = True
            try:
                item = await step()
            except StopAsyncIteration:
                return
            self._in_step = False
            if put(encode(item)):
                await self._wait_for_room()
                full += 1
                if full % BREATH_EVERY == 0:
                    time.sleep(BREATH)  # noqa: ASYNC251  # asyncio's own would keep the lock
                slice_end = clock() + TIME_SLICE
            elif clock() > slice_end:
                await asyncio.sleep(0)
                slice_end = clock() + TIME_SLICE

    async def _wait_for_room(self) -> None:
        pipe = self._pipe
        loop = asyncio.get_running_loop()
        while pipe.full and pipe.closed is None:
            future: asyncio.Future[None] = loop.create_future()
            pipe.wake_writer = make_wake(future)
            if pipe.full and pipe.closed is None:
                await future
        pipe.wake_writer = None


async def _close(source: Any) -> None:
    aclose = getattr(source, "aclose", None)
    if aclose is not None:
        await aclose()


def _only_closing(error: BaseException) -> bool:
    """Whether an exception is just the closing coming back (a TaskGroup wraps GeneratorExit in a group)."""
    if isinstance(error, BaseExceptionGroup):
        return error.split((GeneratorExit, asyncio.CancelledError))[1] is None
    return isinstance(error, (GeneratorExit, asyncio.CancelledError))
