"""The type of a feed's rows: its `schema`, or one made from its `fields`, which may name many-to-many fields too."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any

from django.core.exceptions import ImproperlyConfigured
from django.db import models
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model

from sse_django.schemas import field_definition, model_schema


def _pk_of(row: Any) -> Any:
    return getattr(row, "pk", row)


def pk_type(model: type[models.Model]) -> Any:
    """The Python type of a model's primary key; Any for those that consist of several fields."""
    try:
        return field_definition(model._meta.pk)[0]
    except (TypeError, AttributeError):
        return Any


def make_schema(model: type[models.Model], fields: Collection[str], name: str, feed: str) -> type[BaseModel]:
    """A schema with these fields of a model; a many-to-many field is the list of the primary keys. Errors name the feed.

    Raises:
        ImproperlyConfigured: if `fields` is no list of names, or one names no field.
    """
    if isinstance(fields, str):
        hint = " Name the fields: what a model gets later must not go live by itself." if fields == "__all__" else ""
        raise ImproperlyConfigured(f"{feed}: fields is a list of names, got the string {fields!r}.{hint}")
    many = {field.name: field for field in model._meta.many_to_many}
    concrete = [field for field in fields if field not in many]
    try:
        if len(concrete) == len(fields):
            return model_schema(model, fields=fields, name=name)
        base = (
            model_schema(model, fields=concrete, name=name)
            if concrete
            else create_model(name, __config__=ConfigDict(from_attributes=True))
        )
    except (TypeError, ValueError) as error:
        hint = "; relations need schema=, a Pydantic model" if any("__" in str(field) for field in concrete) else ""
        raise ImproperlyConfigured(f"{feed}: {error}{hint}") from error
    definitions: dict[str, Any] = {
        field.name: (
            list[Annotated[pk_type(field.related_model), BeforeValidator(_pk_of)]],  # type: ignore[misc]
            Field(title=str(field.verbose_name).capitalize()),
        )
        for field in (many[name] for name in fields if name in many)
    }
    return create_model(name, __base__=base, **definitions)
