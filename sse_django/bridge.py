"""Between the sync and the async world: a generator runs where it belongs, and is read from where the server reads.

`ThreadPump` runs a sync iterable in one daemon thread of its own, from first to last step, so that cursors and locals stay
valid and no shared pool is held. `BackgroundPump` runs an async iterable on the process's background loop, for servers without
one (WSGI). Both feed a pipe and have the manners of `pump.Pump`: `start`, `close` from any thread, a `finally` that runs in the
generator's own context.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import AsyncIterable, Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

from asgiref.sync import AsyncToSync, SyncToAsync, ThreadSensitiveContext, _restore_context, sync_to_async
from django.db.backends.base.base import BaseDatabaseWrapper

from sse_django.background import background_loop
from sse_django.connections import Janitor, Lease, adopt, close_own, give_back, transaction_connections
from sse_django.pipe import Pipe
from sse_django.pump import TIME_SLICE, Pump
from sse_django.shutdown import draining
from sse_django.waker import make_wake

#: Seconds for which the end of a stream waits for a sync generator that is in the middle of a step; and when the process is
#: going: then the response has to end before the server loses patience, and interpreter exit waits again.
THREAD_GRACE, LAST_GRACE = 1.0, 0.3


class _Closers(set[Callable[[str], object]]):
    """What is called when a stream is closed, to end a wait that its generator is in."""

    reason: str | None = None


#: Set in the thread of a ThreadPump.
_closers: contextvars.ContextVar[_Closers | None] = contextvars.ContextVar("closers", default=None)


@contextmanager
def closed_with_stream(close: Callable[[str], object]) -> Iterator[None]:
    """While a sync generator waits in here, closing its stream calls `close(reason)` from another thread."""
    closers = _closers.get()
    if closers is None:
        yield
        return
    closers.add(close)
    try:
        if closers.reason is not None:  # it was closed just before
            close(closers.reason)
        yield
    finally:
        closers.discard(close)


class ThreadPump:
    """One sync iterable on its way into a pipe, in a thread of its own.

    A step that blocks can't be interrupted (unless it waits in `closed_with_stream`): after `close` the generator is closed at
    its next `yield`.
    """

    _active = 0
    _count_lock = threading.Lock()

    def __init__(
        self, source: Iterable[Any], pipe: Pipe[Any], encode: Callable[[Any], Any], *, release: bool, limit: int | None
    ) -> None:
        self._source: Any = source
        self._pipe = pipe
        self._encode: Any = encode
        self._release = release
        self._limit = limit
        self._closers = _Closers()

    def start(self) -> bool:
        """Begin; False, and nothing has happened, if `limit` threads stream already."""
        cls = ThreadPump
        with cls._count_lock:
            if self._limit is not None and cls._active >= self._limit:
                return False
            cls._active += 1
        lease = Lease(release=self._release)
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(self._run, lease), name="sse-stream", daemon=True).start()
        return True

    def close(self, reason: str) -> None:
        """End the iterable at its next `yield`, from any thread."""
        self._pipe.close(reason)
        self._closers.reason = self._closers.reason or reason
        for closer in list(self._closers):
            closer(reason)

    async def wait_closed(self) -> None:
        """Until the iterable's `finally` is through, for as long as is decent."""
        await wait_ended(self._pipe, _grace())

    def join(self) -> None:
        """As `wait_closed`, for a thread."""
        join_ended(self._pipe, _grace())

    def _run(self, lease: Lease) -> None:
        come_home()
        _closers.set(self._closers)
        error: BaseException | None = None
        try:
            with lease.held():
                source = self._source
                try:
                    self._feed(source)
                except BaseException as exc:
                    error = exc
                try:
                    if hasattr(source, "close"):
                        source.close()
                except BaseException as exc:
                    error = error or exc
        finally:
            self._source = self._encode = None
            with ThreadPump._count_lock:
                ThreadPump._active -= 1
            self._pipe.end(error)

    def _feed(self, source: Iterable[Any]) -> None:
        pipe, encode, clock = self._pipe, self._encode, time.monotonic
        room = threading.Event()
        slice_end = clock() + TIME_SLICE
        for item in source:
            pipe.put(encode(item))
            while pipe.full and pipe.closed is None:
                room.clear()
                pipe.wake_writer = room.set
                if pipe.full and pipe.closed is None:
                    room.wait()
            if pipe.closed is not None:
                return
            if clock() > slice_end:
                time.sleep(0)  # let the loop's thread have the interpreter
                slice_end = clock() + TIME_SLICE


