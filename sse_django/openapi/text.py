"""A document as text, JSON or YAML, the same bytes for the same document.

YAML is written here: plain data needs a subset of it that fits on a page, and a project needs no further package.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

#: Keys that are no number, date, null or boolean to any YAML parser, and no syntax.
_PLAIN_KEY = re.compile(r"[A-Za-z_$/][\w$/{}.-]*")
_AMBIGUOUS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}


def as_json(document: Any) -> str:
    """JSON, indented by two."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def as_yaml(document: Any) -> str:
    """YAML 1.2 in block style, strings in double quotes."""
    return "\n".join(_lines(document)) + "\n"


def _lines(value: Any) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _entry(f"{_key(str(key))}:", item)
    elif isinstance(value, list) and value:
        for item in value:
            first, *rest = _lines(item)
            yield f"- {first}"
            yield from (f"  {line}" for line in rest)
    else:
        yield _scalar(value)


def _entry(start: str, value: Any) -> Iterator[str]:
    if value and isinstance(value, (dict, list)):
        yield start
        yield from (f"  {line}" for line in _lines(value))
    else:
        yield f"{start} {_scalar(value)}"


def _key(key: str) -> str:
    return key if _PLAIN_KEY.fullmatch(key) and key.lower() not in _AMBIGUOUS else _scalar(key)


def _scalar(value: Any) -> str:
    # What JSON writes is YAML too, but for characters that YAML wants escaped.
    text = json.dumps(value, ensure_ascii=False)
    return re.sub("[\x7f-\x9f\u2028\u2029\ufeff]|[\ud800-\udfff]", lambda match: f"\\u{ord(match[0]):04x}", text)
