"""Streams that wait hold no database connection, and async ones no thread either.

An async stream uses its request's one-thread executor (asgiref's thread-sensitive context): a second without a query, and the
connections in that thread are closed and the thread is dropped; the next query makes both anew. A sync stream sleeps in
its own thread, so its connections are closed from outside, under a lock that its next use takes. Never inside a
transaction, never under a cursor that somebody still holds (`aiterator()`, `iterator()`), never a connection that a test
shares between threads.
"""

from __future__ import annotations

import asyncio
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from typing import Any

from asgiref.sync import SyncToAsync
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

#: Seconds of waiting after which a stream gives its connection back.
IDLE = 1.0
_LOOK = IDLE / 2


class CursorWatch:
    """An execute wrapper (Django's instrumentation hook) that knows which cursors of a connection are still held."""

    def __init__(self) -> None:
        self._held: weakref.WeakSet[Any] = weakref.WeakSet()
        self.last_used = time.monotonic()

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        self._held.add(context["cursor"])
        try:
            return execute(sql, params, many, context)
        finally:
            self.last_used = time.monotonic()

    @property
    def holds_cursor(self) -> bool:
        return len(self._held) > 0

    @classmethod
    def of(cls, connection: BaseDatabaseWrapper) -> CursorWatch | None:
        return next((w for w in connection.execute_wrappers if isinstance(w, cls)), None)

    @classmethod
    def install(cls, connection: BaseDatabaseWrapper) -> CursorWatch:
        watch = cls.of(connection)
        if watch is None:
            watch = cls()
            connection.execute_wrappers.append(watch)
        return watch


def _watch_new_connection(connection: BaseDatabaseWrapper, **kwargs: object) -> None:
    # Only where a stream may come to wait in this thread: one of a request's own (ASGI) or of a background stream.
    if SyncToAsync.thread_sensitive_context.get(None) is not None:
        CursorWatch.install(connection)


connection_created.connect(_watch_new_connection, dispatch_uid="sse_django.connections")


def _may_close(connection: BaseDatabaseWrapper) -> bool:
    watch = CursorWatch.of(connection)
    if watch is None or watch.holds_cursor or connection.in_atomic_block or not connection.autocommit:
        return False
    return time.monotonic() - watch.last_used >= IDLE


def _close_idle_here() -> bool:
    """Close this thread's connections where that is safe; whether the thread is free of open ones."""
    free = True
    for connection in connections.all(initialized_only=True):
        if connection.connection is None:
            continue
        if connection.allow_thread_sharing or not _may_close(connection):
            free = False
        else:
            connection.close()
    return free


def dismiss_thread() -> None:
    """In the thread of a request, as its last work: have the thread end by itself, if it holds no connection.

    asgiref would start another thread to wait for its end, and wait for that: a tenth of what a short stream costs.
    """
    context = SyncToAsync.thread_sensitive_context.get(None)
    if context is None:
        return
    executor = SyncToAsync.context_to_thread_executor.get(context)
    if executor is None or getattr(context, "_executor", None) is not None:  # one that its owner ends
        return
    if threading.current_thread() not in getattr(executor, "_threads", ()):
        return
    if all(connection.connection is None for connection in connections.all(initialized_only=True)):
        SyncToAsync.context_to_thread_executor.pop(context, None)
        executor.shutdown(wait=False)


class Janitor:
    """Looks twice a second at the streams of one loop whose request has a thread, and frees those that don't use it."""

    _by_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Janitor] = weakref.WeakKeyDictionary()

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._watched: set[Any] = set()
        self._seen: dict[Any, int] = {}  # looks at which it had an executor
        self._timer: asyncio.TimerHandle | None = None
        self._releasing: dict[Any, asyncio.Task[None]] = {}

    @classmethod
    def here(cls) -> Janitor:
        """The one of the running loop."""
        loop = asyncio.get_running_loop()
        janitor = cls._by_loop.get(loop)
        if janitor is None:
            janitor = cls._by_loop[loop] = cls(loop)
        return janitor

    def watch(self) -> Callable[[], None]:
        """Free the thread of the current thread-sensitive context whenever its connections are idle; returns the end of it.

        Where there is no such context (TestCase, the shell) nothing is ever closed.
        """
        key = SyncToAsync.thread_sensitive_context.get(None)
        if key is None or key in self._watched:
            return lambda: None
        self._watched.add(key)
        if self._timer is None:
            self._timer = self._loop.call_later(_LOOK, self._look)
        return lambda: self._forget(key)

    def _forget(self, key: Any) -> None:
        self._watched.discard(key)
        self._seen.pop(key, None)

    def _look(self) -> None:
        self._timer = self._loop.call_later(_LOOK, self._look) if self._watched else None
        executors = SyncToAsync.context_to_thread_executor
        # Those that have one are few, however many streams wait. Copied in one go: other threads take theirs out meanwhile.
        keys = {key for reference in executors.keyrefs() if (key := reference()) is not None}
        held = {key for key in keys & self._watched if getattr(key, "_executor", None) is None}
        for key in held - self._releasing.keys():
            self._seen[key] = self._seen.get(key, 0) + 1
            if self._seen[key] > 2:
                del self._seen[key]
                executor = executors.get(key)
                if executor is None:
                    continue
                task = self._releasing[key] = self._loop.create_task(self._release(key, executor))
                task.add_done_callback(lambda _, key=key: self._releasing.pop(key, None))  # type: ignore[misc]

    async def _release(self, key: Any, executor: Executor) -> None:
        try:
            free = await self._loop.run_in_executor(executor, _close_idle_here)
        except RuntimeError:  # the request ended meanwhile and took its executor along
            return
        executors = SyncToAsync.context_to_thread_executor
        if free and executors.get(key) is executor:
            executors.pop(key, None)
            executor.shutdown(wait=False)


