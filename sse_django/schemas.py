"""`model_schema`: a Pydantic model from a Django model, to declare what of it is sent."""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import uuid
from collections.abc import Collection
from functools import cache
from typing import Annotated, Any, Literal

from django.db import models
from django.db.models.fields.files import FieldFile
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model

_FileName = Annotated[str, BeforeValidator(lambda value: (value.name or "") if isinstance(value, FieldFile) else value)]

_Base64 = Annotated[str, BeforeValidator(lambda value: base64.b64encode(bytes(value)).decode("ascii"))]

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
    "GenericIPAddressField": str,
    "JSONField": Any,
    "BinaryField": _Base64,
}


def model_schema(model: type[models.Model], *, fields: Collection[str], name: str | None = None) -> type[BaseModel]:
    """A Pydantic model with these fields of a Django model, read by attributes.

    Args:
        model: the Django model.
        fields: names of its concrete fields; a foreign key by its name or its `attname`, sent as the `attname`. Properties and
            annotations need a schema of your own.
        name: the schema's name; `<Model>Schema` by default.

    Raises:
        TypeError: if `fields` is a string, or a field's type is unknown.
        ValueError: if `fields` is empty, or names what is no concrete field.
    """
    if isinstance(fields, str):
        raise TypeError(f"fields is a list of names, got the string {fields!r}")
    return _model_schema(model, tuple(fields), name or f"{model.__name__}Schema")


@cache
def _model_schema(model: type[models.Model], names: tuple[str, ...], schema_name: str) -> type[BaseModel]:
    if not names:
        raise ValueError(f"model_schema({model.__name__}) needs the names of the fields to send")
    known = {key: field for field in model._meta.concrete_fields for key in (field.name, field.attname)}
    known["pk"] = model._meta.pk
    definitions: dict[str, Any] = {}
    for name in names:
        if name not in known:
            has = ", ".join(field.name for field in model._meta.concrete_fields)
            raise ValueError(f"{model.__name__} has no concrete field {name!r}; it has {has}")
        field = known[name]
        definitions["pk" if name == "pk" else field.attname] = field_definition(field)
    return create_model(schema_name, __config__=ConfigDict(from_attributes=True), **definitions)


def field_definition(field: models.Field[Any, Any]) -> tuple[Any, Any]:
    """The Pydantic type and `Field` of a model field."""
    kind = _type_of(field)
    constraints: dict[str, Any] = {"title": str(field.verbose_name).capitalize()}
    if field.help_text:
        constraints["description"] = str(field.help_text)
    if kind is str and field.max_length:
        constraints["json_schema_extra"] = {"maxLength": field.max_length}  # described only: the row exists
    return (kind | None if field.null else kind), Field(**constraints)


def _type_of(field: models.Field[Any, Any]) -> Any:
    if isinstance(field, models.ForeignKey):
        return _type_of(field.target_field)
    if isinstance(field, models.GeneratedField):
        return _type_of(field.output_field)  # type: ignore[arg-type]
    kind = _TYPES.get(field.get_internal_type())
    if kind is None:
        raise TypeError(
            f"{field} is a {type(field).__name__}, whose type is not known here: write a Pydantic model for it"
        )
    if field.flatchoices and kind in (str, int):
        values = tuple(value for value, _ in field.flatchoices if value is not None)
        return Literal[values if not field.blank or kind is int or "" in values else (*values, "")] | kind
    return kind
