"""A document of a few URLs, and the parts of it that tests look at."""

import json
import types
from collections.abc import Callable
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
    """The document of these patterns, which a published validator of OpenAPI 3.2 accepts."""
    made = openapi_document(urlconf(*patterns), **options)
    OpenAPIV32SpecValidator(made).validate()
    return made


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