class BackgroundPump:
    """One async iterable on its way into a pipe, on the background loop, in a thread-sensitive context of its own."""

    def __init__(
        self,
        source: AsyncIterable[Any],
        pipe: Pipe[Any],
        encode: Callable[[Any], Any],
        *,
        release: bool,
        shared: dict[str, BaseDatabaseWrapper] | None = None,
    ) -> None:
        self._pipe = pipe
        self._pump = Pump(source, pipe, encode)
        self._release = release
        self._shared = transaction_connections() if shared is None else shared

    def start(self) -> bool:
        """Begin, in a copy of the calling thread's context."""
        context = contextvars.copy_context()
        loop = background_loop()
        loop.call_soon_threadsafe(lambda: _keep(loop.create_task(self._run(), context=context)))
        return True

    async def _run(self) -> None:
        # Not `async with ThreadSensitiveContext()`: that keeps to one it inherits, and this stream's thread is its own.
        come_home()
        own = ThreadSensitiveContext()
        SyncToAsync.thread_sensitive_context.set(own)
        if self._shared:
            await sync_to_async(adopt)(self._shared)
        forget = Janitor.here().watch() if self._release else lambda: None
        try:
            self._pump.start()
            await self._pump.run_until_finished()
        finally:
            forget()
            if own in SyncToAsync.context_to_thread_executor:
                await sync_to_async(close_own)(self._shared)
                SyncToAsync.context_to_thread_executor.pop(own).shutdown(wait=False)
            give_back(self._shared)

    def close(self, reason: str) -> None:
        """End the iterable, from any thread."""
        self._pump.close(reason)

    async def wait_closed(self) -> None:
        """Until the iterable's `finally` is through."""
        await wait_ended(self._pipe, _grace())

    def join(self) -> None:
        """As `wait_closed`, for a thread."""
        join_ended(self._pipe, _grace())


def come_home() -> None:
    """Make an inherited context this thread's: asgiref hides a Local (language, time zone) from any thread but its own."""
    _restore_context(contextvars.copy_context())
    AsyncToSync.executors.current = None  # the thread that made us goes its own way


_tasks: set[asyncio.Task[None]] = set()


def _keep(task: asyncio.Task[None]) -> None:
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


class Homing(Executor):
    """Sends sync code to the view's own thread while the view still waits there, and to the request's executor afterwards.

    Behind a sync-only middleware a view runs on behalf of a thread, to which asgiref sends its sync code back. A generator
    outlives its view, and that thread with it.
    """

    # What asgiref reads of an executor in its chain; ours is never one that takes work items directly.
    _broken = True
    _old_executor = None

    def __init__(self, first: Executor) -> None:
        self._first = first
        self._work_ready = threading.Lock()

    @classmethod
    def context(cls) -> contextvars.Context:
        """A copy of the current context for a generator, at home in it if the current one is that of such a view."""
        context = contextvars.copy_context()
        first = getattr(AsyncToSync.executors, "current", None)
        if first is not None:
            context.run(setattr, AsyncToSync.executors, "current", cls(first))
        return context

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        with suppress(RuntimeError):  # it has quit
            return self._first.submit(fn, *args, **kwargs)
        return _context_executor().submit(fn, *args, **kwargs)


def _context_executor() -> Executor:
    context = SyncToAsync.thread_sensitive_context.get(None)
    if context is None:
        return SyncToAsync.single_thread_executor
    executors = SyncToAsync.context_to_thread_executor
    if context not in executors:
        executors[context] = ThreadPoolExecutor(max_workers=1)
    return executors[context]


def _grace() -> float:
    return LAST_GRACE if draining() else THREAD_GRACE


async def wait_ended(pipe: Pipe[Any], timeout: float) -> bool:
    """Wait as the pipe's reader until its writer is through; whether it is."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    while not pipe.ended and loop.time() < deadline:
        future: asyncio.Future[None] = loop.create_future()
        pipe.wake_reader = make_wake(future)
        timer = loop.call_at(deadline, make_wake(future))
        try:
            if not pipe.ended:
                await future
        finally:
            timer.cancel()
    return pipe.ended


def join_ended(pipe: Pipe[Any], timeout: float) -> bool:
    """As `wait_ended`, for a thread."""
    deadline = time.monotonic() + timeout
    while not pipe.ended and (left := deadline - time.monotonic()) > 0:
        ready = threading.Event()
        pipe.wake_reader = ready.set
        if not pipe.ended:
            ready.wait(min(left, 0.02))  # another thread may be the pipe's reader still, and take our wake-up away
    return pipe.ended
