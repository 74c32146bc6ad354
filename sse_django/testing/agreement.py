"""A feed's three methods have to agree: what goes live to a reader is in the reader's queryset, and none of it is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import router
from django.http import HttpRequest

from sse_django.feeds import ModelFeed
from sse_django.feeds.changes import observers
from sse_django.feeds.visibility import names


@contextmanager
def assert_feed_agrees(feed: type[ModelFeed], *readers: Any) -> Iterator[None]:
    """For each reader, what the block makes live has to lead to the rows of `get_queryset`.

        with assert_feed_agrees(OrderFeed, ada, bob):
            order.customer = bob
            order.save()

    A page that began with the reader's snapshot, and followed the events in the reader's channels, is compared with a
    snapshot taken at the end of the block.

    Args:
        feed: the feed.
        readers: requests, or users: a user stands for a request of his.

    Raises:
        AssertionError: if a row went live that the reader's queryset doesn't have, or the other way round.
    """
    instance = feed.instance()
    pages = [_Page(instance, reader) for reader in readers]

    def watch(changed: ModelFeed, pk: Any, old: frozenset[str], new: frozenset[str]) -> None:
        if type(changed) is feed:
            for page in pages:
                page.follow(pk, old, new)

    observers.append(watch)
    try:
        yield
    finally:
        observers[:] = [observer for observer in observers if observer is not watch]
    for page in pages:
        page.compare()


class _Page:
    """The primary keys that one reader's page shows."""

    def __init__(self, feed: ModelFeed, reader: Any) -> None:
        self._feed = feed
        self._reader = reader
        self._request = _request(reader)
        self._channels = set(names(feed.ask("channels", self._request), f"{type(feed).__name__}.channels"))
        self._shown = self._stored()

    def follow(self, pk: Any, old: frozenset[str], new: frozenset[str]) -> None:
        if self._channels & new:
            self._shown.add(pk)
        elif self._channels & old:
            self._shown.discard(pk)

    def compare(self) -> None:
        stored = self._stored()
        leaked, lost = self._shown - stored, stored - self._shown
        who, what = f"{self._feed.label}, reader {self._reader!r}", "channels_for and get_queryset disagree"
        if leaked:
            raise AssertionError(
                f"{who}: {what}. Live, but not in get_queryset: {_listed(leaked)}, in the channels {sorted(self._channels)}. "
                "Either the reader gets what is none of theirs, or a deletion didn't reach them"
            )
        if lost:
            raise AssertionError(
                f"{who}: {what}. In get_queryset, but not live: {_listed(lost)}, in the channels {sorted(self._channels)}. "
                "Changes that send no signal need FeedQuerySet or refresh()"
            )

    def _stored(self) -> set[Any]:
        queryset = self._feed.ask("get_queryset", self._request)
        if queryset._db is None:
            queryset = queryset.using(router.db_for_write(self._feed.model))
        return {row.pk for row in queryset.all()}


def _request(reader: Any) -> HttpRequest:
    if isinstance(reader, HttpRequest):
        return reader
    request = HttpRequest()
    request.method = "GET"
    request.user = reader
    return request


def _listed(pks: set[Any]) -> str:
    return ", ".join(sorted(map(str, pks)))
