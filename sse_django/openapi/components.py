"""Python types as JSON Schema, in one set of named definitions: Pydantic writes them, this file gives them short names."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

from django.core.exceptions import ImproperlyConfigured
from django.db.models import Model
from pydantic import TypeAdapter
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticSchemaGenerationError
from pydantic.json_schema import GenerateJsonSchema

from sse_django.instances import SecretFieldsOmitted, sendable_fields
from sse_django.schemas import model_schema

JsonSchema = dict[str, Any]

REFERENCE = "#/components/schemas/"


class Described(NamedTuple):
    """A type that is to be described.

    Args:
        type: a type, or its TypeAdapter.
        mode: "serialization" for what we send, "validation" for what we take.
        where: for messages.
    """

    type: Any
    mode: Literal["serialization", "validation"]
    where: str


class WireSchema(GenerateJsonSchema):
    """As Pydantic's, but what is sent has each of its fields: a default is for whoever makes the object."""

    def field_is_required(self, field: Any, total: bool) -> bool:
        """Whether the field is always there."""
        if self.mode == "serialization" and field["type"] != "typed-dict-field":
            return not field.get("serialization_exclude")
        return super().field_is_required(field, total)


def json_schemas(
    described: Iterable[Described], generator: type[GenerateJsonSchema] = GenerateJsonSchema
) -> tuple[list[JsonSchema], dict[str, JsonSchema]]:
    """The schemas of the types, in their order, and the definitions they refer to.

    Raises:
        ImproperlyConfigured: if a type has no JSON Schema; the message says where it is used.
    """
    listed = list(described)
    inputs = [(str(n), one.mode, _adapter(one)) for n, one in enumerate(listed)]
    try:
        by_key, rest = _generate(inputs, generator)
    except PydanticInvalidForJsonSchema:
        for one, entry in zip(listed, inputs, strict=True):
            try:
                _generate([entry], generator)
            except PydanticInvalidForJsonSchema as error:
                raise ImproperlyConfigured(
                    f"{one.where}: {_name(one.type)} has no JSON Schema: {error.message}. Annotate it with Pydantic's "
                    "WithJsonSchema, or declare a type that has one."
                ) from error
        raise
    definitions = rest.get("$defs", {})
    short = _short_names(definitions)
    schemas = [_renamed(by_key[key, mode], short) for key, mode, _ in inputs]
    return schemas, {
        short[name]: _renamed(definitions[name], short) for name in sorted(definitions, key=short.__getitem__)
    }


def _generate(inputs: Any, generator: type[GenerateJsonSchema]) -> Any:
    return TypeAdapter.json_schemas(
        inputs, by_alias=True, ref_template=REFERENCE + "{model}", schema_generator=generator
    )


def _adapter(one: Described) -> TypeAdapter[Any]:
    kind = one.type
    if isinstance(kind, TypeAdapter):
        return kind
    if isinstance(kind, type) and issubclass(kind, Model):
        with warnings.catch_warnings():  # they are for whoever sends such an instance
            warnings.simplefilter("ignore", SecretFieldsOmitted)
            fields = [field.attname for field in sendable_fields(kind)]
        kind = model_schema(kind, fields=fields, name=kind.__name__)
    try:
        return TypeAdapter(kind)
    except PydanticSchemaGenerationError as error:
        raise ImproperlyConfigured(f"{one.where}: {_name(kind)} can't be described: {error.message}") from error


def _name(kind: Any) -> str:
    return getattr(kind, "__qualname__", None) or str(kind)


def _short_names(definitions: Iterable[str]) -> dict[str, str]:
    """Where two types bear one name Pydantic puts all of the module before it; as much of it as tells them apart will do."""
    parts = {name: _words(name) for name in definitions}
    short: dict[str, str] = {}
    for name, words in parts.items():
        kept = 1
        while kept < len(words) and any(
            other != name and _joined(more, kept) == _joined(words, kept) for other, more in parts.items()
        ):
            kept += 1
        short[name] = _joined(words, kept)
    if len(set(short.values())) < len(short):  # names of classes that only differ by a sign
        return {name: name for name in parts}
    return short


def _words(name: str) -> list[str]:
    """`shop__views__Item__2`, the second class of that name in one module, is `["shop", "views", "Item2"]`."""
    words = [word for word in re.split(r"__(?=[^_])", name) if word]
    if len(words) > 1 and words[-1].isdecimal():
        words[-2:] = [words[-2] + words[-1]]
    return words


def _joined(words: list[str], kept: int) -> str:
    """`["shop", "views", "Item"]`, 2: ViewsItem."""
    *module, name = words[-kept:]
    return "".join(part.title().replace("_", "") for part in module) + name


def _renamed(schema: Any, names: dict[str, str]) -> Any:
    if isinstance(schema, dict):
        changed = {key: _renamed(value, names) for key, value in schema.items()}
        reference = schema.get("$ref")
        if isinstance(reference, str) and reference.startswith(REFERENCE):
            changed["$ref"] = REFERENCE + names.get(
                reference.removeprefix(REFERENCE), reference.removeprefix(REFERENCE)
            )
        if isinstance(mapping := schema.get("discriminator"), dict) and "mapping" in mapping:
            targets = mapping["mapping"].items()
            changed["discriminator"]["mapping"] = {
                value: REFERENCE + names.get(target.removeprefix(REFERENCE), target.removeprefix(REFERENCE))
                for value, target in targets
            }
        return changed
    if isinstance(schema, list):
        return [_renamed(one, names) for one in schema]
    return schema
