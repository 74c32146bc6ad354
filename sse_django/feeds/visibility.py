"""Which channels a row is in, and which of its fields that depends on.

`channels_for` is asked with a twin of the row whose fields are loaded, from the row, when they are read: so it is known which
ones were. If none of those differs between an old row and a new one, the two are in the same channels, and nobody has to look.

What an instance in memory holds beside its columns (related rows, prefetched ones, cached properties) may be long out of date,
and a column of it may hold what no row does, an expression or text for a number. `channels_for` is shown neither.
"""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import models
from django.db.models.expressions import RawSQL
from django.db.models.query_utils import DeferredAttribute
from django.utils.functional import cached_property

from sse_django.channels import check_channel
from sse_django.feeds.stored import is_as_stored

if TYPE_CHECKING:
    from sse_django.feeds.feed import ModelFeed


class Visibility(NamedTuple):
    channels: frozenset[str]
    fields: frozenset[str]  # attnames that were read to find out


class _NotStored(Exception):
    """A field was read that holds what the database doesn't."""


def channels_of(feed: ModelFeed, row: models.Model) -> Visibility:
    """Ask a feed's `channels_for` about a row that was read just now.

    Raises:
        TypeError, ValueError: if it returns what are no channel names.
    """
    twin, read, _ = _twin(row, in_memory=False)
    return _ask(feed, twin, read)


def channels_in_memory(feed: ModelFeed, instance: models.Model) -> Visibility | None:
    """The same about an instance as it is in memory; None if it holds something else there than the database would.

    Raises:
        TypeError, ValueError: as `channels_of`.
    """
    twin, read, unlike = _twin(instance, in_memory=True)
    try:
        found = _ask(feed, twin, read)
    except Exception:
        if unlike:
            return None
        raise
    return None if unlike else found


def _ask(feed: ModelFeed, twin: models.Model, read: set[str]) -> Visibility:
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


def _twin(row: models.Model, *, in_memory: bool) -> tuple[models.Model, set[str], set[str]]:
    """The twin, the fields that are read of it, and those among them that hold what is not stored."""
    cls = type(row)
    twin = cls.__new__(cls)
    lazy = _lazy_fields(cls)
    values = row.__dict__
    omit = lazy | _kept_beside(cls) if in_memory else lazy
    twin.__dict__.update((name, value) for name, value in values.items() if name not in omit)
    state = twin._state = copy.copy(row._state)
    state.__dict__.pop("fetch_mode", None)  # one that refuses, or that loads its peers, is not for us
    if in_memory:
        state.__dict__.pop("fields_cache", None)
    # What can't be watched counts as read, but for the primary key, which doesn't change.
    read = {f.attname for f in cls._meta.concrete_fields if f.attname not in lazy and not _is_key(f)}
    unlike: set[str] = set()

    def load(using: object = None, fields: Iterable[str] | None = None, **kwargs: object) -> None:
        for name in fields or lazy:
            read.add(name)
            value = values[name] if name in values else getattr(row, name)
            if in_memory and not is_as_stored(row, [name]):
                unlike.add(name)
                raise _NotStored(name)
            twin.__dict__[name] = value

    twin.__dict__["refresh_from_db"] = load
    return twin, read, unlike


@cache
def _kept_beside(model: type[models.Model]) -> frozenset[str]:
    """What instances keep that may be out of date: rows that were prefetched, and cached properties."""
    kinds = (cached_property, functools.cached_property)
    names = {name for cls in model.__mro__ for name in vars(cls)}
    cached = {name for name in names if isinstance(inspect.getattr_static(model, name), kinds)}
    return frozenset(cached | {"_prefetched_objects_cache"})


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
    table = query.get_initial_alias()
    try:
        for leaf in query.where.leaves():
            sides = [leaf.lhs, *([leaf.rhs] if hasattr(leaf.rhs, "flatten") else [])]
            for expression in (part for side in sides for part in side.flatten()):
                target = getattr(expression, "target", None)
                if target is not None:
                    if expression.alias != table:
                        return None  # of a joined row, whatever its name
                    found.add(target.attname)
                elif hasattr(expression, "query") or isinstance(expression, RawSQL):
                    return None
    except AttributeError:  # an expression that is none of ours to know
        return None
    return frozenset(found) if found <= own else None
