"""`suppress_feeds`: a block in which changes are not published. Follows the block into threads and tasks that it starts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sse_django.feeds.feed import ModelFeed

#: What is suppressed: None is nothing, an empty tuple all feeds.
_suppressed: ContextVar[tuple[type[ModelFeed], ...] | None] = ContextVar("sse_django.feeds.suppressed", default=None)


@contextmanager
def suppress_feeds(*feeds: type[ModelFeed]) -> Iterator[None]:
    """Publish nothing of these feeds in the block; without any, of no feed.

    `with suppress_feeds(): import_everything()`, in sync and async code. What changed in it reaches readers by
    `OrderFeed.refresh(queryset)` afterwards, or when they load their page again.
    """
    before = _suppressed.get()
    # Within a block that suppresses all, a narrower one changes nothing.
    wider: tuple[type[ModelFeed], ...] = () if not feeds or before == () else (*(before or ()), *feeds)
    token = _suppressed.set(wider)
    try:
        yield
    finally:
        _suppressed.reset(token)


def is_suppressed(feed: type[ModelFeed]) -> bool:
    """Whether this feed publishes nothing here."""
    suppressed = _suppressed.get()
    return suppressed is not None and (not suppressed or issubclass(feed, suppressed))
