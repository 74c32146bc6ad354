"""A NATS connection for threads: the client knows asyncio only, so it lives on a loop and a thread of its own.

Opened at first use and shared by all threads of the process. Nothing is buffered while the server is away: a request that could
not be sent fails at once, and none is sent later behind the back of whoever was told so.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol, TypeVar

from django.core.exceptions import ImproperlyConfigured

try:
    import nats.errors
    import nats.js.errors
    from nats.aio.client import Client
except ImportError as error:
    raise ImproperlyConfigured('NatsBackend needs nats-py: pip install "sse-django[nats]"') from error

#: What a call raises where the server did not answer as it should.
ERRORS = (nats.errors.Error, OSError, TimeoutError)
#: What a call raises where the server refuses what was asked of it.
Refusal = nats.js.errors.APIError

logger = logging.getLogger("sse_django")

T = TypeVar("T")

#: Seconds between pings, and how many may be unanswered: a connection cut off without a word is noticed in 10 s.
PING_INTERVAL, MAX_PINGS = 5, 2
#: Seconds between attempts to connect again.
RECONNECT_WAIT = 0.25


class Call(Protocol):
    """What `Connection.use` gives."""

    def __call__(self, function: Callable[[Client], Awaitable[T]], waits: float = 0.0) -> T: ...


class Connection:
    """`with connection.use() as call: call(function)` runs `await function(client)` on the loop; `call(function, 3.0)` one that
    waits for so many seconds by itself.

    Args:
        servers: addresses.
        timeout: seconds for connecting, and for each call.
        more: arguments of the client's `connect`.
    """

    def __init__(
        self,
        servers: list[str],
        timeout: float,
        more: Mapping[str, Any],
    ) -> None:
        self._servers = servers
        self._more = more
        self._timeout = timeout
        self._lock = threading.Lock()
        self._users = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._client: Client | None = None
        self._connecting: asyncio.Lock | None = None

    @contextmanager
    def use(self) -> Iterator[Call]:
        """A function that runs async ones; the connection is not closed meanwhile."""
        with self._lock:
            self._users += 1
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._connecting = asyncio.Lock()
                self._thread = threading.Thread(target=_run, args=(self._loop,), name="sse-nats", daemon=True)
                self._thread.start()
            loop = self._loop
        try:
            yield partial(self._call, loop)
        finally:
            with self._lock:
                self._users -= 1

    def close(self) -> None:
        """Close it, unless another thread uses it."""
        with self._lock:
            loop, thread, client = self._loop, self._thread, self._client
            if self._users or loop is None or thread is None:
                return
            self._loop = self._thread = self._client = None
            if client is not None:
                future = asyncio.run_coroutine_threadsafe(client.close(), loop)
                try:
                    future.result(self._timeout)
                except Exception:
                    logger.debug("closing a NATS connection failed", exc_info=True)
            loop.call_soon_threadsafe(loop.stop)
            thread.join(self._timeout)
            if not thread.is_alive():
                loop.close()

    def _call(
        self, loop: asyncio.AbstractEventLoop, function: Callable[[Client], Awaitable[T]], waits: float = 0.0
    ) -> T:
        async def run() -> T:
            async with asyncio.timeout(self._timeout + waits):
                return await function(await self._connect())

        return asyncio.run_coroutine_threadsafe(run(), loop).result(2 * self._timeout + waits)

    async def _connect(self) -> Client:
        assert self._connecting is not None
        async with self._connecting:
            if self._client is None or self._client.is_closed:
                client = Client()
                try:
                    await client.connect(**self._options())
                except BaseException:
                    await client.close()
                    raise
                self._client = client
            return self._client

    def _options(self) -> dict[str, Any]:
        return {
            "servers": self._servers,
            "name": "sse_django",
            "connect_timeout": max(1, round(self._timeout)),
            "max_reconnect_attempts": -1,
            "reconnect_time_wait": RECONNECT_WAIT,
            "ping_interval": PING_INTERVAL,
            "max_outstanding_pings": MAX_PINGS,
            "pending_size": -1,
            "error_cb": _log,
            **self._more,
        }


async def _log(error: Exception) -> None:
    logger.debug("NATS: %s", error)


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    loop.run_forever()
