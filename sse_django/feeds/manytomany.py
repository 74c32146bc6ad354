"""Many-to-many changes: the rows on the feed's side are locked and looked at before, and told of afterwards.

The lock comes first, so that of two who add at once the second one tells of both. A change of a field that the feed doesn't
send is told only to those for whom it makes a row visible, or hides it.
"""

from __future__ import annotations

from typing import Any

from django.db import models

from sse_django.feeds.binding import Binding
from sse_django.feeds.changes import Change, publish, read_rows
from sse_django.feeds.visibility import channels_of

#: By the model of the table between: the feeds, each with its field.
followed: dict[Any, tuple[tuple[Binding, Any], ...]] = {}

OLD = "_sse_many"


def changed(
    sender: Any,
    instance: models.Model,
    action: str,
    reverse: bool,
    pk_set: set[Any] | None,
    using: str,
    **kwargs: Any,
) -> None:
    """m2m_changed."""
    when, _, verb = action.partition("_")
    kept: dict[Any, Any] = instance._state.__dict__.setdefault(OLD, {})
    for binding, field in followed.get(sender, ()):
        key = (binding.feed.label, sender, verb)
        if binding.suppressed:
            kept.pop(key, None)
        elif when == "pre":
            pks = _rows(field, instance, reverse, pk_set, using)
            rows = read_rows(binding.feed, using, pks, lock=True)
            kept[key] = {pk: channels_of(binding.feed, row).channels for pk, row in rows.items()}
        elif key in kept:
            _tell(binding, field, using, kept.pop(key))


def _rows(field: Any, instance: models.Model, reverse: bool, pk_set: set[Any] | None, using: str) -> list[Any]:
    """The primary keys of the rows on the field's own side."""
    if field.remote_field.symmetrical:  # both sides are the feed's
        return [instance.pk, *(pk_set if pk_set is not None else _other_side(field, instance, using, reverse=False))]
    if not reverse:
        return [instance.pk]
    return list(pk_set) if pk_set is not None else _other_side(field, instance, using, reverse=True)


def _other_side(field: Any, instance: models.Model, using: str, *, reverse: bool) -> list[Any]:
    through = field.remote_field.through
    here, there = field.m2m_field_name(), field.m2m_reverse_field_name()
    mine, others = (there, here) if reverse else (here, there)
    return list(through._base_manager.using(using).filter(**{mine: instance}).values_list(others, flat=True))


def _tell(binding: Binding, field: Any, using: str, before: dict[Any, frozenset[str]]) -> None:
    feed = binding.feed
    rows = read_rows(feed, using, before)
    sends = field.name in feed.schema.model_fields
    changes = []
    for pk, old in before.items():
        row = rows.get(pk)
        if sends or (frozenset() if row is None else channels_of(feed, row).channels) != old:
            changes.append(Change(pk, row, old))
    publish(feed, using, changes)