class Lease:
    """The connections of one sync stream's thread, closed by others while it sleeps.

    `shared` are connections inside a transaction of the thread that made the stream (a TestCase): the stream's thread uses
    them as its own, as Django's LiveServerThread does.
    """

    def __init__(self, *, release: bool) -> None:
        self._release = release
        self._lock = (
            threading.RLock()
        )  # connecting sets the autocommit mode, which makes sure that there is a connection
        self._guarded: list[BaseDatabaseWrapper] = []
        self._shared = transaction_connections()

    @contextmanager
    def held(self) -> Iterator[None]:
        """In the stream's thread, around all its steps."""
        adopt(self._shared)
        if self._release:
            for alias in connections:
                if alias not in self._shared and connections.settings[alias]["ENGINE"] != "django.db.backends.dummy":
                    self._guard(connections[alias])
            _Reaper.watch(self)
        try:
            yield
        finally:
            _Reaper.forget(self)
            close_own(self._shared)
            give_back(self._shared)

    def _guard(self, connection: BaseDatabaseWrapper) -> None:
        watch = CursorWatch.install(connection)
        connect = connection.ensure_connection

        def ensure_connection() -> None:
            # Every use of a connection comes through here first; from now on it counts as used, so nobody closes it.
            with self._lock:
                watch.last_used = time.monotonic()
                connect()

        connection.ensure_connection = ensure_connection  # type: ignore[method-assign]
        connection.inc_thread_sharing()
        self._guarded.append(connection)

    def close_idle(self) -> None:
        """From another thread: close what has not been used for a second."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            for connection in self._guarded:
                if connection.connection is not None and _may_close(connection):
                    with suppress(Exception):
                        connection.close()
        finally:
            self._lock.release()


class _Reaper:
    """Closes what sleeping sync streams hold, from a thread of its own (Django refuses to do it in a loop's)."""

    _leases: dict[int, Lease] = {}
    _lock = threading.Lock()
    _thread: threading.Thread | None = None

    @classmethod
    def watch(cls, lease: Lease) -> None:
        with cls._lock:
            cls._leases[id(lease)] = lease
            if cls._thread is None or not cls._thread.is_alive():  # it ended, or this process was forked
                cls._thread = threading.Thread(target=cls._run, name="sse-reaper", daemon=True)
                cls._thread.start()

    @classmethod
    def forget(cls, lease: Lease) -> None:
        cls._leases.pop(id(lease), None)

    @classmethod
    def _run(cls) -> None:
        while True:
            time.sleep(_LOOK)
            for lease in list(cls._leases.values()):
                lease.close_idle()
            with cls._lock:
                if not cls._leases:
                    cls._thread = None
                    return


def transaction_connections() -> dict[str, BaseDatabaseWrapper]:
    """This thread's connections that are inside `atomic`, opened for use by a stream's thread. Give them back."""
    shared = {c.alias: c for c in connections.all(initialized_only=True) if c.in_atomic_block}
    for connection in shared.values():
        connection.inc_thread_sharing()
    return shared


def adopt(shared: dict[str, BaseDatabaseWrapper]) -> None:
    """In the stream's thread: use these connections as its own."""
    for alias, connection in shared.items():
        connections[alias] = connection


def close_own(shared: dict[str, BaseDatabaseWrapper]) -> None:
    """In the stream's thread, at its end: close what it opened itself."""
    for connection in connections.all(initialized_only=True):
        if connection.alias not in shared:
            with suppress(Exception):  # the stream has said all it had to say
                # The base class's: SQLite's own leaves an in-memory database open, which others still have open anyway.
                BaseDatabaseWrapper.close(connection)


def give_back(shared: dict[str, BaseDatabaseWrapper]) -> None:
    """The stream's thread is through with them."""
    for connection in shared.values():
        connection.dec_thread_sharing()
    shared.clear()
