"""A document of a few URLs, and the parts of it that tests look at."""

import json
import types
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema
from django.urls import path
from openapi_spec_validator import OpenAPIV32SpecValidator

from sse_django.openapi import openapi_document


def urlconf(*patterns: Any) -> Any:
    """A URLconf's module with these patterns."""
    module = types.ModuleType("described_urls")
    module.urlpatterns = list(patterns)  # type: ignore[attr-defined]
    return module


def document(*patterns: Any, **options: Any) -> dict[str, Any]:
    """The document of these patterns, valid as OpenAPI 3.2 and in each of its schemas."""
    made = openapi_document(urlconf(*patterns), **options)
    validate(made)
    return made


def validate(made: dict[str, Any]) -> None:
    """Have a published validator of OpenAPI 3.2 look at a document, and one of JSON Schema at what that one passes over.

    Raises:
        OpenAPIValidationError: if it is no document.
        jsonschema.SchemaError: if a schema in it is none.
    """
    OpenAPIV32SpecValidator(made).validate()
    check_schemas(made)


def check_schemas(made: dict[str, Any]) -> None:
    """The half of it that JSON Schema has a say in."""
    for schema in _schemas_below(made):
        jsonschema.Draft202012Validator.check_schema(schema)


def _schemas_below(part: Any) -> Iterator[Any]:
    """Every schema of a document. What is inside of one, a `contentSchema` too, is judged with it."""
    for key, value in part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ():
        if key in ("schema", "itemSchema"):
            yield value
        elif key == "schemas":  # of the components
            yield from value.values()
        elif key not in ("example", "examples"):  # which are data
            yield from _schemas_below(value)


def operation(view: Callable[..., Any], route: str = "stream/", **kwargs: Any) -> dict[str, Any]:
    """The one operation of a view."""
    (methods,) = document(path(route, view, **kwargs))["paths"].values()
    (one,) = methods.values()
    return dict(one)


def event_schemas(described: dict[str, Any]) -> dict[str, Any]:
    """The schema of each event of an operation by its title."""
    listed = described["responses"]["200"]["content"]["text/event-stream"]["itemSchema"]["oneOf"]
    return {one["title"]: one for one in listed}


def data_schema(described: dict[str, Any], event: str) -> Any:
    """The schema of what is in an event's data; None if it has none."""
    schema = event_schemas(described)[event]
    properties = {**schema, **schema.get("allOf", [{}])[0]}["properties"]
    return properties["data"].get("contentSchema")


def fits(event: Any, schema: Any, made: Any) -> bool:
    """Whether an event, and the JSON in its data, fit; validators leave `contentSchema` to whoever decodes."""
    validator = jsonschema.Draft202012Validator
    if not validator({**schema, "components": made["components"]}).is_valid(event):
        return False
    properties = {**schema, **schema.get("allOf", [{}])[0]}["properties"]
    if content := properties["data"].get("contentSchema"):
        validator({**content, "components": made["components"]}).validate(json.loads(event["data"]))
    return True
