"""What a deletion means for a feed: whoever sees the row is told its primary key.

A row that is deleted was read some time ago, also by a queryset or a cascade: the DELETE may wait for somebody who is moving
it. So it is read once more, FOR UPDATE, if it can move at all.
"""

from __future__ import annotations

from typing import Any

from django.db import models

from sse_django.feeds.binding import bindings_of
from sse_django.feeds.changes import Change, publish
from sse_django.feeds.visibility import channels_in_memory

OLD = "_sse_deleted"


def before(sender: type[models.Model], instance: models.Model, using: str, **kwargs: Any) -> None:
    """pre_delete."""
    seen = {}
    for binding in bindings_of(sender):
        if binding.relation != "own":
            continue  # Django deletes the row of the feed's own model as well, and says so
        now = channels_in_memory(binding.feed, instance)
        if now is not None and binding.sees_all and not now.fields:
            seen[binding.feed.label] = now.channels
        else:
            seen[binding.feed.label] = binding.stored(using, instance.pk, lock=True)
    instance._state.__dict__[OLD] = seen


def after(sender: type[models.Model], instance: models.Model, using: str, **kwargs: Any) -> None:
    """post_delete."""
    seen = instance._state.__dict__.pop(OLD, {})
    for binding in bindings_of(sender):
        if channels := seen.get(binding.feed.label):
            publish(binding.feed, using, [Change(instance.pk, None, channels)])
