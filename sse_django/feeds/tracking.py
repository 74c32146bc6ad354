"""Which models are followed for which feeds, and by what: signals of just those models. A model without a feed costs nothing.

A feed's rows change through its model, through proxies of it, through children in multi-table inheritance (which save the
parent's part) and through parents. Django sends the signals of the class that was saved, so each of these is connected.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models import signals

from sse_django.feeds import deleting, manytomany, registry, saving
from sse_django.feeds.binding import Binding, bindings

_connected: dict[type[models.Model], bool] = {}
_many: set[Any] = set()


def refresh() -> None:
    """Follow exactly the models of the feeds that there are now."""
    if not apps.models_ready:
        return  # the app's ready() calls again
    wanted: dict[type[models.Model], list[Binding]] = {}
    through: dict[Any, list[tuple[Binding, Any]]] = {}
    for cls in registry.feeds():
        feed = cls.instance()
        for model in apps.get_models(include_auto_created=True):
            relation = _relation(model, feed.model)
            if relation is not None:
                wanted.setdefault(model, []).append(Binding(feed, model, relation))
        own = Binding(feed, feed.model, "own")
        for many in feed.model._meta.many_to_many:
            through.setdefault(many.remote_field.through, []).append((own, many))
    for model in bindings.keys() - wanted.keys():
        _disconnect(model)
    for model in wanted.keys() - bindings.keys():
        _connect(model)
    bindings.clear()
    bindings.update({model: tuple(found) for model, found in wanted.items()})
    for sender in manytomany.followed.keys() - through.keys():
        signals.m2m_changed.disconnect(manytomany.changed, sender=sender)
    for sender in through.keys() - manytomany.followed.keys():
        signals.m2m_changed.connect(manytomany.changed, sender=sender)
    manytomany.followed.clear()
    manytomany.followed.update({sender: tuple(found) for sender, found in through.items()})


def _relation(model: type[models.Model], of: type[models.Model]) -> str | None:
    """What a saved `model` is to the feed's model: the same table (`own`), a `child`, a `parent`, or nothing."""
    concrete, target = model._meta.concrete_model, of._meta.concrete_model
    if concrete is None or target is None:
        return None
    if concrete is target:
        return "own"
    if issubclass(concrete, target) and target in concrete._meta.all_parents:
        return "child"
    return "parent" if concrete in target._meta.all_parents else None


_RECEIVERS: Iterable[tuple[Any, Any]] = (
    (signals.post_init, saving.loaded),
    (signals.pre_save, saving.before),
    (signals.post_save, saving.after),
    (signals.pre_delete, deleting.before),
    (signals.post_delete, deleting.after),
)


def _connect(model: type[models.Model]) -> None:
    saving.wrap(model)
    for signal, receiver in _RECEIVERS:
        signal.connect(receiver, sender=model)


def _disconnect(model: type[models.Model]) -> None:
    for signal, receiver in _RECEIVERS:
        signal.disconnect(receiver, sender=model)


registry.on_change.append(refresh)
