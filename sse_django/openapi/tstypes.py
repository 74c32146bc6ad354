"""JSON Schema to TypeScript types: what Pydantic writes, and no more of JSON Schema than that.

There is no kept library for it in Python, and those in JavaScript need Node.js where the schema is made.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from sse_django.openapi.components import REFERENCE, JsonSchema

_PRIMITIVES = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}
_NAME = re.compile(r"[A-Za-z_$][\w$]*", re.ASCII)


def type_of(schema: Any, name_of: Callable[[str], str], indent: str = "") -> str:
    """A schema as a TypeScript type.

    Args:
        name_of: the TypeScript name of a definition.
        indent: of the line it begins on.
    """
    if not isinstance(schema, dict):
        return "never" if schema is False else "unknown"
    if reference := schema.get("$ref"):
        return name_of(reference.removeprefix(REFERENCE))
    if "const" in schema:
        return _literal(schema["const"])
    if "enum" in schema:
        return _union(map(_literal, schema["enum"]))
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            return _union(type_of(one, name_of, indent) for one in schema[keyword])
    if "allOf" in schema:
        parts = [type_of(one, name_of, indent) for one in schema["allOf"]]
        return " & ".join(f"({part})" if " | " in part else part for part in dict.fromkeys(parts))
    kind = schema.get("type")
    if isinstance(kind, list):
        return _union(type_of({**schema, "type": one}, name_of, indent) for one in kind)
    if kind == "array":
        return _array(schema, name_of, indent)
    if kind == "object" or "properties" in schema:
        return _object(schema, name_of, indent)
    return _PRIMITIVES.get(kind or "", "unknown")


def comment(text: str, indent: str = "") -> Iterator[str]:
    """A documentation comment's lines; none for no text."""
    lines = text.strip().replace("*/", "*\u200b/").splitlines()  # what would end the comment is kept from it
    if len(lines) == 1:
        yield f"{indent}/** {lines[0]} */"
    elif lines:
        yield f"{indent}/**"
        yield from (f"{indent} * {line}".rstrip() for line in lines)
        yield f"{indent} */"


def property_name(name: str) -> str:
    """A name as a property of a type has it."""
    return name if _NAME.fullmatch(name) else json.dumps(name)


def _literal(value: Any) -> str:
    return json.dumps(value) if value is None or isinstance(value, (str, int, float)) else "unknown"


def _union(types: Any) -> str:
    different = list(dict.fromkeys(types))
    return "unknown" if "unknown" in different else " | ".join(different)


def _array(schema: JsonSchema, name_of: Callable[[str], str], indent: str) -> str:
    if "prefixItems" in schema:
        parts = [type_of(one, name_of, indent) for one in schema["prefixItems"]]
        if isinstance(schema.get("items"), dict):
            parts.append(f"...{_many(type_of(schema['items'], name_of, indent))}")
        return f"[{', '.join(parts)}]"
    return _many(type_of(schema.get("items", True), name_of, indent))


def _many(item: str) -> str:
    return f"({item})[]" if " | " in item or " & " in item else f"{item}[]"


def _object(schema: JsonSchema, name_of: Callable[[str], str], indent: str) -> str:
    required = set(schema.get("required", ()))
    inner = f"{indent}  "
    lines: list[str] = []
    types: list[str] = []
    for name, one in schema.get("properties", {}).items():
        described = one.get("description", "") if isinstance(one, dict) else ""
        types.append(type_of(one, name_of, inner) + ("" if name in required else " | undefined"))
        lines += comment(described, inner)
        lines.append(f"{inner}{property_name(name)}{'' if name in required else '?'}: {type_of(one, name_of, inner)};")
    more = schema.get("additionalProperties", not schema.get("properties"))
    patterns = schema.get("patternProperties", {})
    if not types and (more or patterns):
        values = [*patterns.values(), *([more] if isinstance(more, dict) or not patterns else [])]
        return f"Record<string, {_union(type_of(one, name_of, indent) for one in values)}>"
    if more:  # an index signature has to allow what the named properties have
        lines.append(f"{inner}[name: string]: {_union([type_of(more, name_of, inner), *types])};")
    return "\n".join(["{", *lines, f"{indent}}}"]) if lines else "Record<string, never>"
