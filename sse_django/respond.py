"""From what a view returned to a response: started early, so that what goes wrong before the first event is ordinary HTTP.

The response starts once the generator has yielded, or after `start_timeout`. Until then an exception is the view's own
(`Http404` is a 404), and a resumed client for whom nothing is left gets 204, which ends its EventSource.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from asgiref.sync import async_to_sync, sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from sse_django.connections import transaction_connections
from sse_django.encoding import UNTYPED, Encoder
from sse_django.recheck import Recheck
from sse_django.response import FROM_SETTINGS, EventSourceResponse, accepts_gzip, check_options, is_stream
from sse_django.resumption import raw_last_event_id

#: Seconds to wait for the first event before the response starts without it.
START_TIMEOUT = 0.25
#: The same for a resumed request, whose generator may look through a long history to find that nothing is new.
RESUMED_START_TIMEOUT = 5.0


@dataclass(frozen=True)
class StreamOptions:
    """The options of `event_stream` and `EventStreamView`. Times are in seconds, `retry` in milliseconds."""

    item: Any = UNTYPED
    events: Mapping[str, Any] | None = None
    ping_interval: float | None = FROM_SETTINGS
    retry: int | None = None
    start_timeout: float | None = None
    headers: Mapping[str, str] | None = None
    compress: bool = False
    max_duration: float | None = FROM_SETTINGS
    recheck: Callable[[HttpRequest], Any] | None = None
    recheck_interval: float = 60.0
    release_connections: bool = True

    def __post_init__(self) -> None:
        check_options(
            ping_interval=self.ping_interval, retry=self.retry, max_duration=self.max_duration, headers=self.headers
        )
        if self.recheck is not None and not callable(self.recheck):
            raise TypeError(f"recheck is a function of the request, got {self.recheck!r}")
        if self.start_timeout is not None and not self.start_timeout >= 0:
            raise ValueError(f"start_timeout must be seconds, 0 or more, got {self.start_timeout!r}")
        if not self.recheck_interval > 0:
            raise ValueError(f"recheck_interval must be seconds above 0, got {self.recheck_interval!r}")


def respond(request: HttpRequest, result: Any, options: StreamOptions, encoder: Encoder) -> HttpResponseBase:
    """The response for a sync view's result, started.

    Raises:
        TypeError: if the result is neither a response nor an iterable.
        Exception: whatever the generator raised before its first event.
    """
    response = _make(request, result, options, encoder)
    if not isinstance(response, EventSourceResponse) or request.method == "HEAD" or response is result:
        return response
    if response.event_stream.is_async and isinstance(request, ASGIRequest):
        return async_to_sync(_start)(request, response, options)  # on the server's loop, where it can stay
    response.event_stream.launch(here=False)
    response.abandon_with_me()
    try:
        response.event_stream.first_sync(_start_timeout(request, options))
    except BaseException:
        response.event_stream.abandon()
        raise
    return _outcome(request, response)


async def arespond(request: HttpRequest, result: Any, options: StreamOptions, encoder: Encoder) -> HttpResponseBase:
    """As `respond`, for an async view."""
    response = _make(request, result, options, encoder)
    if not isinstance(response, EventSourceResponse) or request.method == "HEAD" or response is result:
        return response
    return await _start(request, response, options)


async def _start(request: HttpRequest, response: EventSourceResponse, options: StreamOptions) -> HttpResponseBase:
    stream = response.event_stream
    here = isinstance(request, ASGIRequest)
    # Under WSGI this runs in a loop that asgiref made for the view, whose thread has no connections: the request's has.
    stream.launch(here=here, shared=None if here else await sync_to_async(transaction_connections)())
    response.abandon_with_me()
    try:
        await stream.first(_start_timeout(request, options))
    except BaseException:  # the client has gone
        await stream.aclose("disconnected")
        raise
    return _outcome(request, response)


def _make(request: HttpRequest, result: Any, options: StreamOptions, encoder: Encoder) -> HttpResponseBase:
    if isinstance(result, HttpResponseBase):
        return result
    if not is_stream(result):
        hint = " (it was not awaited)" if inspect.iscoroutine(result) else ""
        raise TypeError(
            f"an event stream view must yield, or return an iterable of items or an HttpResponse; it returned {result!r}{hint}"
        )
    if isinstance(result, (list, tuple)):
        result = _ready(result)
    response = EventSourceResponse(
        result,
        encoder=encoder,
        ping_interval=options.ping_interval,
        retry=options.retry,
        headers=options.headers,
        max_duration=options.max_duration,
        release_connections=options.release_connections,
    )
    response.bind(request)
    if options.compress and accepts_gzip(request):
        response.compress()
    if options.recheck is not None:
        Recheck(options.recheck, options.recheck_interval).attach(request, response.event_stream)
    return response


async def _ready(items: Iterable[Any]) -> AsyncIterator[Any]:
    # Items that are there already need no thread.
    for item in items:
        yield item


def _start_timeout(request: HttpRequest, options: StreamOptions) -> float:
    if options.start_timeout is not None:
        return options.start_timeout
    return START_TIMEOUT if raw_last_event_id(request) is None else RESUMED_START_TIMEOUT


def _outcome(request: HttpRequest, response: EventSourceResponse) -> HttpResponseBase:
    stream = response.event_stream
    pipe = stream.pipe
    if stream.refused or pipe.puts or not pipe.ended:
        return response
    error, pipe.error = pipe.error, None
    if error is not None:
        stream.abandon()
        if isinstance(error, asyncio.CancelledError):
            raise RuntimeError("the stream was cancelled before its first event") from error
        raise error
    if raw_last_event_id(request) is not None and pipe.closed is None:
        stream.abandon()
        nothing = HttpResponse(status=204, headers={"Cache-Control": "no-cache"})
        del nothing.headers["Content-Type"]
        return nothing
    return response
