"""A value that fits a JSON Schema, to begin with: what the page of a stream fills its form with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sse_django.openapi.components import REFERENCE

_BY_FORMAT = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00",
    "duration": "PT1H",
    "email": "somebody@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "decimal": "1.0",
}
#: A model may contain itself.
_DEEPEST = 4


def example(schema: Any, definitions: Mapping[str, Any], depth: int = 0) -> Any:
    """A value for a schema; patterns are left to whoever fills the form."""
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return None
    for keyword in ("default", "const"):
        if keyword in schema:
            return schema[keyword]
    for keyword in ("examples", "enum"):
        if schema.get(keyword):
            return schema[keyword][0]
    if reference := schema.get("$ref"):
        return example(definitions.get(reference.removeprefix(REFERENCE)), definitions, depth + 1)
    if parts := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"):
        return example(next((p for p in parts if p != {"type": "null"}), None), definitions, depth)
    return _of_type(schema, definitions, depth)


def _of_type(schema: Any, definitions: Mapping[str, Any], depth: int) -> Any:
    kind = schema.get("type")
    if kind == "object":
        return {name: example(one, definitions, depth + 1) for name, one in schema.get("properties", {}).items()}
    if kind == "array":
        items = schema.get("prefixItems") or [schema.get("items")]
        return [value for one in items if (value := example(one, definitions, depth + 1)) is not None]
    if kind == "string":
        return _BY_FORMAT.get(schema.get("format", ""), "x" * schema.get("minLength", 0) or "text")
    if kind in ("integer", "number"):
        least = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
        return min(least if least > 0 else 1, schema.get("maximum", least if least > 0 else 1))
    return False if kind == "boolean" else None
