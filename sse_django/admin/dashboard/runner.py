"""One widget's source on its schedule, on the process's background loop, for as long as somebody looks.

A call never overlaps the one before it, not even across a pause in which nobody looked; a source is asked no more often than
its interval, however often viewers come and go. What goes wrong is reported and the schedule goes on.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any

from sse_django.admin.dashboard.figures import TimeSeries
from sse_django.admin.dashboard.lists import Log
from sse_django.admin.dashboard.sources import Call
from sse_django.admin.dashboard.widget import Widget
from sse_django.background import background_loop
from sse_django.events import ServerSentEvent
from sse_django.pubsub import subscribe

#: Seconds before a channel that failed is read again; the subscription itself has its own patience with engines.
AGAIN = 2.0
#: Seconds between two calls, however much is published.
APART = 0.25

logger = logging.getLogger("sse_django")


class TookTooLong(Exception):
    """A source hasn't answered within its timeout."""


class Runner:
    """Asks one source.

    Args:
        widget: whose source.
        got: called on the background loop with a value, and when it was asked for (seconds since 1970).
        failed: called there with an exception.
        backfilled: called there with a history.
    """

    def __init__(
        self,
        widget: Widget,
        *,
        got: Callable[[Any, float], None],
        failed: Callable[[BaseException], None],
        backfilled: Callable[[Any], None],
    ) -> None:
        self._widget = widget
        self._got = got
        self._failed = failed
        self._backfilled = backfilled
        self._future: Future[None] | None = None
        self._pending: tuple[asyncio.Task[Any], Call] | None = None  # it may go on although nobody looks any more
        self._due = 0.0  # by time.monotonic()
        self._history_asked = False

    def start(self) -> None:
        """Begin, from any thread."""
        if self._future is None:
            # An empty context: the first viewer's user, language and time zone are nobody else's.
            self._future = contextvars.Context().run(asyncio.run_coroutine_threadsafe, self._run(), background_loop())

    def stop(self) -> None:
        """Nobody looks any more."""
        if self._future is not None:
            self._future.cancel()
            self._future = None

    @property
    def running(self) -> bool:
        """Whether it is on."""
        return self._future is not None

    async def _run(self) -> None:
        widget = self._widget
        if isinstance(widget, Log) and widget.channels:
            await self._follow(widget)
        if isinstance(widget, TimeSeries) and widget.history is not None and not self._history_asked:
            await self._backfill(widget)
            self._history_asked = True  # not if the only viewer left meanwhile
        told = asyncio.Event()
        listener = asyncio.create_task(self._listen(widget, told)) if widget.on else None
        try:
            while True:
                await self._until_due(told)
                told.clear()
                self._due = time.monotonic() + widget.interval
                at = time.time()
                await self._ask(widget.call(), lambda value, at=at: self._got(value, at))  # type: ignore[misc]
        finally:
            if listener is not None:
                listener.cancel()

    async def _until_due(self, told: asyncio.Event) -> None:
        """Until the interval is over, or, a moment after the last call, something was published that concerns it."""
        try:
            async with asyncio.timeout(max(0.0, self._due - time.monotonic())):
                await told.wait()
                last = self._due - self._widget.interval
                await asyncio.sleep(min(APART, self._widget.interval) - (time.monotonic() - last))
        except TimeoutError:
            pass

    async def _listen(self, widget: Widget, told: asyncio.Event) -> None:
        while True:
            try:
                begun = False
                async for event in subscribe(*widget.on, backend=widget.backend):
                    # The first is the cursor from which it reads: what came before it, the last call may not have seen.
                    if not begun or not _is_cursor(event):
                        told.set()
                    begun = True
            except Exception:
                logger.exception(
                    "the channels of the widget %r can't be read; it is asked by its interval", widget.name
                )
            await asyncio.sleep(AGAIN)

    async def _backfill(self, widget: TimeSeries) -> None:
        call = widget.history_call()
        assert call is not None
        await self._ask(call, self._backfilled)

    async def _ask(self, call: Call, then: Callable[[Any], None]) -> None:
        if self._pending is not None:
            await self._answered(*self._pending)
        task = asyncio.ensure_future(_quiet(call()))
        self._pending = task, call
        try:
            await self._answered(task, call)
        except asyncio.CancelledError:
            if call.cancellable:
                task.cancel()
            raise
        if task.cancelled():
            return
        value, error = task.result()
        if error is not None:
            self._failed(error)
            return
        then(value)

    async def _answered(self, task: asyncio.Task[Any], call: Call) -> None:
        """Wait for a call's end, and say so where that takes too long."""
        done, _ = await asyncio.wait({task}, timeout=self._widget.timeout)
        if done:
            return
        self._failed(TookTooLong(f"no answer within {self._widget.timeout:g} s"))
        if call.cancellable:
            task.cancel()
        call.give_way()
        await asyncio.wait({task})

    async def _follow(self, log: Log) -> None:
        while True:
            try:
                async for event in subscribe(*log.channels, backend=log.backend):
                    if (event.event is None and event.data is None) or event.event in ("stream-reset", "stream-error"):
                        continue  # a cursor; or what came meanwhile is lost, and these lines are a window anyway
                    at = time.time()
                    self._got(log.convert_event(event, at), at)
            except Exception as error:
                self._failed(error)
            await asyncio.sleep(AGAIN)


def _is_cursor(event: ServerSentEvent[Any]) -> bool:
    return event.event is None and event.data is None


async def _quiet(call: Coroutine[Any, Any, Any]) -> tuple[Any, BaseException | None]:
    """Its value or its exception; a task whose exception nobody fetches would complain.

    Also one by which it meant to end the process, as what parses arguments does: that isn't a source's to decide. And a
    cancellation of its own making.
    """
    try:
        return await call, None
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        return None, error
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        return None, error
