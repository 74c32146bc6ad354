"""The type in which a Django model field is sent, and its JSON Schema.

The schema is a description: choices, lengths and bounds are in it, and hold nobody up. The row exists, whatever was declared
since, and a stream that fails for it would tell nobody more. A field that isn't known here goes by its column's type, unless
it makes an object of its own of what it reads: then there is no telling, and that is an error.
"""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import re
import uuid
from collections.abc import Callable
from typing import Annotated, Any, Literal

import pydantic_core
from django.core import validators
from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.models.fields.files import FieldFile
from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema, create_model

JsonSchema = dict[str, Any]

_FileName = Annotated[str, BeforeValidator(lambda value: (value.name or "") if isinstance(value, FieldFile) else value)]

_Base64 = Annotated[
    str,
    BeforeValidator(lambda value: base64.b64encode(bytes(value)).decode("ascii")),
    WithJsonSchema({"type": "string", "contentEncoding": "base64"}),
]

#: By the field's internal type, which subclasses inherit.
_TYPES: dict[str, Any] = {
    "AutoField": int,
    "BigAutoField": int,
    "SmallAutoField": int,
    "IntegerField": int,
    "BigIntegerField": int,
    "SmallIntegerField": int,
    "PositiveIntegerField": int,
    "PositiveBigIntegerField": int,
    "PositiveSmallIntegerField": int,
    "BooleanField": bool,
    "CharField": str,
    "TextField": str,
    "SlugField": str,
    "FilePathField": str,
    "FileField": _FileName,
    "ImageField": _FileName,
    "DateField": dt.date,
    "DateTimeField": dt.datetime,
    "TimeField": dt.time,
    "DurationField": dt.timedelta,
    "DecimalField": decimal.Decimal,
    "FloatField": float,
    "UUIDField": uuid.UUID,
    "IPAddressField": str,
    "GenericIPAddressField": str,
    "JSONField": Any,
    "BinaryField": _Base64,
    "HStoreField": dict[str, str | None],
}

#: By the beginning of the column's type, for fields of third parties.
_COLUMNS: list[tuple[str, Any]] = [
    (r"(small|big|medium|tiny)?(int|integer|serial)\d?", int),
    (r"(var)?char|character|citext|text|(long|medium)text|tsvector|inet|cidr|macaddr|enum", str),
    (r"bool", bool),
    (r"double|real|float\d?", float),
    (r"numeric|decimal", decimal.Decimal),
    (r"uuid", uuid.UUID),
    (r"timestamp|datetime", dt.datetime),
    (r"date", dt.date),
    (r"time", dt.time),
    (r"interval", dt.timedelta),
    (r"jsonb?", Any),
    (r"bytea|blob|longblob|(var)?binary", _Base64),
]

#: How each type is written, where bounds or choices are added to it.
_WRITTEN: dict[Any, JsonSchema] = {
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    decimal.Decimal: {"type": "string", "format": "decimal"},
    uuid.UUID: {"type": "string", "format": "uuid"},
    dt.date: {"type": "string", "format": "date"},
    dt.datetime: {"type": "string", "format": "date-time"},
    dt.time: {"type": "string", "format": "time"},
    dt.timedelta: {"type": "string", "format": "duration"},
}


def field_type(field: Any) -> Any:
    """The type in which a field's values are sent, null left aside.

    Raises:
        TypeError: if it can't be known.
    """
    if isinstance(field, models.ForeignKey):
        return field_type(field.target_field)
    if isinstance(field, models.GeneratedField):
        return field_type(field.output_field)
    if _is_a(field, "CompositePrimaryKey"):
        return tuple[tuple(_or_null(part) for part in field.fields)]  # type: ignore[misc]
    if _is_a(field, "ArrayField"):
        return _array(field)
    if _is_a(field, "RangeField"):
        return _range(field)
    kind = _TYPES.get(field.get_internal_type())
    if kind is None:
        kind = _by_column(field)
    schema = _schema(field, kind)
    return kind if schema is None else Annotated[kind, WithJsonSchema(schema)]


def _schema(field: Any, kind: Any) -> JsonSchema | None:
    """What is known beyond the type itself; None if nothing is."""
    written = _WRITTEN.get(kind)
    if written is None:
        return None
    known = {**_bounds(field, kind), **(_choices(field) if field.flatchoices else {})}
    if kind is decimal.Decimal:
        known["pattern"] = _digits(field)
    return {**written, **known} if known else None


