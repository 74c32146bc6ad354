"""Asking again, while a stream runs, whether it may: jittered, a few questions at a time, on the stream's own request."""

from __future__ import annotations

import asyncio
import inspect
import logging
import random
import weakref
from collections.abc import Callable
from typing import Any

from asgiref.sync import SyncToAsync, ThreadSensitiveContext, sync_to_async
from django.http import HttpRequest

from sse_django import syncquery
from sse_django.background import background_loop
from sse_django.bridge import come_home
from sse_django.connections import close_own
from sse_django.eventstream import EventStream

logger = logging.getLogger("sse_django")

#: Questions asked at once; thousands of streams must not become thousands of queries in one second.
AT_ONCE = 4


class Recheck:
    """Ends a stream when `ask(request)`, sync or async, says False. An error counts as False, and is logged.

    The questions run on the background loop, so that they are the same under ASGI and WSGI and can't disturb the generator.
    """

    _slots: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = weakref.WeakKeyDictionary()

    def __init__(self, ask: Callable[[HttpRequest], Any], interval: float) -> None:
        self._ask = ask
        self._interval = interval

    def attach(self, request: HttpRequest, stream: EventStream) -> None:
        """Begin when the stream does; end with it."""
        stream.on_launch = lambda: (
            asyncio.run_coroutine_threadsafe(self._run(request, stream), background_loop()).cancel
        )

    async def _run(self, request: HttpRequest, stream: EventStream) -> None:
        come_home()  # the context is that of the view, and so was its thread
        while True:
            await asyncio.sleep(self._interval * random.uniform(0.8, 1.2))
            if not await self._allowed(request):
                stream.close("recheck")
                return

    async def _allowed(self, request: HttpRequest) -> bool:
        slots = self._slots.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(AT_ONCE))
        async with slots, OwnThread():
            try:
                if inspect.iscoroutinefunction(self._ask):
                    return bool(await self._ask(request))
                answer = await sync_to_async(self._ask)(request)
                return bool(await answer if inspect.isawaitable(answer) else answer)
            except Exception as error:
                syncquery.explain(error)
                logger.exception("recheck failed for %s; the stream ends", request.path)
                return False


class OwnThread(ThreadSensitiveContext):
    """A thread for one question, whose connections are closed after it."""

    async def __aexit__(self, *exc_info: object) -> None:
        executor = SyncToAsync.context_to_thread_executor.get(self)
        if executor is not None:
            # Not awaited here: who is cancelled in between would leave the thread, and what it has open, behind. The thread's
            # end, which comes next, waits for it.
            executor.submit(close_own, {})
        await super().__aexit__(*exc_info)  # type: ignore[no-untyped-call]
