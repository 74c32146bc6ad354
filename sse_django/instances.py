"""A Django model instance as data: which fields leave the house when nobody declared a schema, and how a schema reads one.

Without a declared type an instance is sent with its concrete fields (by `attname`, so no relation is followed), without a
user's password and without fields whose names match Django's own list of secret words. With one, `Attributes` stands
between Pydantic and the instance, so that a relation that is not loaded is a clear error instead of a query in the event loop.
"""

from __future__ import annotations

import asyncio
import base64
import warnings
from functools import cache
from typing import Any

from django.core.exceptions import SynchronousOnlyOperation
from django.db import models

from sse_django.exceptions import RelationNotLoaded


class SecretFieldsOmitted(UserWarning):
    """An instance with no declared type was sent without fields that look secret."""


def instance_data(instance: models.Model) -> dict[str, Any]:
    """The concrete fields of an instance by `attname`, without those that look secret. Deferred fields are left out.

    Raises:
        TypeError: for a Session, which is a secret as a whole.
    """
    deferred = instance.get_deferred_fields()
    return {
        field.attname: _plain(field, instance)
        for field in sendable_fields(type(instance))
        if field.attname not in deferred
    }


@cache
def sendable_fields(model: type[models.Model]) -> tuple[models.Field[Any, Any], ...]:
    """The concrete fields of a model that may be sent without being asked for. Warns once per model of what it leaves out."""
    # These define models (abstract ones), which needs the app registry.
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.sessions.base_session import AbstractBaseSession
    from django.views.debug import SafeExceptionReporterFilter

    if issubclass(model, AbstractBaseSession):
        raise TypeError(
            f"a {model.__name__} can't be sent: its key is a credential. Send the fields you need, as a dict"
        )
    looks_secret = SafeExceptionReporterFilter.hidden_settings.search
    sent: list[models.Field[Any, Any]] = []
    omitted: list[models.Field[Any, Any]] = []
    for field in model._meta.concrete_fields:
        secret = looks_secret(field.attname) or (issubclass(model, AbstractBaseUser) and field.attname == "password")
        (omitted if secret else sent).append(field)
    if omitted:
        warnings.warn(
            f"{model.__name__} is sent without {', '.join(f.attname for f in omitted)}: the names look secret. "
            f"Declare a type for the items, or model_schema({model.__name__}, fields=[…]), to choose.",
            SecretFieldsOmitted,
            stacklevel=2,
        )
    return tuple(sent)


def _plain(field: models.Field[Any, Any], instance: models.Model) -> Any:
    value = getattr(instance, field.attname)
    if isinstance(value, (bytes, bytearray, memoryview)):  # BinaryField: as Django's own serializers write it
        return base64.b64encode(bytes(value)).decode("ascii")
    return value


class Attributes:
    """An instance as a schema reads it: loaded relations are wrapped alike, managers become lists, nothing is fetched.

    Off the event loop (a sync view) reading may query, as it does everywhere in Django. On it, `sse_problem` keeps the first
    error, since Pydantic would bury it in a validation error of its own.
    """

    # Odd names: a model's own fields must be found by __getattr__, whatever they are called.
    __slots__ = ("_sse_instance", "_sse_root", "sse_problem")

    def __init__(self, instance: models.Model, root: Attributes | None = None) -> None:
        self._sse_instance = instance
        self._sse_root = root or self
        self.sse_problem: RelationNotLoaded | None = None

    def __getattr__(self, name: str) -> Any:
        instance, root = self._sse_instance, self._sse_root
        problem = _not_loaded(instance, name) if _in_event_loop() else None
        if problem is None:
            try:
                value = getattr(instance, name)
            except SynchronousOnlyOperation:  # a property that queries
                problem = f"{type(instance).__name__}.{name} makes a query: load what it uses with select_related()"
        if problem is not None:
            root.sse_problem = root.sse_problem or RelationNotLoaded(problem)
            raise root.sse_problem
        if isinstance(value, models.Model):
            return Attributes(value, root)
        if isinstance(value, models.Manager):
            return [Attributes(row, root) for row in value.all()]
        return value


def _not_loaded(instance: models.Model, name: str) -> str | None:
    """Why reading this attribute would query, and what to do; None if it wouldn't."""
    full = f"{type(instance).__name__}.{name}"
    if name in instance.get_deferred_fields():
        return f"{full} is deferred and can't be loaded in the event loop: drop the only() or defer() for it"
    fields = [*instance._meta.get_fields(), *instance._meta.private_fields]
    field: Any = next((f for f in fields if name == _accessor(f)), None)
    if field is None or not field.is_relation:
        return None
    if field.many_to_many or field.one_to_many:
        if name in getattr(instance, "_prefetched_objects_cache", {}):
            return None
        return f"{full} isn't loaded and the event loop can't query: add prefetch_related({name!r})"
    if field.is_cached(instance) or (getattr(field, "attname", None) and getattr(instance, field.attname) is None):
        return None
    return f"{full} isn't loaded and the event loop can't query: add select_related({name!r})"


def _accessor(field: Any) -> str | None:
    """The attribute under which a model has this field, or the other side of a relation to it."""
    accessor = getattr(field, "get_accessor_name", None)
    return accessor() if accessor is not None else field.name  # type: ignore[no-any-return]


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
