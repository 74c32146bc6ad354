"""The columns of a table: what they are called, and how a row's value is found, without a query for each row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib.admin.utils import quote
from django.core.exceptions import FieldDoesNotExist, ImproperlyConfigured
from django.db.models import Model, QuerySet
from django.db.models.query import ModelIterable
from django.utils.text import capfirst

#: What reads a row: what Django calls a lookup ("customer__name"), or a function of the row.
Reads = str | Callable[[Any], Any]
#: Alone, or with a heading.
Column = Reads | tuple[Any, Reads]


def split(column: Column) -> tuple[Any, Reads]:
    """The heading, if one is given, and what reads a row.

    Raises:
        ImproperlyConfigured: if it is no column.
    """
    given, reads = column if isinstance(column, tuple) else (None, column)
    if not isinstance(reads, str) and not callable(reads):
        raise ImproperlyConfigured(f"Table: a column is a name, a function or (heading, one of these), got {column!r}")
    return given, reads


def _field(model: type[Model] | None, name: str) -> Any:
    if model is None:
        return None
    if name == "pk":
        return model._meta.pk
    try:
        return model._meta.get_field(name)
    except FieldDoesNotExist:
        return None


def has_field(model: type[Model], name: str) -> bool:
    """Whether its instances have something of that name: a field, an attribute or a method."""
    return _field(model, name) is not None or hasattr(model, name)


def heading(model: type[Model] | None, given: Any, reads: Reads) -> str:
    """Said, or the name of the field, or of the function."""
    if given is not None:
        return str(given)
    if callable(reads):
        return str(getattr(reads, "short_description", capfirst(getattr(reads, "__name__", "").replace("_", " "))))
    said = []
    for name in reads.split("__"):
        field = _field(model, name)
        model = getattr(field, "related_model", None)
        said.append(str(getattr(field, "verbose_name", None) or name.replace("_", " ")))
    return str(capfirst(" ".join(said)))


def read(row: Any, path: str) -> Any:
    """The value of a lookup in a row; choices by their names, methods called, None where a relation ends."""
    value = row
    if isinstance(row, Mapping):
        return row[path]
    for name in path.split("__"):
        if value is None:
            return None
        display = getattr(value, f"get_{name}_display", None)
        value = display if display is not None else getattr(value, name)
        if callable(value):
            value = value()
    return value


def key(row: Any, index: int) -> str:
    """What makes it the same row in two readings; for an instance, what stands in the URL of its page."""
    if isinstance(row, Model):
        return str(quote(row.pk))
    if isinstance(row, Mapping):
        for name in ("pk", "id"):
            if name in row:
                return str(quote(row[name]))
    return f"#{index}"


def has_values(queryset: QuerySet[Any]) -> bool:
    """Whether its rows are dicts or tuples rather than instances."""
    return not issubclass(queryset._iterable_class, ModelIterable)


def with_relations(queryset: QuerySet[Any], paths: list[str]) -> QuerySet[Any]:
    """With the single-valued relations that the columns go through, so that a row costs no query of its own."""
    if has_values(queryset):
        return queryset
    found = []
    for path in paths:
        model: Any = queryset.model
        through: list[str] = []
        for name in path.split("__"):
            field = _field(model, name)
            if field is None or not (field.many_to_one or field.one_to_one):
                break
            through.append(name)
            model = field.related_model
        if through:
            found.append("__".join(through))
    return queryset.select_related(*found) if found else queryset
