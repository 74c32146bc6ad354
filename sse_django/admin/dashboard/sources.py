"""One call of a widget's source: a sync or an async function, or a queryset, run where that does no harm.

A sync function has a daemon thread for the call, at most THREADS at once in a process, but for those that are late; an async
one runs on the background loop, with a thread of its own for its queries. Whatever connection the call has opened is closed, or
back in its pool, when it is over. Nothing of the viewers' requests is around: no user, no language, no time zone.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import sync_to_async
from django.db.models import QuerySet

from sse_django.connections import close_own
from sse_django.recheck import OwnThread
from sse_django.waker import make_wake

#: Sync sources that run at once in a process; the others wait for their turn. One that is late isn't counted.
THREADS = 8

_slots: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = weakref.WeakKeyDictionary()


class Call:
    """How a source is asked: `await call()` gives what `convert` makes of its value.

    Args:
        source: a function without arguments, sync or async, or a value that `convert` knows how to read (a queryset).
        convert: run in a thread, since it may query.

    `cancellable` says whether cancelling a call ends it: a thread can't be ended.
    """

    def __init__(self, source: Any, convert: Callable[[Any], Any]) -> None:
        self._source = source
        self._convert = convert
        self._slot: asyncio.Semaphore | None = None
        self.cancellable = is_async(source)

    async def __call__(self) -> Any:
        if self.cancellable:
            return await self._await(self._source())
        slot = _slots.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(THREADS))
        await slot.acquire()
        self._slot = slot
        try:
            result = await _in_thread(self._ask)
        finally:
            self.give_way()
        return await self._await(result) if inspect.isawaitable(result) else result

    def give_way(self) -> None:
        """Leave its place among the THREADS to others. It may never answer, and a few such would keep all others waiting."""
        slot, self._slot = self._slot, None
        if slot is not None:
            slot.release()

    def _ask(self) -> Any:
        # A queryset remembers its rows, so it is a new one each time.
        value = self._source.all() if isinstance(self._source, QuerySet) else self._source()
        return value if inspect.isawaitable(value) else self._convert(value)

    async def _await(self, value: Awaitable[Any]) -> Any:
        async with OwnThread():
            return await sync_to_async(self._convert)(await value)


def is_async(source: Any) -> bool:
    """Whether calling it gives something to await."""
    return inspect.iscoroutinefunction(source) or inspect.iscoroutinefunction(getattr(source, "__call__", None))  # noqa: B004


async def _in_thread(function: Callable[[], Any]) -> Any:
    """Run it in a thread of its own."""
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    wake = make_wake(done)
    outcome: list[Any] = [None, None]

    def run() -> None:
        try:
            outcome[0] = function()
        except BaseException as error:
            outcome[1] = error
        finally:
            close_own({})
            wake()

    threading.Thread(target=contextvars.Context().run, args=(run,), name="sse-dashboard", daemon=True).start()
    await done
    if outcome[1] is not None:
        raise outcome[1]
    return outcome[0]
