"""The URLconf as a list: every view with its path template, its path parameters and its namespaces.

Knows `path`, `re_path`, includes at any depth, converters of one's own and translated prefixes. Knows nothing of streams.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.converters import IntConverter, PathConverter, SlugConverter, StringConverter, UUIDConverter
from django.urls.resolvers import RegexPattern, RoutePattern
from django.utils.regex_helper import normalize

JsonSchema = dict[str, Any]

_ROUTE_PARAMETER = re.compile(r"<(?:[^>:]+:)?([^>]+)>")


@dataclass(frozen=True)
class PathParameter:
    """What stands for a part of the path, and the values that it may have there."""

    name: str
    schema: JsonSchema


@dataclass(frozen=True)
class Route:
    """One view at one place.

    Args:
        path: as OpenAPI writes it: `/orders/{pk}/`.
        filled: the names of the view's arguments that the URL fills: its parameters, and extra keyword arguments.
    """

    path: str
    parameters: tuple[PathParameter, ...]
    namespaces: tuple[str, ...]
    name: str | None
    view: Callable[..., Any]
    filled: frozenset[str]


@dataclass(frozen=True)
class _Prefix:
    path: str = "/"
    parameters: tuple[PathParameter, ...] = ()
    namespaces: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)


def routes(urlconf: Any = None) -> Iterator[Route]:
    """Every view of a URLconf (a module, or its name; ROOT_URLCONF by default), in the order in which URLs resolve."""
    yield from _walk(get_resolver(urlconf), _Prefix())


def _walk(resolver: URLResolver, prefix: _Prefix) -> Iterator[Route]:
    for entry in resolver.url_patterns:
        text, parameters = _template(entry.pattern)
        path = prefix.path + (text.removeprefix("/") if prefix.path.endswith("/") else text)
        all_parameters = (*prefix.parameters, *parameters)
        if isinstance(entry, URLResolver):
            namespaces = (*prefix.namespaces, entry.namespace) if entry.namespace else prefix.namespaces
            extra = {**prefix.extra, **entry.default_kwargs}
            yield from _walk(entry, _Prefix(path, all_parameters, namespaces, extra))
        elif isinstance(entry, URLPattern):
            view, bound = _without_partial(entry.callback)
            filled = {*(p.name for p in all_parameters), *prefix.extra, *entry.default_args, *bound}
            yield Route(path, all_parameters, prefix.namespaces, entry.name, view, frozenset(filled))


def _without_partial(view: Any) -> tuple[Callable[..., Any], set[str]]:
    bound: set[str] = set()
    while isinstance(view, functools.partial):
        bound |= set(view.keywords)
        view = view.func
    return view, bound


def _template(pattern: Any) -> tuple[str, tuple[PathParameter, ...]]:
    if isinstance(pattern, RoutePattern):
        text = _ROUTE_PARAMETER.sub(r"{\1}", str(pattern))
        return text, tuple(PathParameter(name, _of_converter(one)) for name, one in pattern.converters.items())
    if isinstance(pattern, RegexPattern):
        return _of_regex(pattern)
    return str(pattern), ()  # a translated prefix: the one of the language in force


def _of_converter(converter: Any) -> JsonSchema:
    kind = type(converter)
    if kind is IntConverter:
        return {"type": "integer", "minimum": 0}
    if kind is UUIDConverter:
        return {"type": "string", "format": "uuid"}
    if kind is SlugConverter:
        return {"type": "string", "pattern": "^[-a-zA-Z0-9_]+$"}
    if kind in (StringConverter, PathConverter):
        return {"type": "string", "minLength": 1}
    return {"type": "string", "pattern": f"^(?:{converter.regex})$"}


def _of_regex(pattern: RegexPattern) -> tuple[str, tuple[PathParameter, ...]]:
    # Django's own way from a regular expression to something that a URL can be made of; the first way is the shortest.
    template, names = normalize(pattern.regex.pattern)[0]
    named = {name: _group(pattern.regex.pattern, name) for name in pattern.regex.groupindex}
    parameters = []
    for name in names:
        shown = f"arg{int(name[1:]) + 1}" if name.startswith("_") else name
        template = template.replace(f"%({name})s", f"{{{shown}}}")
        parameters.append(PathParameter(shown, _of_expression(named.get(name))))
    return template.replace("%%", "%"), tuple(parameters)


def _of_expression(expression: str | None) -> JsonSchema:
    if expression is None:
        return {"type": "string"}
    if re.fullmatch(r"(\\d|\[0-9\])(\+|\{\d+(,\d*)?\})", expression):
        return {"type": "integer", "minimum": 0}
    return {"type": "string", "pattern": f"^(?:{expression})$"}


def _group(expression: str, name: str) -> str | None:
    """What stands between a named group's parentheses; None if it can't be told apart."""
    start = expression.index(f"(?P<{name}>") + len(f"(?P<{name}>")
    depth, escaped, in_class = 1, False, False
    for at in range(start, len(expression)):
        character = expression[at]
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif in_class:
            in_class = character != "]"
        elif character == "[":
            in_class = True
        elif character in "()":
            depth += 1 if character == "(" else -1
            if depth == 0:
                return expression[start:at]
    return None
