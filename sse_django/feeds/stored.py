"""Whether what an instance holds in memory is what the database holds: only then may it be sent without being read again.

After `save()` an attribute may still be text for a number, an expression, or have more digits than its column.
"""

from __future__ import annotations

import datetime as dt
import decimal
import uuid
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models.fields.files import FieldFile

#: By internal type: the classes of which a value is stored, and read, as it is.
_PLAIN: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("CharField", "TextField", "SlugField", "FilePathField"), (str,)),
    **dict.fromkeys(("AutoField", "BigAutoField", "SmallAutoField"), (int,)),
    **dict.fromkeys(("IntegerField", "BigIntegerField", "SmallIntegerField"), (int,)),
    **dict.fromkeys(("PositiveIntegerField", "PositiveBigIntegerField", "PositiveSmallIntegerField"), (int,)),
    "BooleanField": (bool,),
    "UUIDField": (uuid.UUID,),
    "DurationField": (dt.timedelta,),
    "DateField": (dt.date,),
    "DateTimeField": (dt.datetime,),
    "DecimalField": (decimal.Decimal,),
    "FloatField": (float,),
    "TimeField": (dt.time,),
    "BinaryField": (bytes,),
    "JSONField": (dict, list, str, int, float, bool),
    **dict.fromkeys(("FileField", "ImageField"), (str, FieldFile)),
}
#: Kinds whose values can be compared in SQL as they are compared in Python.
_COMPARABLE = {
    *("CharField", "SlugField", "AutoField", "BigAutoField", "SmallAutoField", "IntegerField", "BigIntegerField"),
    *("SmallIntegerField", "PositiveIntegerField", "PositiveBigIntegerField", "PositiveSmallIntegerField"),
    *("BooleanField", "UUIDField", "DateField"),
}


def kind_of(field: models.Field[Any, Any]) -> str:
    """The internal type of a field; of what it points at, if it is a relation."""
    while isinstance(field, models.ForeignKey):
        field = field.target_field
    return field.get_internal_type()


def is_comparable(field: models.Field[Any, Any]) -> bool:
    """Whether an equal value is an equal value in the database, too."""
    return kind_of(field) in _COMPARABLE


def is_as_stored(instance: models.Model, attnames: Iterable[str]) -> bool:
    """Whether these attributes of an instance that was just saved are what a SELECT would give."""
    return all(_is_as_stored(field, instance) for field in _fields(type(instance), attnames))


def _fields(model: type[models.Model], attnames: Iterable[str]) -> Iterable[models.Field[Any, Any]]:
    wanted = set(attnames)
    return [field for field in model._meta.concrete_fields if field.attname in wanted]


def _is_as_stored(field: models.Field[Any, Any], instance: models.Model) -> bool:
    if field.attname not in instance.__dict__ or getattr(field, "generated", False):
        return False
    value = instance.__dict__[field.attname]
    if value is None:
        return True
    while isinstance(field, models.ForeignKey):
        field = field.target_field
    if getattr(field, "encoder", None) is not None:  # JSON that is written otherwise
        return False
    classes = _PLAIN.get(field.get_internal_type())
    if classes is None or not isinstance(value, classes):
        return False
    if isinstance(value, decimal.Decimal):
        return value.as_tuple().exponent == -getattr(field, "decimal_places", 0)
    if isinstance(value, dt.datetime):
        if field.get_internal_type() != "DateTimeField":
            return False
        return value.tzinfo in (dt.UTC, None) and (value.tzinfo is not None) == settings.USE_TZ
    return not isinstance(value, bool) or bool in classes
