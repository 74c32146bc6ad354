"""What a view's annotations say: the type of its items, and the parameter that is the request's JSON body.

Annotations may be strings (`from __future__ import annotations`) and may name what exists for type checkers only; so
each is resolved by itself, when it is needed, and a failure names it.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import functools
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from typing import Annotated, Any, get_args, get_origin

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponseBase
from pydantic import BaseModel, TypeAdapter
from typing_extensions import TypeAliasType, is_typeddict

from sse_django.encoding import UNTYPED
from sse_django.events import ServerSentEvent

_ITERABLES = {
    collections.abc.AsyncIterable,
    collections.abc.AsyncIterator,
    collections.abc.AsyncGenerator,
    collections.abc.Iterable,
    collections.abc.Iterator,
    collections.abc.Generator,
    collections.abc.Collection,
    collections.abc.Sequence,
    list,
    tuple,
    set,
    frozenset,
}

BODY_RULE = (
    "The JSON body goes into the parameter that is annotated with a Pydantic model, a dataclass or a TypedDict "
    "(RootModel[dict[str, Any]] takes any object)"
)


@dataclasses.dataclass(frozen=True)
class Body:
    """The parameter of a view that takes the JSON body."""

    name: str
    adapter: TypeAdapter[Any]
    required: bool


class ViewAnnotations:
    """The annotations of one view function.

    Args:
        view: the function; a partial, a bound method and a wrapped function are looked through.
        namespace: names that its annotations may use besides its module's: those of the function it is defined in.
    """

    def __init__(self, view: Callable[..., Any], namespace: Mapping[str, Any] | None = None) -> None:
        self._view = view
        function = inspect.unwrap(_without_partial(view))
        if not inspect.isroutine(function) and inspect.isfunction(call := getattr(type(function), "__call__", None)):  # noqa: B004
            function = inspect.unwrap(call)  # an instance that can be called
        self._function = getattr(function, "__func__", function)
        self._namespace = dict(namespace or {})

    @property
    def name(self) -> str:
        """The view's name in messages."""
        return str(self._function.__qualname__)

    @functools.cached_property
    def item(self) -> Any:
        """The type of the items: `X` of `AsyncIterable[X]` and its like, else UNTYPED.

        Raises:
            ImproperlyConfigured: if a generator is annotated with what it yields instead: nothing would be held to that.
        """
        annotation = self._returned()
        self._check_yields(annotation)
        return item_type(annotation)

    def check(self) -> None:
        """Refuse a wrong annotation at once, unless it names what isn't there yet.

        Raises:
            ImproperlyConfigured: see `item`.
        """
        try:
            annotation = self._returned()
        except Exception:  # told when the type is needed
            return
        self._check_yields(annotation)

    def body(self, taken: frozenset[str]) -> Body | None:
        """The one parameter that is the JSON body, given the names that the URL fills.

        Raises:
            ImproperlyConfigured: if there are two.
        """
        return self._body(taken)

    @functools.lru_cache(maxsize=8)  # noqa: B019  (lives as long as its view)
    def left_out(self, taken: frozenset[str]) -> tuple[str, ...]:
        """Parameters that stay at their default and that a JSON body could be meant for, as they are written.

        A plain dict is no body: who writes `extra_context: dict | None = None` doesn't ask to have it filled by clients.
        """
        return tuple(
            _written(parameter)
            for parameter in self._parameters
            if parameter.name not in taken
            and parameter.default is not inspect.Parameter.empty
            and parameter.annotation is not inspect.Parameter.empty
            and any(map(_holds_json, _members(self._resolve(parameter.name, parameter.annotation))))
        )

    def explain(self, error: TypeError) -> None:
        """Say what to do where `error` is Python's word that the view was called without one of its parameters.

        Not before the call: a decorator below ours may give it what the URL doesn't.

        Raises:
            ImproperlyConfigured: if that is what it says.
        """
        function = self._function.__qualname__
        said = str(error)
        missing = [_written(p) for p in self._parameters if f"'{p.name}'" in said]
        if missing and said.startswith(f"{function}() missing "):
            raise ImproperlyConfigured(
                f"{function}: nothing fills {' and '.join(missing)}. {BODY_RULE}; another one has to be in the URL's pattern, "
                "or have a default."
            ) from error

    def _returned(self) -> Any:
        return self._resolve("return", getattr(self._function, "__annotations__", {}).get("return", UNTYPED))

    def _check_yields(self, annotation: Any) -> None:
        is_async = inspect.isasyncgenfunction(self._function)
        if not is_async and not inspect.isgeneratorfunction(self._function):
            return
        members = _members(annotation)
        if any(map(_is_one_item, members)):
            name = " | ".join(member.__name__ if isinstance(member, type) else str(member) for member in members)
            raise ImproperlyConfigured(
                f"{self._function.__qualname__} yields: annotate it {'Async' if is_async else ''}Iterable[{name}], not {name}"
            )

    @functools.cached_property
    def _parameters(self) -> list[inspect.Parameter]:
        parameters = list(inspect.signature(self._function).parameters.values())
        names = [p.name for p in parameters]
        return parameters[names.index("request") + 1 :] if "request" in names[:2] else parameters[1:]

    @functools.lru_cache(maxsize=8)  # noqa: B019  (lives as long as its view)
    def _body(self, taken: frozenset[str]) -> Body | None:
        bodies = []
        for parameter in self._parameters:
            if parameter.name in taken or parameter.annotation is inspect.Parameter.empty:
                continue
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                continue
            annotation = self._resolve(parameter.name, parameter.annotation)
            if _is_body(annotation):
                required = parameter.default is inspect.Parameter.empty
                bodies.append(Body(parameter.name, TypeAdapter(annotation), required))
        if len(bodies) > 1:
            names = ", ".join(body.name for body in bodies)
            raise ImproperlyConfigured(
                f"{self._function.__qualname__} has more than one parameter for the JSON body: {names}"
            )
        return bodies[0] if bodies else None

    def _resolve(self, name: str, annotation: Any) -> Any:
        if annotation is UNTYPED or annotation is None:
            return UNTYPED
        holder = types.SimpleNamespace(__annotations__={name: annotation})
        scope = getattr(self._function, "__globals__", {})
        try:
            return typing.get_type_hints(holder, scope, {**scope, **self._namespace}, include_extras=True)[name]
        except NameError as error:
            raise ImproperlyConfigured(
                f"{self._function.__qualname__}: the annotation {annotation!r} of {name!r} can't be resolved ({error}). "
                "Import its names at run time, not for type checking only."
            ) from error


