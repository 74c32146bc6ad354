"""The feeds there are. A class is registered when it is defined with a model; one of the same label takes its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.core.exceptions import ImproperlyConfigured

if TYPE_CHECKING:
    from sse_django.feeds.feed import ModelFeed

_feeds: dict[str, type[ModelFeed]] = {}

#: Called after the feeds have changed; the tracking of models is the one that listens.
on_change: list[Callable[[], None]] = []


def feeds() -> list[type[ModelFeed]]:
    """All feeds, in the order in which they were defined."""
    return list(_feeds.values())


def get_feed(label: str) -> type[ModelFeed]:
    """The feed called `app.FeedName`.

    Raises:
        ImproperlyConfigured: if there is none.
    """
    try:
        return _feeds[label]
    except (KeyError, TypeError):
        known = ", ".join(_feeds) or "none: an app's feeds.py is where they are looked for"
        hint = "" if label and isinstance(label, str) else '. Is it quoted, as in {% sse_feed "app.FeedName" %}?'
        raise ImproperlyConfigured(f"there is no feed {label!r}; the feeds are {known}{hint}") from None


def register(feed: type[ModelFeed]) -> None:
    """Have a feed's model followed."""
    _feeds.pop(feed.label, None)  # a module that is loaded again defines its feeds again
    _feeds[feed.label] = feed
    _changed()


def unregister(feed: type[ModelFeed]) -> None:
    """Follow its model no more."""
    if _feeds.get(feed.label) is feed:
        del _feeds[feed.label]
        _changed()


@contextmanager
def isolated_feeds() -> Iterator[None]:
    """In tests: feeds that are defined in the block are forgotten at its end."""
    before = dict(_feeds)
    try:
        yield
    finally:
        _feeds.clear()
        _feeds.update(before)
        _changed()


def _changed() -> None:
    for listener in on_change:
        listener()
