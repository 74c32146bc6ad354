"""A feed as a page shows it first: its rows, and the URL that goes on exactly where they were read.

Rows and place come from one hand-off, so between the rendering and the connection nothing is missed.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponseBase
from django.urls import NoReverseMatch, reverse
from django.utils.safestring import SafeString, mark_safe
from pydantic_core import to_jsonable_python

from sse_django.feeds.feed import ModelFeed
from sse_django.feeds.handoff import Taken
from sse_django.feeds.view import readable, take, views


class FeedPage:
    """What `{% sse_feed %}` gives to a template.

    Attributes:
        rows: the rows as the feed's schema has them, so a template sees what goes live and nothing else.
        url: the feed's URL, from here on.
        cursor: the place in the log.
    """

    def __init__(self, feed: ModelFeed, taken: Taken[tuple[list[Any], SafeString]], path: str) -> None:
        self.feed = feed
        self.rows, self.html = taken.read
        self.cursor = str(taken.place)
        self.url = f"{path}{'&' if '?' in path else '?'}{urlencode({'last_event_id': self.cursor})}"

    @property
    def data(self) -> list[Any]:
        """The rows for `json_script`."""
        return [to_jsonable_python(row, by_alias=True) for row in self.rows]

    def __html__(self) -> SafeString:
        return self.html

    def __str__(self) -> SafeString:
        return self.html


def feed_page(cls: type[ModelFeed], request: HttpRequest, url: str | None = None) -> FeedPage:
    """Read a feed for a page of a request.

    Args:
        cls: the feed.
        request: whose page it is.
        url: the path of the feed's view; found by itself where the URLconf has the view as `as_view()` returned it, and not
            in a namespace.

    Raises:
        PermissionDenied: if the request may not read the feed: ask before you render.
        ImproperlyConfigured: if the URL isn't found.
    """
    feed = cls.instance()
    path = url or _find_url(cls)
    channels = readable(feed, request)
    if isinstance(channels, HttpResponseBase):
        raise PermissionDenied(f"{cls.label} may not be read")

    def read(rows: list[models.Model]) -> tuple[list[Any], SafeString]:
        feed.payload.load(rows)
        html = ""
        if cls.template_name is not None:
            html = "\n".join(feed.payload.html("snapshot", row) for row in rows)
        return [feed.payload.read(row) for row in rows], mark_safe(html)  # noqa: S308 -- a template's output

    return FeedPage(feed, take(feed, request, read), path)


def _find_url(cls: type[ModelFeed]) -> str:
    for view in reversed(views.get(cls, [])):
        try:
            return reverse(view)
        except NoReverseMatch:
            continue
    raise ImproperlyConfigured(
        f"{{% sse_feed {cls.label!r} %}} finds no URL of {cls.__name__}.as_view(): give it one, "
        f"{{% url 'its-name' as path %}}{{% sse_feed {cls.label!r} url=path as feed %}}"
    )
