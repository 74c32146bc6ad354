"""A feed as a view: who may read is asked first, in the request's thread; then it is an event stream like any other.

A request without Last-Event-ID (or `?last_event_id=`) gets the snapshot, one with it just what it missed.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import fields
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.handlers.asgi import ASGIRequest
from django.db import connections, models, router
from django.http import HttpRequest, HttpResponseBase

from sse_django.channels import MAX_CHANNELS
from sse_django.conf import get_settings
from sse_django.encoding import Encoder
from sse_django.events import format_sse_event
from sse_django.feeds.feed import ModelFeed
from sse_django.feeds.handoff import NoPlace, Place, Taken, hand_off
from sse_django.feeds.stream import FeedStream, come_back
from sse_django.feeds.visibility import names
from sse_django.respond import StreamOptions
from sse_django.response import FROM_SETTINGS
from sse_django.resumption import last_event_id
from sse_django.views import EventStreamView

logger = logging.getLogger("sse_django")

OPTIONS = tuple(field.name for field in fields(StreamOptions) if field.name not in ("item", "events"))


class _Verbatim(Encoder):
    """The feed's stream is bytes already."""

    def __call__(self, item: Any) -> bytes:
        return item  # type: ignore[no-any-return]


class FeedView(EventStreamView):
    """Serves one feed. Made by `ModelFeed.as_view()`."""

    feed: Any = None
    http_method_names = ["get", "head", "options"]

    def stream(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """The stream, or whatever refuses it."""
        channels = readable(self.feed, request)
        if isinstance(channels, HttpResponseBase):
            return channels
        if request.method == "HEAD":
            return ()
        ping = get_settings().PING_INTERVAL if self.ping_interval is FROM_SETTINGS else self.ping_interval
        return open_stream(self.feed, request, channels, ping)


def feed_view(cls: type[ModelFeed], options: dict[str, Any]) -> Callable[..., HttpResponseBase]:
    """The view of a feed, with these options in place of the feed's own."""
    feed = cls.instance()
    unknown = options.keys() - set(OPTIONS)
    if unknown:
        raise TypeError(
            f"{cls.__name__}.as_view() has no option {', '.join(sorted(unknown))}; it knows {', '.join(OPTIONS)}"
        )
    view: Any = FeedView.as_view(feed=feed, **{name: options.get(name, getattr(feed, name)) for name in OPTIONS})
    view.sse_stream.encoder = _Verbatim()
    view.feed_class = cls
    view.__name__, view.__qualname__, view.__module__ = cls.__name__, cls.__qualname__, cls.__module__
    view.__doc__ = cls.__doc__
    views.setdefault(cls, []).append(view)
    return view  # type: ignore[no-any-return]


#: The views made of each feed, for whoever looks for its URL.
views: dict[type[ModelFeed], list[Any]] = {}


def readable(feed: ModelFeed, request: HttpRequest) -> tuple[str, ...] | HttpResponseBase:
    """The channels that a request may read, or the refusal.

    Raises:
        PermissionDenied: if it may not open the feed, or there is no channel for it.
    """
    if not feed.ask("has_permission", request):
        refusal: HttpResponseBase = feed.ask("handle_no_permission", request)
        return refusal
    channels = names(feed.ask("channels", request), f"{type(feed).__name__}.channels")
    if not channels:
        raise PermissionDenied(f"{feed.label} has no channel for this request")
    if len(channels) > MAX_CHANNELS:
        raise ValueError(f"{feed.label}: {len(channels)} channels for one reader; up to {MAX_CHANNELS} are possible")
    return channels


def take(feed: ModelFeed, request: HttpRequest, read: Callable[[list[models.Model]], Any]) -> Taken[Any]:
    """`read` the rows that a request is shown, and the place in the log that belongs to them. Queries."""
    queryset = feed.ask("get_queryset", request)
    if queryset._db is None:  # not from a replica, which may be behind the log
        queryset = queryset.using(router.db_for_write(feed.model))
    return hand_off(feed.log, queryset.db, lambda: read(list(queryset.all())))


def open_stream(
    feed: ModelFeed, request: HttpRequest, channels: tuple[str, ...], ping_interval: float | None
) -> FeedStream | AsyncIterator[bytes]:
    """What a reader gets, with the first of it made already."""

    def begin() -> tuple[bytes, Place]:
        taken = take(feed, request, feed.payload.snapshot)
        sent = taken.read
        return format_sse_event(event=sent.event, data_str=sent.text, id=str(taken.place)), taken.place

    after = last_event_id(request)
    place = None if after is None else Place.parse(after)
    if place is not None and place.cursor:
        first = (format_sse_event(id=after), place)
    else:
        try:
            first = begin()
        except NoPlace as error:  # the engine's trouble, and none that the reader should give up for
            logger.warning("%s has no snapshot: its log does not answer (%s)", feed.label, error)
            return _later()
        finally:
            _release(request)

    def begin_again() -> tuple[bytes, Place]:
        try:
            return begin()
        finally:
            _close_connections()

    return FeedStream(feed, channels, first, begin_again, ping_interval)


def _release(request: HttpRequest) -> None:
    """Under WSGI this thread belongs to the stream for as long as it lives; its connections needn't."""
    if not isinstance(request, ASGIRequest):
        _close_connections()


def _close_connections() -> None:
    """This thread's, but for those in a transaction, or shared by a test."""
    for connection in connections.all(initialized_only=True):
        if connection.autocommit and not connection.in_atomic_block and not connection.allow_thread_sharing:
            connection.close()


async def _later() -> AsyncIterator[bytes]:
    yield come_back()
