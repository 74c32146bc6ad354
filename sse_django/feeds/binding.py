"""A feed and one of the models through which its rows change: what is known of rows before they are written."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.db import models

from sse_django.feeds.changes import read_row
from sse_django.feeds.feed import ModelFeed
from sse_django.feeds.stored import is_as_stored, is_comparable
from sse_django.feeds.suppression import is_suppressed
from sse_django.feeds.visibility import channels_in_memory, channels_of, fields_of_filter


class Binding:
    """A feed that follows a model.

    Attributes:
        feed: the feed.
        relation: whether the saved model has the feed's table (`own`), or is a `child` or a `parent` of the feed's model.
        depends: the attnames that decide where rows are seen, as far as they are known.
    """

    def __init__(self, feed: ModelFeed, model: type[models.Model], relation: str) -> None:
        self.feed = feed
        self.model = model
        self.relation = relation
        self.depends: frozenset[str] = frozenset()
        self.learned = False

    @property
    def suppressed(self) -> bool:
        """Whether nothing is to be published here."""
        return is_suppressed(type(self.feed))

    @cached_property
    def filters(self) -> frozenset[str] | None:
        """The attnames that decide whether a row is visible at all; None if they aren't known."""
        found = fields_of_filter(self.feed.live_rows())
        keys = {field.attname for field in self.feed.model._meta.concrete_fields if field.primary_key}
        return None if found is None else found - keys

    @cached_property
    def sees_all(self) -> bool:
        """Whether every row of the model is visible."""
        return self.filters == frozenset() and not self.feed.live_rows().query.where

    def learn(self, row: models.Model) -> frozenset[str] | None:
        """The attnames that decide where this row is seen; None if that can't be told without reading it."""
        if self.relation == "parent":
            return None
        now = channels_in_memory(self.feed, row)
        if now is None:
            return None
        read = now.fields
        if not read <= self.depends or not self.learned:
            self.depends |= read
            self.learned = True
        return None if self.filters is None else read | self.filters

    def stored(self, using: str, pk: Any, *, lock: bool) -> frozenset[str]:
        """The channels of the row as it is stored: a SELECT. None if it isn't visible."""
        row = read_row(self.feed, using, pk, lock=lock)
        return frozenset() if row is None else channels_of(self.feed, row).channels

    def as_stored(self, instance: models.Model) -> frozenset[str] | None:
        """The channels of a row that was just saved as a whole; None if it has to be read again before it is sent."""
        payload = self.feed.payload
        if self.relation == "parent" or not self.sees_all or not payload.is_plain:
            return None
        now = channels_in_memory(self.feed, instance)
        return now.channels if now is not None and is_as_stored(instance, payload.attnames | now.fields) else None

    def pk_of(self, instance: models.Model) -> Any:
        """The primary key of the feed's row."""
        if self.relation == "child":
            link = instance._meta.get_ancestor_link(self.feed.model._meta.concrete_model)
            return instance.pk if link is None else getattr(instance, link.attname)
        return instance.pk


#: By the model that is saved.
bindings: dict[type[models.Model], tuple[Binding, ...]] = {}


def bindings_of(model: type[models.Model]) -> list[Binding]:
    """Those that are to publish what becomes of this model, here and now."""
    return [binding for binding in bindings.get(model, ()) if not binding.suppressed]


def comparable(model: type[models.Model], vendor: str) -> frozenset[str]:
    """The fields, by attname, that can be compared in SQL."""
    return frozenset(field.attname for field in model._meta.concrete_fields if is_comparable(field, vendor))