def _bounds(field: Any, kind: Any) -> JsonSchema:
    found: JsonSchema = {}
    if kind is str and field.max_length:
        found["maxLength"] = field.max_length
    if field.get_internal_type().startswith("Positive"):
        found["minimum"] = 0
    if isinstance(field, models.SlugField):
        found["pattern"] = "^[-a-zA-Z0-9_]*$" if not getattr(field, "allow_unicode", False) else "^[-\\w]*$"
    if isinstance(field, models.EmailField):
        found["format"] = "email"
    if isinstance(field, models.URLField):
        found["format"] = "uri"
    if isinstance(field, models.GenericIPAddressField) and field.protocol.lower() in ("ipv4", "ipv6"):
        found["format"] = field.protocol.lower()
    for validator in field._validators:
        found |= _bound(validator)
    return found


def _bound(validator: Any) -> JsonSchema:
    """A validator that somebody gave the field, as far as JSON Schema has a word for it."""
    for cls, keyword in (
        (validators.MinLengthValidator, "minLength"),
        (validators.MaxLengthValidator, "maxLength"),
        (validators.MinValueValidator, "minimum"),
        (validators.MaxValueValidator, "maximum"),
    ):
        if isinstance(validator, cls):
            limit = validator.limit_value() if callable(validator.limit_value) else validator.limit_value
            return {keyword: limit} if isinstance(limit, (int, float)) else {}
    if isinstance(validator, validators.RegexValidator) and not validator.flags and not validator.inverse_match:
        return {"pattern": getattr(validator.regex, "pattern", str(validator.regex))}
    return {}


def _choices(field: Any) -> JsonSchema:
    values = [pydantic_core.to_jsonable_python(value) for value, _ in field.flatchoices if value is not None]
    if field.blank and isinstance(field, models.CharField) and "" not in values:
        values.append("")
    return {"enum": values}


def _digits(field: Any) -> str:
    if field.max_digits is None or field.decimal_places is None:
        return r"^-?\d+(\.\d+)?$"
    before = field.max_digits - field.decimal_places
    after = rf"(\.\d{{1,{field.decimal_places}}})?" if field.decimal_places else ""
    return rf"^-?\d{{1,{max(before, 1)}}}{after}$"


def _or_null(field: Any) -> Any:
    kind = field_type(field)
    return kind | None if may_be_null(field) else kind


def may_be_null(field: Any) -> bool:
    """Whether a row may have NULL there. Django gives no generated column a NOT NULL, whatever its output field says."""
    return field.null or isinstance(field, models.GeneratedField)


def _array(field: Any) -> Any:
    items: Any = list[_or_null(field.base_field)]  # type: ignore[misc]
    if field.size:
        return Annotated[items, Field(json_schema_extra={"maxItems": field.size})]
    return items


class Range(BaseModel):
    """From `lower` to `upper`, either null where it has no end, with or without them as `bounds` says."""

    bounds: Literal["[]", "[)", "(]", "()"] | None
    empty: bool


def _range(field: Any) -> Any:
    bound = field_type(field.base_field)
    name = type(field).__name__.removesuffix("Field")
    made = create_model(
        name,
        __base__=Range,
        __module__=__name__,
        __doc__=Range.__doc__,
        lower=(bound | None, ...),
        upper=(bound | None, ...),
    )
    return Annotated[made, BeforeValidator(_of_driver)]


def _of_driver(value: Any) -> Any:
    """psycopg's range as a dict; anything else is left to validation."""
    if not hasattr(value, "lower_inc"):
        return value
    if value.isempty:
        return {"lower": None, "upper": None, "bounds": None, "empty": True}
    bounds = ("[" if value.lower_inc else "(") + ("]" if value.upper_inc else ")")
    return {"lower": value.lower, "upper": value.upper, "bounds": bounds, "empty": False}


def _by_column(field: Any) -> Any:
    own: Callable[..., Any] | None = getattr(type(field), "from_db_value", None)
    column = "" if own else (field.db_type(connections[DEFAULT_DB_ALIAS]) or "")
    for expression, kind in _COLUMNS:
        if re.match(rf"(?:{expression})\b", column, re.IGNORECASE):
            return kind
    why = "makes an object of its own of what it reads" if own else f"has the column type {column or 'none'!r}"
    raise TypeError(
        f"{field} is a {type(field).__name__}, which {why}, so how it is sent is not known here: write a Pydantic model for it"
    )


def _is_a(field: Any, name: str) -> bool:
    """By name, since these are not in every Django, or need psycopg to be imported."""
    return any(cls.__name__ == name and cls.__module__.startswith("django.") for cls in type(field).__mro__)
