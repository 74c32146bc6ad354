"""`EventSourceResponse`: an event stream as a Django response, under ASGI and WSGI alike.

Django would collect an async iterator into a list under WSGI and a sync one under ASGI, so both ways of iterating are ours.
Middleware that wraps `streaming_content` still works: what it made is iterated, across the bridge where its kind is not the
server's, and the stream behind it is closed whatever happens to the wrapper.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import aclosing
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.cache import patch_vary_headers

from sse_django.bridge import BackgroundPump, ThreadPump
from sse_django.compression import GzipStream
from sse_django.conf import get_settings
from sse_django.connections import dismiss_thread
from sse_django.direct import Send
from sse_django.encoding import UNTYPED, Encoder
from sse_django.events import format_sse_event
from sse_django.eventstream import EventStream
from sse_django.keepalive import read_async, read_sync
from sse_django.pipe import Pipe

#: Stands for "as in SSE_DJANGO", since None means "off".
FROM_SETTINGS: Any = object()

HEADERS = {
    # no-transform asks proxies, and whitelisted compressors, to leave the bytes alone.
    "Cache-Control": "no-cache, no-transform",
    # nginx buffers proxied responses unless told otherwise.
    "X-Accel-Buffering": "no",
}


class EventSourceResponse(StreamingHttpResponse):
    """Streams items as server-sent events.

    Args:
        items: a sync or async iterable of anything that can be sent; `ServerSentEvent`s have their fields written.
        item: the type that items must fit, if there is one.
        events: event names with the class of the items that bear them.
        ping_interval: seconds of silence after which `: ping` is sent; None turns it off. Default: PING_INTERVAL.
        retry: milliseconds that the browser waits before it reconnects; sent first.
        headers: more headers.
        max_duration: seconds after which the stream ends and the browser reconnects. Default: MAX_DURATION.
        release_connections: give database connections back while the stream waits.
        status: the HTTP status; browsers read events from 200 only.
        encoder: a ready-made `Encoder`, in place of `item` and `events`.

    Raises:
        TypeError: if `items` can't be iterated.
        ValueError: if `ping_interval` or `max_duration` is not above 0, or `retry` is negative.
    """

    # Django's own, which its stubs leave out.
    _iterator: Any
    _served = False  # whether an ASGI server has asked for its bytes
    _send: Send | None = None
    _resource_closers: list[Callable[..., object]]
    _set_streaming_content: Callable[[Any], None]

    def __init__(
        self,
        items: AsyncIterable[Any] | Iterable[Any],
        *,
        item: Any = UNTYPED,
        events: Mapping[str, Any] | None = None,
        ping_interval: float | None = FROM_SETTINGS,
        retry: int | None = None,
        headers: Mapping[str, str] | None = None,
        max_duration: float | None = FROM_SETTINGS,
        release_connections: bool = True,
        status: int = 200,
        encoder: Encoder | None = None,
    ) -> None:
        if not is_stream(items):
            raise TypeError(f"EventSourceResponse streams a sync or async iterable of items, got {items!r}")
        check_options(ping_interval=ping_interval, retry=retry, max_duration=max_duration, headers=headers)
        conf = get_settings()
        self._stream = EventStream(
            items,
            encoder or Encoder(item, events),
            ping_interval=conf.PING_INTERVAL if ping_interval is FROM_SETTINGS else ping_interval,
            retry=retry,
            max_duration=conf.MAX_DURATION if max_duration is FROM_SETTINGS else max_duration,
            release=release_connections,
        )
        super().__init__(content_type="text/event-stream; charset=utf-8", status=status)
        # What a middleware sees: the kind of the items, unless the request says otherwise (`bind`).
        self._own = self._iterator = _Marker()
        self.is_async = self._stream.is_async
        for name, value in {**HEADERS, **(headers or {})}.items():
            self.headers[name] = value
        # Django's GZipMiddleware and django-brotli leave alone what already has an encoding.
        self.headers.setdefault("Content-Encoding", "identity")
        self._resource_closers.append(self._stream.close_and_join)

    @property
    def event_stream(self) -> EventStream:
        """The stream behind the bytes."""
        return self._stream

    def abandon_with_me(self) -> None:
        """Close a stream that was started early if the response is thrown away (a middleware failed, say)."""
        self._stream.abandon_with(self)

    def bind(self, request: HttpRequest) -> None:
        """Tell the stream its request, where the response is made by a view that has one."""
        self._stream.request = request
        self.is_async = isinstance(request, ASGIRequest)

    def send_by(self, send: Send) -> None:
        """Let a subscription's events go out by this ASGI callable while their reader sleeps. For the handler."""
        self._send = send

    def compress(self) -> None:
        """Gzip the stream, flushed after each chunk; for a client that accepts it."""
        self._stream.compression = GzipStream()
        self.headers["Content-Encoding"] = "gzip"
        patch_vary_headers(self, ("Accept-Encoding",))

    # -- iteration

    @property
    def streaming_content(self) -> Any:
        """The body, as Django's middleware knows it: read it to wrap it, set it to replace it."""
        if self._iterator is not self._own:
            return super().streaming_content
        self._begin_reading()
        return self._stream.read(self) if self.is_async else self._stream.read_sync(self)

    @streaming_content.setter
    def streaming_content(self, value: Any) -> None:
        self._set_streaming_content(value)

    def __aiter__(self) -> AsyncIterator[bytes]:
        self._served = True
        self._begin_reading()
        if self._bodiless:
            return _nothing()
        if self._iterator is self._own:
            return self._stream.read(self, self._send)
        return self._wrapped_async()

    def __iter__(self) -> Iterator[bytes]:
        self._begin_reading()
        if self._bodiless:
            return iter(())
        if self._iterator is self._own:
            return self._stream.read_sync(self)
        return self._wrapped_sync()

    async def _wrapped_async(self) -> AsyncIterator[bytes]:
        try:
            content = self.streaming_content
            if self.is_async:
                async for part in content:
                    yield part
            else:
                pipe: Pipe[bytes] = Pipe()
                pump = ThreadPump(content, pipe, bytes, release=False, limit=None)
                pump.start()
                try:
                    async with aclosing(read_async(pipe, None)) as parts:
                        async for part in parts:
                            yield part
                finally:
                    self._stream.close("disconnected")
                    pump.close("disconnected")
                    await pump.wait_closed()
        finally:
            await self._stream.aclose("disconnected")

    def _wrapped_sync(self) -> Iterator[bytes]:
        try:
            content = self.streaming_content
            if not self.is_async:
                yield from content
            else:
                pipe: Pipe[bytes] = Pipe()
                pump = BackgroundPump(content, pipe, bytes, release=False)
                pump.start()
                try:
                    yield from read_sync(pipe, None)
                finally:
                    pump.close("disconnected")
                    pump.join()
        finally:
            self._stream.close_and_join("disconnected")

    @property
    def _bodiless(self) -> bool:
        request = self._stream.request
        return request is not None and request.method == "HEAD"

    def _begin_reading(self) -> None:
        # A response made by hand has not seen its request, but Django has it close the request at the end.
        if self._stream.request is None:
            for closer in self._resource_closers:
                owner = getattr(closer, "__self__", None)
                if isinstance(owner, HttpRequest):
                    self._stream.request = owner

    def close(self) -> None:
        super().close()
        if self._served:  # not by a middleware that sends something else instead, and has work for this thread still
            dismiss_thread()


