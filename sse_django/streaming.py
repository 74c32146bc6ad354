"""A view function and its options as one thing: what its annotations say, its encoder, and the call itself.

Shared by `event_stream` and `EventStreamView`, and kept on the view as `sse_stream`, for documentation to find.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest, HttpResponseBase

from sse_django.annotations import Body, ViewAnnotations
from sse_django.encoding import UNTYPED, Encoder
from sse_django.requestbody import parse_body, tell_of_lost_body
from sse_django.respond import StreamOptions, arespond, respond
from sse_django.syncquery import explained


class StreamingView:
    """What is known of one streaming view. Annotations are looked at when they are first needed."""

    def __init__(
        self, view: Callable[..., Any], options: StreamOptions, namespace: Mapping[str, Any] | None = None
    ) -> None:
        self.options = options
        self.annotations = ViewAnnotations(view, namespace)
        self._told = False
        if options.item is UNTYPED:
            self.annotations.check()

    @functools.cached_property
    def encoder(self) -> Encoder:
        """From items to events."""
        item = self.options.item
        return Encoder(self.annotations.item if item is UNTYPED else item, self.options.events)

    def body(self, kwargs: Mapping[str, Any]) -> Body | None:
        """The parameter that is the JSON body, given what the URL fills."""
        return self.annotations.body(frozenset(kwargs))

    def call(
        self,
        view: Callable[..., Any],
        request: HttpRequest,
        args: Any,
        kwargs: dict[str, Any],
        options: StreamOptions | None = None,
    ) -> HttpResponseBase:
        """Call a sync view, or an async generator function, and answer with its stream."""
        http = _http_request(view, request)
        extra, refusal = self._parse(http, kwargs)
        if refusal is not None:
            return refusal
        if extra is None:
            return respond(http, (), options or self.options, self.encoder)
        with explained():
            result = self._call(view, request, args, {**kwargs, **extra})
            return respond(http, result, options or self.options, self.encoder)

    async def acall(
        self,
        view: Callable[..., Any],
        request: HttpRequest,
        args: Any,
        kwargs: dict[str, Any],
        options: StreamOptions | None = None,
    ) -> HttpResponseBase:
        """Call an async view and answer with its stream."""
        http = _http_request(view, request)
        extra, refusal = self._parse(http, kwargs)
        if refusal is not None:
            return refusal
        if extra is None:
            return await arespond(http, (), options or self.options, self.encoder)
        with explained():
            result = self._call(view, request, args, {**kwargs, **extra})
            if inspect.isawaitable(result):
                result = await result
            return await arespond(http, result, options or self.options, self.encoder)

    def _call(self, view: Callable[..., Any], request: HttpRequest, args: Any, kwargs: dict[str, Any]) -> Any:
        try:
            return view(request, *args, **kwargs)
        except TypeError as error:
            self.annotations.explain(error)
            raise

    def _parse(
        self, request: HttpRequest, kwargs: Mapping[str, Any]
    ) -> tuple[dict[str, Any] | None, HttpResponseBase | None]:
        """More arguments for the view, or None for a HEAD that can have no body to make them from; and a refusal."""
        body = self.body(kwargs)
        if body is None:
            if not self._told:
                self._told = tell_of_lost_body(request, self.annotations, frozenset(kwargs))
            return {}, None
        return (None, None) if request.method == "HEAD" else parse_body(request, body)


def _http_request(view: Callable[..., Any], request: Any) -> HttpRequest:
    """Django's own request; Django REST framework hands its views a wrapper around it.

    Raises:
        TypeError: if it is none: a method was decorated as if it were a function.
    """
    if isinstance(request, HttpRequest):
        return request
    if isinstance(wrapped := getattr(request, "_request", None), HttpRequest):
        return wrapped
    raise TypeError(
        f"{getattr(view, '__qualname__', view)!r} got {request!r} where a request belongs. "
        "Decorate a method through Django's method_decorator(event_stream), or use EventStreamView."
    )


class _EveryAlias(set[str]):
    """Any database alias is in it."""

    def __contains__(self, alias: object) -> bool:
        return True


def mark(view: Callable[..., Any], streaming: StreamingView) -> Callable[..., Any]:
    """Give a finished view what Django and we look for on it."""
    # ATOMIC_REQUESTS would hold a transaction open for the whole stream, and refuses async views.
    view._non_atomic_requests = _EveryAlias()  # type: ignore[attr-defined]
    view.sse_stream = streaming  # type: ignore[attr-defined]
    return view
