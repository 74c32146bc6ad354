"""Which classes' signals tell of a change to a model's rows: the model, its proxies, its multi-table parents and children.

Django sends a signal for the class that was saved and no other, while one table holds rows of them all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db.models import Model


def concrete(model: type[Model]) -> type[Model]:
    """The class whose table it is: a proxy's original."""
    found = model._meta.concrete_model
    assert found is not None, f"{model!r} is abstract"
    return found


def relatives(model: type[Model]) -> Iterator[type[Model]]:
    """All classes whose instances share a row of the model's tables; the model itself among them."""
    own = concrete(model)
    lineage = {own, *own._meta.get_parent_list()}
    for other in apps.get_models(include_auto_created=True):
        theirs = concrete(other)
        if theirs in lineage or own in theirs._meta.get_parent_list():
            yield other


def pk_in(model: type[Model], instance: Model) -> Any:
    """The primary key that the model's row of this instance has."""
    attname = concrete(model)._meta.pk.attname
    return getattr(instance, attname, instance.pk)
