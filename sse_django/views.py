"""`EventStreamView`: the class-based twin of `event_stream`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

from asgiref.sync import async_to_sync
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponseBase
from django.views import View

from sse_django.encoding import UNTYPED
from sse_django.respond import StreamOptions
from sse_django.response import FROM_SETTINGS
from sse_django.streaming import StreamingView, mark


class EventStreamView(View):
    """A view whose `stream(self, request, …)` yields, or returns an iterable; sync or async.

    The attributes are the options of `event_stream`; `recheck` is a method. `stream` answers any HTTP method, as a decorated
    function does; set `http_method_names` to say which. To Django it is a sync view, whatever `stream` is, so that mixins
    which look at `request.user`, such as LoginRequiredMixin, work; the stream itself runs on the server's loop.
    """

    view_is_async = False
    sse_stream: StreamingView | None = None  # set by as_view()

    item: Any = UNTYPED
    events: Mapping[str, Any] | None = None
    ping_interval: float | None = FROM_SETTINGS
    retry: int | None = None
    start_timeout: float | None = None
    headers: Mapping[str, str] | None = None
    compress: bool = False
    max_duration: float | None = FROM_SETTINGS
    recheck: Any = None
    recheck_interval: float = 60.0
    release_connections: bool = True

    def stream(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Yield items, or return an iterable of them or an HttpResponse."""
        raise ImproperlyConfigured(f"{type(self).__name__} needs a method stream(self, request, …) that yields")

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., HttpResponseBase]:
        """As Django's; the options may be given here too."""
        pattern = cls(**initkwargs)
        streaming = StreamingView(pattern.stream, pattern._options())
        view = super().as_view(**initkwargs, sse_stream=streaming)
        return mark(view, streaming)

    def _options(self) -> StreamOptions:
        return StreamOptions(**{field.name: getattr(self, field.name) for field in fields(StreamOptions)})

    def _serve(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        assert self.sse_stream is not None
        options = replace(self.sse_stream.options, recheck=self.recheck)
        if inspect.isasyncgenfunction(self.stream) or not inspect.iscoroutinefunction(self.stream):
            return self.sse_stream.call(self.stream, request, args, kwargs, options)
        return async_to_sync(self.sse_stream.acall)(self.stream, request, args, kwargs, options)

    get = post = put = patch = delete = _serve
