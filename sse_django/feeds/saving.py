"""What `save()` means for a feed: where the row was seen before, and what is told of it afterwards.

Where a row was seen before is known without a query if none of the fields that decide it is written, or if those that are
written stay what they were. The instance remembers what it was loaded with, but somebody else may have changed the row
since. So the UPDATE itself makes sure: it gets `AND customer_id = 7` for the value that is to stay. If it finds the row so,
nothing has moved; if not, the old row is read, FOR UPDATE, and the UPDATE goes on as it was. For that two methods of the
followed models are wrapped, `save_base` (so that a save outside a transaction is one with its event) and `_do_update`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from django.db import connections, models, router, transaction

from sse_django.feeds.binding import Binding, bindings, bindings_of, comparable
from sse_django.feeds.changes import Change, publish, read_row

#: On an instance's `_state`: what deciding fields were loaded with, and what is found out while it is saved.
LOADED, OLD, RAW, PARTIAL = "_sse_loaded", "_sse_old", "_sse_raw", "_sse_partial"

_MISSING = object()


def loaded(sender: type[models.Model], instance: models.Model, **kwargs: Any) -> None:
    """post_init: remember the fields that decide where the row is seen. A hint, no proof."""
    values = instance.__dict__
    depends = _depends(sender)
    if depends is None:
        depends = _attnames(sender)
    instance._state.__dict__[LOADED] = {name: values[name] for name in depends if name in values}


def before(
    sender: type[models.Model], instance: models.Model, raw: bool, update_fields: Any = None, **kwargs: Any
) -> None:
    """pre_save."""
    state = instance._state.__dict__
    state[OLD] = {}
    state[RAW] = raw
    state[PARTIAL] = update_fields is not None


def after(
    sender: type[models.Model],
    instance: models.Model,
    created: bool,
    raw: bool,
    using: str,
    update_fields: frozenset[str] | None,
    **kwargs: Any,
) -> None:
    """post_save."""
    old = instance._state.__dict__.pop(OLD, {})
    whole = update_fields is None and not instance.get_deferred_fields()
    for binding in bindings_of(sender):
        feed, pk = binding.feed, binding.pk_of(instance)
        # A child may be created of a parent that was there.
        was = old.get(feed.label, frozenset() if created else None)
        if raw:
            # A fixture is loaded: what the row points at may not be there yet.
            transaction.on_commit(functools.partial(_publish_raw, binding, using, pk, was), using=using)
            continue
        sent: models.Model | None = instance
        now = binding.as_stored(instance) if whole else None
        if now is None:
            sent = read_row(feed, using, pk)
        if sent is not None or was:
            publish(feed, using, [Change(pk, sent, was, now)])
    loaded(sender, instance)


def _publish_raw(binding: Binding, using: str, pk: Any, was: frozenset[str] | None) -> None:
    with transaction.atomic(using=using):
        row = read_row(binding.feed, using, pk, lock=True)
        if row is not None or was:
            publish(binding.feed, using, [Change(pk, row, was)])


def wrap(model: type[models.Model]) -> None:
    """Have a model's saves watched. Once and for good: a model without a feed any more finds no bindings there."""
    if not hasattr(model.save_base, "sse_feeds"):
        setattr(model, "save_base", _wrap_save_base(model.save_base))  # noqa: B010 -- methods are not for assignment
        setattr(model, "_do_update", _wrap_do_update(model._do_update))  # noqa: B010


def _wrap_save_base(save_base: Callable[..., Any]) -> Any:
    @functools.wraps(save_base)
    def in_transaction(self: models.Model, *args: Any, **kwargs: Any) -> Any:
        if not bindings_of(type(self)):
            return save_base(self, *args, **kwargs)
        using = kwargs.get("using") or (args[3] if len(args) > 3 else None)
        using = using or router.db_for_write(type(self), instance=self)
        if connections[using].in_atomic_block:  # what fails in it is for its owner to handle, as ever
            return save_base(self, *args, **kwargs)
        # Without a savepoint: in a transaction by hand, SQLite would commit at its end.
        with transaction.atomic(using=using, savepoint=False):
            return save_base(self, *args, **kwargs)

    in_transaction.sse_feeds = True  # type: ignore[attr-defined]
    return in_transaction


def _wrap_do_update(do_update: Callable[..., Any]) -> Any:
    @functools.wraps(do_update)
    def watched(self: models.Model, base_qs: Any, using: str, pk: Any, values: Any, *args: Any, **kwargs: Any) -> Any:
        def go_on(queryset: Any) -> Any:
            return do_update(self, queryset, using, pk, values, *args, **kwargs)

        here = _unread(self) if values else []
        if not here:
            return go_on(base_qs)
        written = {field.attname: value for field, _, value in values}
        stay: dict[str, Any] = {}
        unsure = []
        for binding in here:
            expected = _expected(binding, self, written, base_qs.model, connections[using].vendor)
            if expected is None:
                _read_old(binding, self, using)
            elif expected:
                stay.update(expected)
                unsure.append(binding)
        if not unsure:
            return go_on(base_qs)
        if done := go_on(base_qs.filter(**stay)):
            return done
        for binding in unsure:
            _read_old(binding, self, using)
        return go_on(base_qs)

    return watched


def _expected(
    binding: Binding, instance: models.Model, written: dict[str, Any], table: type[models.Model], vendor: str
) -> dict[str, Any] | None:
    """What deciding fields are stored as if the row doesn't move: empty if there are none, None if it may well move."""
    state = instance._state.__dict__
    if state.get(RAW):
        return None
    decide = binding.learn(instance)
    if decide is None:
        return None
    comparable = _comparable(type(instance), vendor)
    expected = {}
    for name in decide & written.keys():
        value = written[name]
        if (
            instance._state.adding
            or hasattr(value, "resolve_expression")
            or state.get(LOADED, {}).get(name, _MISSING) != value
            or not (value is None or name in comparable)
        ):
            return None
        expected[name] = value
    if state.get(PARTIAL):
        # Were one of these another one by now, fields that are written might decide after all.
        for name in decide - written.keys():
            value = instance.__dict__.get(name, _MISSING)
            if name not in _attnames_of_table(table) or not (value is None or name in comparable):
                return None
            expected[name] = value
    return expected


def _unread(instance: models.Model) -> list[Binding]:
    old = instance._state.__dict__.get(OLD, {})  # by label: an instance that could not be saved may be pickled
    return [binding for binding in bindings_of(type(instance)) if binding.feed.label not in old]


def _read_old(binding: Binding, instance: models.Model, using: str) -> None:
    old = instance._state.__dict__.setdefault(OLD, {})
    old[binding.feed.label] = binding.stored(using, binding.pk_of(instance), lock=True)


@functools.cache
def _attnames(model: type[models.Model]) -> frozenset[str]:
    return frozenset(field.attname for field in model._meta.concrete_fields)


@functools.cache
def _attnames_of_table(model: type[models.Model]) -> frozenset[str]:
    return frozenset(field.attname for field in model._meta.local_concrete_fields)


@functools.cache
def _comparable(model: type[models.Model], vendor: str) -> frozenset[str]:
    return comparable(model, vendor)


def _depends(model: type[models.Model]) -> frozenset[str] | None:
    """The deciding fields of all feeds of a model; None as long as one of them isn't known."""
    found: frozenset[str] = frozenset()
    for binding in bindings.get(model, ()):
        if not binding.learned or binding.filters is None:
            return None
        found |= binding.depends | binding.filters
    return found
