"""Feeds: models whose changes go into the log in the transaction that made them."""

from sse_django.feeds.feed import ModelFeed
from sse_django.feeds.queryset import FeedQuerySet
from sse_django.feeds.suppression import suppress_feeds

__all__ = ["FeedQuerySet", "ModelFeed", "suppress_feeds"]
