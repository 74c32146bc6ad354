"""`model_schema`: a Pydantic model from a Django model, to declare what of it is sent."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any

from django.db import models
from pydantic import BaseModel, ConfigDict, Field, create_model

from sse_django.fieldtypes import field_type, may_be_null


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
    config = ConfigDict(from_attributes=True)
    return create_model(schema_name, __config__=config, __module__=model.__module__, **definitions)


def field_definition(field: models.Field[Any, Any]) -> tuple[Any, Any]:
    """The Pydantic type and `Field` of a model field."""
    kind = field_type(field)
    title = str(field.verbose_name or field.name).capitalize()  # a composite key has no verbose name
    return (kind | None if may_be_null(field) else kind), Field(
        title=title, description=str(field.help_text) if field.help_text else None
    )