def item_type(annotation: Any) -> Any:
    """`X` for an iterable of `X`, UNTYPED for anything that doesn't say."""
    members = _members(annotation)
    if len(members) != 1:
        return UNTYPED
    annotation = members[0]
    if get_origin(annotation) is collections.abc.Coroutine:
        return item_type(get_args(annotation)[2])
    if get_origin(annotation) in _ITERABLES:
        args = get_args(annotation)
        return args[0] if args and not isinstance(args[0], typing.TypeVar) else UNTYPED
    return UNTYPED


def _members(annotation: Any) -> list[Any]:
    """What an annotation allows besides a response and None: `AsyncIterable[X] | HttpResponse` is `AsyncIterable[X]`."""
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0])
    if isinstance(annotation, TypeAliasType):
        return _members(annotation.__value__)
    if get_origin(annotation) in (typing.Union, types.UnionType):
        return [found for member in get_args(annotation) for found in _members(member)]
    if annotation is type(None) or (isinstance(annotation, type) and issubclass(annotation, HttpResponseBase)):
        return []
    return [annotation]


def _is_one_item(annotation: Any) -> bool:
    """Whether it is the type of one item, so that no generator can be meant."""
    cls = get_origin(annotation) or annotation
    if not isinstance(cls, type) or cls is object or cls is Any:  # Any is a class from Python 3.11 on
        return False
    if issubclass(cls, (BaseModel, Mapping, str, bytes)) or dataclasses.is_dataclass(cls) or is_typeddict(cls):
        return True
    if issubclass(cls, tuple) and hasattr(cls, "_fields"):
        return True
    return not issubclass(cls, (collections.abc.Iterable, collections.abc.AsyncIterable))


def _is_body(annotation: Any) -> bool:
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (typing.Union, types.UnionType):
        members = [m for m in get_args(annotation) if m is not type(None)]
        return bool(members) and all(map(_is_body, members))
    if isinstance(annotation, typing.TypeAliasType) if hasattr(typing, "TypeAliasType") else False:
        return _is_body(annotation.__value__)
    cls = get_origin(annotation) or annotation
    if not isinstance(cls, type):
        return False
    return (
        (issubclass(cls, BaseModel) and not issubclass(cls, ServerSentEvent))
        or dataclasses.is_dataclass(cls)
        or is_typeddict(cls)
    )


def _holds_json(annotation: Any) -> bool:
    cls = get_origin(annotation) or annotation
    return isinstance(cls, type) and issubclass(cls, (Mapping, list))


def _written(parameter: inspect.Parameter) -> str:
    annotation = parameter.annotation
    if annotation is inspect.Parameter.empty:
        return parameter.name
    return f"{parameter.name}: {annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)}"


def _without_partial(view: Any) -> Any:
    while isinstance(view, functools.partial):
        view = view.func
    return view
