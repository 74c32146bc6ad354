"""What a view's own code says about its requests: the query parameters it reads, the errors it raises.

Read from its source, never run, together with the functions of its module that it names. What it leaves to others isn't seen;
so the outcome adds to a description and takes nothing from it.
"""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

JsonSchema = dict[str, Any]


@dataclass(frozen=True)
class QueryParameter:
    """A key that the view reads from `request.GET`."""

    name: str
    schema: tuple[tuple[str, Any], ...]
    required: bool = False


@dataclass(frozen=True)
class Source:
    """What some code says.

    Args:
        names: all that it uses.
        outer: those that its module has to have.
        query: the query parameters that it reads.
        statuses: those of responses that it makes: `status=401`, `status=HTTPStatus.GONE`.
        converts_id: whether a client's id may not be to its liking.
    """

    names: frozenset[str] = frozenset()
    outer: frozenset[str] = frozenset()
    query: tuple[QueryParameter, ...] = ()
    statuses: frozenset[int] = frozenset()
    converts_id: bool = False


def read(*functions: Callable[..., Any]) -> Source:
    """What the functions say together."""
    parts = [_read(function) for function in _with_helpers(functions)]
    query: dict[str, QueryParameter] = {}
    for one in (q for part in parts for q in part.query):
        known = query.setdefault(one.name, one)
        if known.required and not one.required:  # it is also asked for in a way that does without
            query[one.name] = one
    return Source(
        names=frozenset().union(*(part.names for part in parts)),
        query=tuple(query.values()),
        statuses=frozenset().union(*(part.statuses for part in parts)),
        converts_id=any(part.converts_id for part in parts),
    )


def _with_helpers(functions: Iterable[Callable[..., Any]]) -> Iterator[Callable[..., Any]]:
    """The functions, and those of their own modules that they name, directly or through others."""
    waiting = list(functions)
    seen: set[int] = set()
    while waiting:
        function = waiting.pop(0)
        if id(function) in seen:
            continue
        seen.add(id(function))
        yield function
        scope = getattr(function, "__globals__", {})
        found = [scope.get(name) for name in sorted(_read(function).outer)]
        waiting += [
            one
            for one in found
            if inspect.isfunction(one) and one.__module__ == function.__module__ and not hasattr(one, "sse_stream")
        ]


@functools.lru_cache(maxsize=1024)
def _read(function: Callable[..., Any]) -> Source:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):  # made in a shell, or compiled
        code = getattr(function, "__code__", None)
        return Source(frozenset(code.co_names) if code else frozenset())
    nodes = list(ast.walk(tree))
    loaded = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    own = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    own |= {n.arg for n in nodes if isinstance(n, ast.arg)}
    return Source(
        names=frozenset(loaded | {n.attr for n in nodes if isinstance(n, ast.Attribute)}),
        outer=frozenset(loaded - own),
        query=tuple(filter(None, map(_query, nodes))),
        statuses=frozenset(filter(None, map(_status, nodes))),
        converts_id=any(map(_converts, nodes)),
    )


def _status(node: ast.AST) -> int | None:
    if not isinstance(node, ast.keyword) or node.arg != "status":
        return None
    if isinstance(node.value, ast.Attribute):
        known = HTTPStatus.__members__.get(node.value.attr)
        return int(known) if known is not None else None
    value = getattr(node.value, "value", None)
    return value if type(value) is int and 300 <= value <= 599 else None


def _query(node: ast.AST) -> QueryParameter | None:
    if isinstance(node, ast.Subscript) and _is_get(node.value) and _text(node.slice):
        return _parameter(_text(node.slice), {"type": "string"}, required=True)
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], ast.In):
        return _parameter(_text(node.left), {"type": "string"}) if _is_get(node.comparators[0]) else None
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_get(node.func.value)):
        return None
    name = _text(node.args[0]) if node.args else ""
    if node.func.attr == "getlist":
        return _parameter(name, {"type": "array", "items": {"type": "string"}})
    if node.func.attr != "get":
        return None
    schema: JsonSchema = {"type": "string"}
    if default := (_text(node.args[1]) if len(node.args) > 1 else ""):
        schema["default"] = default
    return _parameter(name, schema)


def _parameter(name: str, schema: JsonSchema, *, required: bool = False) -> QueryParameter | None:
    if not name or name == "last_event_id":
        return None
    return QueryParameter(name, tuple(schema.items()), required)


def _is_get(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "GET"


def _text(node: ast.AST) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _converts(node: ast.AST) -> bool:
    """Whether this is `last_event_id(request, int)`."""
    if not isinstance(node, ast.Call) or _called(node) != "last_event_id":
        return False
    return len(node.args) > 1 or any(keyword.arg == "type" for keyword in node.keywords)


def _called(node: ast.Call) -> str:
    return str(getattr(node.func, "id", None) or getattr(node.func, "attr", ""))


def own_functions(
    cls: type, module_prefixes: tuple[str, ...] = ("django.", "sse_django.")
) -> Iterator[Callable[..., Any]]:
    """The functions of a class and its bases that aren't the framework's."""
    for base in cls.__mro__:
        if base is not object and not base.__module__.startswith(module_prefixes):
            yield from (inspect.unwrap(value) for value in vars(base).values() if inspect.isfunction(value))
