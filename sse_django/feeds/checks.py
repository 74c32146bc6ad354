"""System checks of feeds: what is allowed, and yet will disappoint.

E004 a feed's backend isn't in BACKENDS; E006 it says where changes go and not who reads there; E007 its model is in another
database than the log. W007 its rows don't say which row they are; W008 its snapshot is limited and its live events aren't.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning
from django.core.exceptions import ImproperlyConfigured
from django.db import router

from sse_django.conf import SETTINGS_NAME, get_settings
from sse_django.feeds.feed import ModelFeed, half_defined
from sse_django.feeds.registry import feeds


def check_feeds(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """All of them, for every feed."""
    try:
        get_settings()
    except ImproperlyConfigured:
        return []  # E001 says so
    return [message for cls in feeds() for message in _check(cls)]


def _check(cls: type[ModelFeed]) -> Iterator[CheckMessage]:
    feed = cls.instance()
    if cls.backend not in get_settings().BACKENDS:
        yield Error(
            f"{cls.label}.backend is {cls.backend!r}, and {SETTINGS_NAME}['BACKENDS'] has no such alias.",
            hint="Name one of BACKENDS, or leave it out for 'default'.",
            obj=cls,
            id="sse_django.E004",
        )
        return
    try:
        log = feed.log
    except ImproperlyConfigured:
        return  # E002 and E003 say so
    if problem := half_defined(cls):
        yield Error(
            f"{problem}.",
            hint="Define both, or neither for one channel that everybody reads.",
            obj=cls,
            id="sse_django.E006",
        )
    using = router.db_for_write(cls.model)
    if log.transactional and not feed.joins(using):
        yield Error(
            f"{cls.label}: {cls.model.__name__} is in the database {using!r} and the log in {log.using!r}, so an event can't "
            "join the transaction of a change: it is sent after the commit, and lost if the process dies in between.",
            hint="Add a backend with OPTIONS['using'] of the model's database and name it in the feed's `backend`; or, if that "
            "is good enough, silence this.",
            obj=cls,
            id="sse_django.E007",
        )
    if cls.template_name is None and not _names_key(feed):
        yield CheckWarning(
            f"{cls.label} doesn't send the primary key: a page can't tell which of its rows was updated or deleted.",
            hint=f"Add {cls.model._meta.pk.name!r} to the feed's fields or schema.",
            obj=cls,
            id="sse_django.W007",
        )
    if cls.get_queryset is not ModelFeed.get_queryset and cls.channels_for is ModelFeed.channels_for:
        yield CheckWarning(
            f"{cls.label} has a get_queryset of its own and one channel for everybody: if it hides rows from some, they get "
            "their changes live all the same.",
            hint="Define channels_for and channels; or, if get_queryset hides nothing, silence this.",
            obj=cls,
            id="sse_django.W008",
        )


def _names_key(feed: ModelFeed) -> bool:
    meta = feed.model._meta
    names = set(feed.schema.model_fields)
    return bool(names & {"pk", meta.pk.name, meta.pk.attname})


ALL: Sequence[Any] = (check_feeds,)
