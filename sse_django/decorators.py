"""`event_stream`: a view that yields is an event stream."""

from __future__ import annotations

import asyncio
import functools
import inspect
import sys
import weakref
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, overload

from asgiref.sync import async_to_sync
from django.http import HttpRequest, HttpResponseBase

from sse_django.encoding import UNTYPED
from sse_django.respond import StreamOptions
from sse_django.response import FROM_SETTINGS
from sse_django.streaming import StreamingView, mark

View = TypeVar("View", bound=Callable[..., Any])


@overload
def event_stream(view: View, /) -> Callable[..., Any]: ...
@overload
def event_stream(
    *,
    item: Any = ...,
    events: Mapping[str, Any] | None = ...,
    ping_interval: float | None = ...,
    retry: int | None = ...,
    start_timeout: float | None = ...,
    headers: Mapping[str, str] | None = ...,
    compress: bool = ...,
    max_duration: float | None = ...,
    recheck: Callable[[HttpRequest], Any] | None = ...,
    recheck_interval: float = ...,
    release_connections: bool = ...,
) -> Callable[[View], Callable[..., Any]]: ...
def event_stream(
    view: Callable[..., Any] | None = None,
    /,
    *,
    item: Any = UNTYPED,
    events: Mapping[str, Any] | None = None,
    ping_interval: float | None = FROM_SETTINGS,
    retry: int | None = None,
    start_timeout: float | None = None,
    headers: Mapping[str, str] | None = None,
    compress: bool = False,
    max_duration: float | None = FROM_SETTINGS,
    recheck: Callable[[HttpRequest], Any] | None = None,
    recheck_interval: float = 60.0,
    release_connections: bool = True,
) -> Any:
    """Make a view that yields, or returns an iterable, an event stream.

    The view may be a sync or an async generator function, or a sync or async function; an HttpResponse that it returns passes
    through. Its return annotation (`AsyncIterable[Item]`) is the type of the items; a parameter annotated with a Pydantic
    model, dataclass or TypedDict that the URL doesn't fill is the JSON body.

    Args:
        item: the items' type, in place of the annotation.
        events: event names with the class of the items that bear them.
        ping_interval: seconds of silence before a ping; None for no pings. Default: the setting.
        retry: milliseconds that a browser waits before it reconnects.
        start_timeout: seconds that the response waits for the first event; 0.25 by default, 5 for a resumed request.
        headers: more headers.
        compress: gzip for clients that accept it, flushed with each chunk.
        max_duration: seconds after which the stream ends, and the browser reconnects. Default: the setting.
        recheck: `recheck(request)`, sync or async, asked while the stream runs; False ends it.
        recheck_interval: seconds between the questions, jittered.
        release_connections: give database connections back while the stream waits.

    Raises:
        TypeError, ValueError: if an option has no sense.
    """
    options = StreamOptions(
        item=item,
        events=events,
        ping_interval=ping_interval,
        retry=retry,
        start_timeout=start_timeout,
        headers=headers,
        compress=compress,
        max_duration=max_duration,
        recheck=recheck,
        recheck_interval=recheck_interval,
        release_connections=release_connections,
    )
    # Classes that are local to a function can be named in string annotations of views that are local to it.
    local = sys._getframe(1).f_locals
    namespace = local if local is not sys._getframe(1).f_globals else None
    if view is None:
        return lambda view: _decorate(view, options, namespace)
    if not callable(view):
        raise TypeError(f"event_stream decorates a view, got {view!r}; options are keyword arguments")
    return _decorate(view, options, namespace)


_DEFAULTS = StreamOptions()

#: `method_decorator` decorates a partial, anew at every request; what was found out about the method is kept.
_known: weakref.WeakKeyDictionary[Any, dict[int, StreamingView]] = weakref.WeakKeyDictionary()


def _streaming_view(
    view: Callable[..., Any], options: StreamOptions, namespace: Mapping[str, Any] | None
) -> StreamingView:
    if options == _DEFAULTS:
        options = _DEFAULTS
    if not isinstance(view, functools.partial):
        return StreamingView(view, options, namespace)
    function = inspect.unwrap(getattr(view.func, "__func__", view.func))
    by_options = _known.setdefault(function, {})
    if id(options) not in by_options:  # the StreamingView keeps its options alive, and with them the id
        by_options[id(options)] = StreamingView(function, options, namespace)
    return by_options[id(options)]


def _decorate(
    view: Callable[..., Any], options: StreamOptions, namespace: Mapping[str, Any] | None
) -> Callable[..., Any]:
    streaming = _streaming_view(view, options, namespace)
    if not _is_async(view):

        @functools.wraps(view)
        def sync_view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            return streaming.call(view, request, args, kwargs)

        return mark(sync_view, streaming)

    @functools.wraps(view)
    async def async_view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return await streaming.acall(view, request, args, kwargs)

    if not isinstance(view, functools.partial):
        return mark(async_view, streaming)

    # A partial comes from method_decorator. Its wrapper is sync for Django, since an async generator function is no
    # coroutine function, and a sync View calls it in a thread.
    @functools.wraps(view)
    def either_view(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return async_to_sync(async_view)(request, *args, **kwargs)
        return async_view(request, *args, **kwargs)

    return mark(either_view, streaming)


def _is_async(view: Callable[..., Any]) -> bool:
    call = view if inspect.isroutine(view) or isinstance(view, functools.partial) else type(view).__call__
    return inspect.isasyncgenfunction(call) or inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(view)
