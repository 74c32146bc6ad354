"""Which channels a row is in, and which of its fields that depends on.

`channels_for` is asked with a twin of the row whose fields are loaded, from the row, when they are read: so it is known which
ones were. If none of those differs between an old row and a new one, the two are in the same channels, and nobody has to look.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import models
from django.db.models.query_utils import DeferredAttribute

from sse_django.channels import check_channel

if TYPE_CHECKING:
    from sse_django.feeds.feed import ModelFeed


class Visibility(NamedTuple):
    channels: frozenset[str]
    fields: frozenset[str]  # attnames that were read to find out


def channels_of(feed: ModelFeed, row: models.Model) -> Visibility:
    """Ask a feed's `channels_for`.

    Raises:
        TypeError, ValueError: if it returns what are no channel names.
    """
    twin, read = _twin(row)
    answer = feed.channels_for(twin)
    return Visibility(frozenset(names(answer, f"{type(feed).__name__}.channels_for")), frozenset(read))


def names(answer: object, who: str) -> tuple[str, ...]:
    """The channels that a method of a feed returned; one name, or any number of them.

    Raises:
        TypeError, ValueError: naming `who` returned them, if they are no channels.
    """
    if isinstance(answer, str):
        answer = [answer]
    if not isinstance(answer, Iterable):
        raise TypeError(f"{who} must return channels, a list of strings; it returned {answer!r}")
    return tuple(dict.fromkeys(check_channel(name) for name in answer))


def _twin(row: models.Model) -> tuple[models.Model, set[str]]:
    cls = type(row)
    twin = cls.__new__(cls)
    lazy = _lazy_fields(cls)
    values = row.__dict__
    twin.__dict__.update((name, value) for name, value in values.items() if name not in lazy)
    state = twin._state = copy.copy(row._state)
    state.__dict__.pop("fetch_mode", None)  # one that refuses, or that loads its peers, is not for us
    # What can't be watched counts as read, but for the primary key, which doesn't change.
    read = {f.attname for f in cls._meta.concrete_fields if f.attname not in lazy and not _is_key(f)}

    def load(using: object = None, fields: Iterable[str] | None = None, **kwargs: object) -> None:
        for name in fields or lazy:
            read.add(name)
            twin.__dict__[name] = values[name] if name in values else getattr(row, name)

    twin.__dict__["refresh_from_db"] = load
    return twin, read


@cache
def _lazy_fields(model: type[models.Model]) -> frozenset[str]:
    return frozenset(
        field.attname
        for field in model._meta.concrete_fields
        if isinstance(getattr(model, field.attname, None), DeferredAttribute) and not _is_key(field)
    )


def _is_key(field: models.Field[Any, Any]) -> bool:
    return field.primary_key or field in getattr(field.model._meta, "pk_fields", ())


def fields_of_filter(queryset: models.QuerySet[Any]) -> frozenset[str] | None:
    """The attnames of its own model that a queryset filters by; None if that can't be told."""
    query: Any = queryset.query
    if query.is_sliced or query.distinct or query.combinator or query.group_by not in (None, False):
        return None
    found: set[str] = set()
    own = {field.attname for field in queryset.model._meta.concrete_fields}
    try:
        for leaf in query.where.leaves():
            sides = [leaf.lhs, *([leaf.rhs] if hasattr(leaf.rhs, "flatten") else [])]
            for expression in (part for side in sides for part in side.flatten()):
                target = getattr(expression, "target", None)
                if target is not None:
                    found.add(target.attname)
                elif hasattr(expression, "query"):
                    return None
    except AttributeError:  # an expression that is none of ours to know
        return None
    return frozenset(found) if found <= own else None
