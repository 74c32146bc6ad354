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

from django.core.exceptions import FieldDoesNotExist
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
    sent, omitted = [], []
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

    Off the event loop (a sync view) reading may query, as it does everywhere in Django. On it, `problem` keeps the first
    error, since Pydantic would bury it in a validation error of its own.
    """

    __slots__ = ("_instance", "_root", "problem")

    def __init__(self, instance: models.Model, root: Attributes | None = None) -> None:
        self._instance = instance
        self._root = root or self
        self.problem: RelationNotLoaded | None = None

    def __getattr__(self, name: str) -> Any:
        instance = self._instance
        if _in_event_loop():
            self._require_loaded(instance, name)
        value = getattr(instance, name)
        if isinstance(value, models.Model):
            return Attributes(value, self._root)
        if isinstance(value, models.Manager):
            return [Attributes(row, self._root) for row in value.all()]
        return value

    def _require_loaded(self, instance: models.Model, name: str) -> None:
        model = type(instance).__name__
        if name in instance.get_deferred_fields():
            self._fail(
                f"{model}.{name} is deferred and can't be loaded in the event loop: drop the only()/defer() for it"
            )
        try:
            field = instance._meta.get_field(name)
        except FieldDoesNotExist:
            field = next((f for f in instance._meta.related_objects if f.get_accessor_name() == name), None)  # type: ignore[assignment]
            if field is None:
                return
        if not field.is_relation:
            return
        if field.many_to_many or field.one_to_many:
            if name not in getattr(instance, "_prefetched_objects_cache", {}):
                self._fail(
                    f"{model}.{name} isn't loaded and the event loop can't query: add prefetch_related({name!r})"
                )
        elif name != getattr(field, "attname", None) and not field.is_cached(instance):  # type: ignore[union-attr]
            self._fail(f"{model}.{name} isn't loaded and the event loop can't query: add select_related({name!r})")

    def _fail(self, message: str) -> None:
        problem = RelationNotLoaded(message)
        self._root.problem = self._root.problem or problem
        raise problem


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
