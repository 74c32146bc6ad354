"""One stream's life: it is launched where it belongs, perhaps before its response starts; read once; closed for a reason.

`EventStream` joins the parts (a pump, a pipe, pings, shutdown, limits) and knows nothing of views. Every way out leads
through `close`, and whichever way it is, the generator's `finally` runs and the stream is forgotten.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
import logging
import random
import threading
import weakref
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Iterator
from time import monotonic
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.signals import got_request_exception
from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import HttpRequest

from sse_django import shutdown, syncquery, unread
from sse_django.audience import reading, session_of, user_of
from sse_django.bridge import BackgroundPump, Homing, ThreadPump
from sse_django.compression import GzipStream
from sse_django.conf import get_settings
from sse_django.connections import Janitor
from sse_django.direct import DirectRelay, Send
from sse_django.events import format_sse_event
from sse_django.keepalive import PipeReader, read_sync
from sse_django.limits import WriteWatch, too_many
from sse_django.pace import Pace
from sse_django.pipe import Pipe
from sse_django.pump import Pump
from sse_django.relay import Relay
from sse_django.signals import stream_closed, stream_opened
from sse_django.sockets import shut_down_peer
from sse_django.subscription import Subscription
from sse_django.waker import make_wake

logger = logging.getLogger("sse_django")

#: Sent at once where no event is ready: several servers hold the headers back until the first byte of the body.
OPENING_COMMENT = b":\n\n"

#: Receivers of `stream_closed` being told: a loop holds its tasks weakly.
_telling: set[asyncio.Future[Any]] = set()


class EventStream:
    """The bytes of one response.

    Args:
        source: a sync or an async iterable of items.
        encode: from an item to the bytes of an event.
        ping_interval: seconds of silence before a ping; None for no pings.
        retry: milliseconds that the browser is told to wait before it reconnects.
        max_duration: seconds from its launch after which the stream ends, shortened by up to a tenth; None for no limit.
        release: whether waiting gives database connections back.

    `compression` may be set to what the bytes pass through on their way out, and `on_launch` to what runs beside the stream: it
    is called at the start and returns what is called at the end.
    """

    def __init__(
        self,
        source: AsyncIterable[Any] | Iterable[Any],
        encode: Callable[[Any], bytes],
        *,
        ping_interval: float | None,
        retry: int | None,
        max_duration: float | None,
        release: bool,
    ) -> None:
        self.request: HttpRequest | None = None
        self.is_async = hasattr(source, "__aiter__")
        self.channels: set[str] = set()
        self._sending_since: float | None = None
        self._relay: Relay | None = None
        self._ended = False
        self._finished: str | None = None  # how it ended, where nobody closed it
        self.subscription = source if isinstance(source, Subscription) else None
        self.refused = False
        self._launched = False
        self._source: Any = source
        self._encode = encode
        self._ping_interval = ping_interval
        self._retry = retry
        self._max_duration = max_duration
        self._release = release
        self.compression: GzipStream | None = None
        self.on_launch: Callable[[], Callable[[], object]] | None = None
        self._on_end: Callable[[], object] | None = None
        self.pipe: Pipe[bytes] = Pipe()
        self._pump: Pump | ThreadPump | BackgroundPump | None = None
        self._forget: Callable[[], None] = lambda: None
        self._lifetime: asyncio.TimerHandle | threading.Timer | None = None
        self._opened = 0.0
        self._response: weakref.ref[object] | None = None
        self._request: object = None  # what `unread` knows it by

    # -- its beginning

    def launch(self, *, here: bool, shared: dict[str, BaseDatabaseWrapper] | None = None) -> None:
        """Start the generator: an async one in the running loop if that outlives the response (`here`), else on our own.

        `shared` are connections inside a transaction of the view's thread, where that is not the current one.
        A stream that can't be served now is `refused`: it has one block, a `retry:`, and ends.
        """
        if self._launched or self.refused:
            return
        self._launched = True
        self._opened = monotonic()
        pump: Pump | ThreadPump | BackgroundPump | None
        if shutdown.draining() or too_many(self):
            self._refuse()
            return
        if self.subscription is not None:
            pump = None  # its bytes are made by the hub
            if here and self._release:
                self._forget = Janitor.here().watch()
        elif not self.is_async:
            limit = get_settings().MAX_SYNC_STREAMS
            pump = ThreadPump(self._source, self.pipe, self._encode, release=self._release, limit=limit)
            if not self._context().run(pump.start):
                self._refuse()
                return
        elif here:
            pump = Pump(self._source, self.pipe, self._encode)
            pump.start(self._context(Homing.context()))
            if self._release:
                self._forget = Janitor.here().watch()
        else:
            pump = BackgroundPump(self._source, self.pipe, self._encode, release=self._release, shared=shared)
            self._context().run(pump.start)
        self._pump = pump
        self._source = None
        shutdown.register(self)
        WriteWatch.ensure()
        if self.on_launch is not None:
            self._on_end = self.on_launch()

    def _context(self, context: contextvars.Context | None = None) -> contextvars.Context:
        """A copy of the current context in which subscriptions tell this stream of their channels."""
        context = contextvars.copy_context() if context is None else context
        context.run(reading.set, self.channels)
        return context

    def _refuse(self) -> None:
        # EventSource takes any status but 200 as final, so the answer to "not now" is an empty stream and a time to come back.
        self.refused = True
        self._retry = random.randint(1000, 5000)
        self.pipe.end()

    async def first(self, timeout: float) -> None:
        """Wait until there is something to send, or the end, or for `timeout` seconds."""
        pipe = self.pipe
        if self.subscription is not None:
            return
        if not pipe.readable:
            await asyncio.sleep(0)  # the first step of a generator that has something at hand
        if pipe.readable:
            return
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        wake = pipe.wake_reader = make_wake(future)
        timer = loop.call_later(timeout, wake)
        try:
            if not pipe.readable:
                await future
        finally:
            timer.cancel()
            pipe.wake_reader = None

    def first_sync(self, timeout: float) -> None:
        """As `first`, for a thread."""
        if self.pipe.readable or self.subscription is not None:
            return
        ready = threading.Event()
        self.pipe.wake_reader = ready.set
        if not self.pipe.readable:
            ready.wait(timeout)
        self.pipe.wake_reader = None

    # -- its bytes

    def read(self, response: object, send: Send | None = None) -> AsyncGenerator[bytes, None] | Relay:
        """The body, for an async server. Closing it closes the stream and waits for the generator's `finally`.

        The response lives as long as its body is read: when it goes, its stream is abandoned. `send` is the ASGI callable, if
        a subscription may call it while its reader sleeps.
        """
        unread.begun(self._request)
        if self.subscription is None:
            return self._read_pipe(response)
        if self.compression is None and not Pace.is_needed():
            if send is None:
                self._relay = Relay(self, self.subscription, self._ping_interval)
            else:
                self._relay = DirectRelay(self, self.subscription, self._ping_interval, send)
            return self._relay
        return self._read_channels(self.subscription, response)

    async def _read_pipe(self, response: object) -> AsyncGenerator[bytes, None]:
        launched = self._launched
        pace: Pace | None = None
        reader: PipeReader | None = None
        try:
            self.launch(here=True)
            if not launched and isinstance(self._pump, Pump):
                await asyncio.sleep(0)  # the first step of a generator that has something at hand
            await self._begin()
            if opening := self._opening():
                yield self._out(opening)
            pace = self._make_pace()
            reader = PipeReader(self.pipe, self._ping_interval)
            while (chunk := await reader.next()) is not None:
                self._sending_since = monotonic()
                yield self._out(chunk)
                if pace is not None:
                    await pace.keep(len(chunk))
                self._sending_since = None
            if self.closed is None:
                self._finished = "finished" if self.pipe.error is None else "error"
                if self.pipe.error is not None:
                    yield self._out(await self._report(self.pipe.error))
            if self.compression is not None:
                yield self.compression.finish()
        finally:
            if pace is not None:
                pace.stop()
            if reader is not None:
                reader.stop()
            await self.aclose("disconnected")

    async def _read_channels(self, subscription: Subscription, response: object) -> AsyncGenerator[bytes, None]:
        # As `Relay`, where something stands between the hub's bytes and the server.
        pace: Pace | None = None
        try:
            if opening := await self.open_channels():
                yield self._out(opening)
            if self.refused:
                return
            subscription.open(self._ping_interval)
            pace = self._make_pace()
            while (chunk := await subscription.next_chunk()) is not None:
                self._sending_since = monotonic()
                yield chunk.wire if self.compression is None else self.compression(chunk.wire)
                if pace is not None:
                    await pace.keep(len(chunk.wire))
                self._sending_since = None
            if self.compression is not None:
                yield self.compression.finish()
        finally:
            if pace is not None:
                pace.stop()
            subscription.release("disconnected")
            await self.aclose("disconnected")

    @property
    def sending_since(self) -> float | None:
        """When the chunk was handed over that the server has not come back from, by the monotonic clock."""
        return self._sending_since if self._relay is None else self._relay.sending_since

    async def open_channels(self) -> bytes:
        """Launch a stream that is a subscription; what is sent before its cursor."""
        self.launch(here=True)
        await self._begin()
        return self._opening()

    async def _begin(self) -> None:
        if self.refused:
            return
        shutdown.notice()  # a sync view's stream was launched in another thread
        if stream_opened.receivers:
            await stream_opened.asend_robust(EventStream, request=self.request)
        if self._max_duration is not None:
            loop = asyncio.get_running_loop()
            self._lifetime = loop.call_later(self._left_to_live(self._max_duration), self.close, "lifetime")

    def read_sync(self, response: object) -> Iterator[bytes]:
        """As `read`, for a WSGI server."""
        try:
            self.launch(here=False)
            if not self.refused:
                stream_opened.send_robust(EventStream, request=self.request)
            if opening := self._opening():
                yield self._out(opening)
            if self._max_duration is not None and not self.refused:
                self._lifetime = threading.Timer(self._left_to_live(self._max_duration), self.close, ("lifetime",))
                self._lifetime.daemon = True
                self._lifetime.start()
            for chunk in self._chunks_sync():
                self._sending_since = monotonic()
                yield self._out(chunk)
                self._sending_since = None
            if self.closed is None:
                self._finished = "finished" if self.pipe.error is None else "error"
                if self.pipe.error is not None:
                    yield self._out(self._report_sync(self.pipe.error))
            if self.compression is not None:
                yield self.compression.finish()
        finally:
            self.close_and_join("disconnected")

    def _chunks_sync(self) -> Iterator[bytes]:
        if self.subscription is not None and not self.refused:
            return (chunk.wire for chunk in self.subscription.chunks_sync(self._ping_interval))
        return read_sync(self.pipe, self._ping_interval)

    def _left_to_live(self, max_duration: float) -> float:
        # The wait for the first event is a part of it: what cuts connections at an age counts from the request.
        return max(0.0, max_duration * random.uniform(0.9, 1.0) - (monotonic() - self._opened))

    def _make_pace(self) -> Pace | None:
        if not Pace.is_needed() or self.request is None:
            return None
        host, port = _peer(self.request)
        return Pace(host, port, lambda: self.closed is not None) if host and port else None

    def _opening(self) -> bytes:
        if self._retry is not None:
            return format_sse_event(retry=self._retry)
        if self.subscription is not None:
            return b""  # it begins with its cursor
        return b"" if self.pipe.readable else OPENING_COMMENT

    def _out(self, chunk: bytes) -> bytes:
        return chunk if self.compression is None else self.compression(chunk)

    # -- whose it is

    @property
    def user(self) -> str | None:
        """The primary key of its user, if that is known without a query."""
        return user_of(self.request)

    def matches(self, *, user: str | None = None, channel: str | None = None, session: str | None = None) -> bool:
        """Whether all that is given is true of it."""
        channels = self.channels if self.subscription is None else self.subscription.channels
        return (
            (user is None or user == self.user)
            and (channel is None or channel in channels)
            and (session is None or session == session_of(self.request))
        )

    # -- its end

    @property
    def closed(self) -> str | None:
        """Why it is to end, or None."""
        return self.pipe.closed if self.subscription is None else self.subscription.closed

    @property
    def owned(self) -> bool:
        """Whether the generator runs on a thread of ours, which interpreter exit can wait for."""
        return self._pump is not None and not isinstance(self._pump, Pump)

    def close(self, reason: str) -> None:
        """Begin to end, from any thread: the generator is closed, the reader finishes. The first reason stays."""
        if self.subscription is not None:
            self.subscription.close(reason)
        if self._pump is not None:
            self._pump.close(reason)
        else:
            self.pipe.close(reason)

    async def aclose(self, reason: str) -> None:
        """Close, and wait for the generator's `finally`."""
        self.close(reason)
        try:
            if self._pump is not None:
                await self._pump.wait_closed()
        finally:
            if self._end() and stream_closed.receivers:
                # In a task of its own: a server that learns just now that the client has gone cancels the one that is here.
                telling = asyncio.ensure_future(stream_closed.asend_robust(EventStream, **self._summary()))
                _telling.add(telling)
                telling.add_done_callback(_telling.discard)
                await asyncio.shield(telling)

    def close_and_join(self, reason: str = "disconnected") -> None:
        """Close, and wait for the `finally` of a generator that runs on a thread of ours."""
        self.close(reason)
        if isinstance(self._pump, (ThreadPump, BackgroundPump)):
            self._pump.join()
        if self._end():
            stream_closed.send_robust(EventStream, **self._summary())

    def abandon(self) -> None:
        """Nobody will read it: its response was thrown away."""
        self.close("disconnected")
        self._end()

    def abandon_with(self, response: object) -> None:
        """Abandon it when the response goes, or the request ends without it being read."""
        self._response = weakref.ref(response, lambda _: self.abandon())
        self._request = unread.started(self)

    def cut(self) -> None:
        """Shut the client's socket down if a chunk of ours is stuck on its way, or bytes wait in it to be read."""
        host, port = _peer(self.request) if self.request is not None else (None, None)
        if host and port:
            shut_down_peer(host, port, only_unread=self.sending_since is None)

    def _summary(self) -> dict[str, Any]:
        events = self.pipe.puts if self.subscription is None else self.subscription.events
        return {
            "request": self.request,
            "outcome": self._finished or self.closed,
            "duration": monotonic() - self._opened,
            "events": events,
        }

    def _end(self) -> bool:
        """Forget it; whether this was its end."""
        if self._ended:
            return False
        self._ended = True
        self._relay = None  # each holds the other
        self._forget()
        self._response = None
        unread.begun(self._request)
        if self._lifetime is not None:
            self._lifetime.cancel()
        if self._on_end is not None:
            self._on_end()
        shutdown.unregister(self)
        error, self.pipe.error = self.pipe.error, None
        if error is not None and self.pipe.closed is not None and isinstance(error, Exception):
            syncquery.explain(error)
            logger.error("a stream's generator failed while it was being closed (%s)", self.pipe.closed, exc_info=error)
        return self._launched and not self.refused

    # -- its errors

    async def _report(self, error: BaseException) -> bytes:
        return await sync_to_async(self._report_sync)(error)

    def _report_sync(self, error: BaseException) -> bytes:
        """Log an error, tell `got_request_exception`, and make the event that the client gets."""
        self.pipe.error = None
        syncquery.explain(error)
        path = self.request.path if self.request is not None else "a stream"
        logger.error(
            "%s failed while streaming", path, exc_info=error, extra={"request": self.request, "status_code": 500}
        )
        try:
            raise error
        except BaseException:  # receivers look at sys.exc_info()
            got_request_exception.send_robust(sender=type(self), request=self.request)
        detail = f"{type(error).__name__}: {error}" if settings.DEBUG else "internal error"
        return format_sse_event(event="stream-error", data_str=json.dumps({"detail": detail}, separators=(",", ":")))


def _peer(request: HttpRequest) -> tuple[str | None, int | None]:
    client = getattr(request, "scope", {}).get("client")
    host, port = client or (request.META.get("REMOTE_ADDR"), request.META.get("REMOTE_PORT"))
    return host, int(port) if port is not None and str(
        port
    ).isdigit() else None  # text under WSGI and in granian's scope
