"""Whether what an instance holds in memory is what the database holds: only then may it be sent without being read again.

After `save()` an attribute may still be text for a number, an expression, or have more digits than its column.
"""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import uuid
from collections.abc import Iterable
from functools import cache
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
#: Kinds whose values can be compared in SQL. What is wrongly taken for different costs a query; the reverse would be an error.
_COMPARABLE = _PLAIN.keys() - {"BinaryField", "JSONField", "FloatField", "FileField", "ImageField"}
#: Where collations may take A for a.
_TEXT = {"CharField", "TextField", "SlugField", "FilePathField"}


def kind_of(field: models.Field[Any, Any]) -> str:
    """The internal type of a field; of what it points at, if it is a relation."""
    while isinstance(field, models.ForeignKey):
        field = field.target_field
    return field.get_internal_type()


def is_comparable(field: models.Field[Any, Any], vendor: str) -> bool:
    """Whether what is equal in this kind of database is equal in Python, too."""
    if getattr(field, "db_collation", None) or not _is_djangos(field):
        return False
    return kind_of(field) in (_COMPARABLE - _TEXT if vendor == "mysql" else _COMPARABLE)


#: What a field does with a value on its way to the database and back.
_WAY = ("get_prep_value", "get_db_prep_value", "get_db_prep_save", "pre_save", "from_db_value")


@cache
def _is_djangos(field: models.Field[Any, Any]) -> bool:
    """Whether values go the way of one of Django's own fields."""
    ways = (getattr(type(field), name, None) for name in _WAY)
    return all(way is None or way.__module__.startswith("django.") for way in ways)


def is_as_stored(instance: models.Model, attnames: Iterable[str]) -> bool:
    """Whether these attributes of an instance that was just saved are what a SELECT would give."""
    fields, values = _fields(type(instance)), instance.__dict__
    return all(name in values and _is_as_stored(values[name], *fields[name]) for name in attnames)


@cache
def _fields(model: type[models.Model]) -> dict[str, tuple[tuple[type[Any], ...], str, int]]:
    """By attname: the classes of values that are stored as they are, the kind, and the digits after the point."""
    found = {}
    for field in model._meta.concrete_fields:
        target: Any = field
        while isinstance(target, models.ForeignKey):
            target = target.target_field
        kind = target.get_internal_type()
        # A column that is computed, JSON that an encoder writes, and what a field of somebody's own makes of a value, are never
        # as they are in memory.
        plain = (
            not getattr(field, "generated", False) and getattr(target, "encoder", None) is None and _is_djangos(target)
        )
        found[field.attname] = (
            _PLAIN.get(kind, ()) if plain else (),
            kind,
            getattr(target, "decimal_places", None) or 0,
        )
    return found


def _is_as_stored(value: Any, classes: tuple[type[Any], ...], kind: str, places: int) -> bool:
    if value is None:
        return bool(classes)
    if not isinstance(value, classes) or (isinstance(value, enum.Enum) and not isinstance(value, models.Choices)):
        return False
    if kind == "DecimalField":
        return bool(value.as_tuple().exponent == -places)
    if isinstance(value, dt.datetime):
        if kind != "DateTimeField":
            return False
        return value.tzinfo in (dt.UTC, None) and (value.tzinfo is not None) == settings.USE_TZ
    return not isinstance(value, bool) or bool in classes