class _Marker:
    """Stands in `_iterator` for the stream's own bytes, which either kind of server may iterate."""


async def _nothing() -> AsyncIterator[bytes]:
    empty: tuple[bytes, ...] = ()
    for chunk in empty:
        yield chunk


def accepts_gzip(request: HttpRequest) -> bool:
    """Whether the request's Accept-Encoding allows gzip (RFC 9110, 12.5.3)."""
    for part in request.headers.get("Accept-Encoding", "").split(","):
        coding, _, weight = part.partition(";")
        if coding.strip().lower() in ("gzip", "*"):
            return weight.replace(" ", "").lower() not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def is_stream(items: object) -> bool:
    """Whether these are items to stream: an iterable, but not one that is an item itself."""
    return not isinstance(items, (str, bytes, Mapping)) and (hasattr(items, "__aiter__") or hasattr(items, "__iter__"))


#: What a stream's headers can't say: hop-by-hop ones belong to the server (PEP 3333), and a stream has no length.
_NOT_OURS = {
    *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "trailers"),
    *("transfer-encoding", "upgrade", "content-length", "content-type"),
}


def check_options(*, ping_interval: Any, retry: Any, max_duration: Any, headers: Any) -> None:
    """Refuse option values early, with a sentence.

    Raises:
        TypeError: if `headers` is no mapping.
        ValueError: if a time is not above 0, `retry` no whole number of milliseconds, or a header not ours to set.
    """
    if headers is None and retry is None and ping_interval is max_duration is FROM_SETTINGS:
        return
    if headers is not None and not isinstance(headers, Mapping):
        raise TypeError(f"headers is a mapping of names to values, got {headers!r}")
    for name in headers or ():
        if str(name).lower() in _NOT_OURS:
            raise ValueError(f"a stream can't have its own {name} header: leave it to the server and to us")
    for name, value in (("ping_interval", ping_interval), ("max_duration", max_duration)):
        if value is not FROM_SETTINGS and value is not None and not (isinstance(value, (int, float)) and value > 0):
            raise ValueError(f"{name} must be seconds above 0, or None, got {value!r}")
    format_sse_event(retry=retry)
