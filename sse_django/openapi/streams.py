"""Every stream of a URLconf, described: what a document, a page or a type definition is made from."""

from __future__ import annotations

import functools
import inspect
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.views import View

from sse_django.annotations import Body
from sse_django.openapi import docstrings, source
from sse_django.openapi.guards import Guards, guards_of
from sse_django.openapi.kinds import ERROR, RESET, TEXT, Event, declared_events
from sse_django.openapi.routes import PathParameter, Route, routes
from sse_django.streaming import StreamingView


@dataclass(frozen=True)
class Stream:
    """One method of one stream's URL.

    Args:
        named: whether its URL has a name.
        id: the operationId: unique in the document, and the same for as long as the URL's name is.
        path: as OpenAPI writes it.
        events: what it may send.
        body: its JSON body, if it takes one.
        arguments: what the docstring says of parameters, by name.
    """

    named: bool
    id: str
    method: str
    path: str
    parameters: tuple[PathParameter, ...]
    namespaces: tuple[str, ...]
    summary: str
    description: str
    arguments: Mapping[str, str]
    events: tuple[Event, ...]
    body: Body | None
    source: source.Source
    guards: Guards
    deprecated: bool

    @property
    def own_events(self) -> tuple[Event, ...]:
        """Those that the view sends."""
        return tuple(event for event in self.events if event not in (RESET, ERROR))

    @property
    def where(self) -> str:
        """For messages."""
        return f"{self.method.upper()} {self.path}"


def streams(urlconf: Any = None, *, unclear: Callable[[ImproperlyConfigured], object] | None = None) -> list[Stream]:
    """The streams of a URLconf, in its order.

    Args:
        urlconf: the project's own if None.
        unclear: called with what is raised below, for a list of the others; the stream is left out.

    Raises:
        ImproperlyConfigured: if what a view declares can't be understood; the message names the view's URL.
    """
    found: list[Stream] = []
    paths: set[str] = set()
    for route in routes(urlconf):
        here = []
        try:
            for method, streaming, function in _streaming_views(route):
                here += list(_described(route, method, streaming, function))
        except ImproperlyConfigured as error:
            if unclear is None:
                raise
            unclear(error)
            continue
        if here and (path := _free(route, paths)) is not None:
            paths.add(_shape(path[0]))
            found += [replace(stream, path=path[0], parameters=path[1]) for stream in here]
    return _with_ids(found)


def _streaming_views(route: Route) -> Iterator[tuple[str | None, StreamingView, Any]]:
    """The streams of a view: a method (None: the view decides), what is known of it, and the code somebody wrote."""
    view: Any = route.view
    if getattr(view, "sse_internal", False):  # a stream of the package's own pages, which nobody else is to read
        return
    view_class: type[View] | None = getattr(view, "view_class", None)
    streaming = getattr(view, "sse_stream", None)
    if isinstance(streaming, StreamingView):  # some callables have any attribute that one asks for
        yield None, streaming, view_class or _written(view)
    elif view_class is not None:
        for method in ("get", "post", "put", "patch", "delete"):
            # method_decorator(event_stream) marks its wrapper with what it found out about a dummy; only the options are right.
            function = getattr(view_class, method, None)
            marked = getattr(function, "sse_stream", None)
            if function is not None and isinstance(marked, StreamingView):
                yield method, StreamingView(function, marked.options), _written(function)


def _written(view: Any) -> Any:
    """What somebody wrote, without decorators and bound arguments: a function, or an object that can be called."""
    view = inspect.unwrap(view)
    while isinstance(view, functools.partial):
        view = inspect.unwrap(view.func)
    return view


def _name(code: Any) -> str:
    return str(getattr(code, "__name__", type(code).__name__))


def _described(route: Route, method: str | None, streaming: StreamingView, code: Any) -> Iterator[Stream]:
    feed = getattr(route.view, "feed_class", None)
    about = feed or code
    try:
        body = streaming.annotations.body(route.filled)
        events = _events(streaming, feed)
    except (ImproperlyConfigured, TypeError, ValueError) as error:
        raise ImproperlyConfigured(f"{route.path}: {error}") from error
    read = source.read(*(source.own_functions(about) if isinstance(about, type) else [about]))
    if feed is not None or "subscribe" in read.names:
        events.append(RESET)
    events.append(ERROR)
    guards = guards_of(route.view)
    doc = docstrings.parse(_docstring(about))
    for one in [method] if method else _methods(guards, body):
        yield Stream(
            id="_".join([*route.namespaces, route.name or _name(about)]),
            named=bool(route.name),
            method=one,
            path=route.path,
            parameters=route.parameters,
            namespaces=route.namespaces,
            summary=doc.summary or docstrings.words(_name(about)),
            description=doc.description,
            arguments=doc.arguments,
            events=tuple(events),
            body=None if one == "get" else body,
            source=read,
            guards=guards,
            deprecated=hasattr(code, "__deprecated__"),
        )


def _events(streaming: StreamingView, feed: Any) -> list[Event]:
    if feed is not None:
        return list(_events_of_feed(feed))
    return declared_events(streaming.encoder.item, streaming.encoder.events)


@functools.cache  # a feed makes its types when it is asked, and one at two URLs has them once
def _events_of_feed(feed: Any) -> tuple[Event, ...]:
    # A feed says `str` where it sends HTML, which is no JSON.
    return tuple(Event(name, TEXT if data is str else data) for name, data in feed.event_models().items())


def _docstring(code: Any) -> str | None:
    """What somebody wrote about a view: of a class, its own or that of its `stream`, but nothing that it inherits from us."""
    if not isinstance(code, type):
        return inspect.getdoc(code)
    for cls in code.__mro__:
        if cls.__module__.startswith(("sse_django.", "django.")):
            break
        stream = vars(cls).get("stream")
        if text := vars(cls).get("__doc__") or (stream and stream.__doc__):
            return str(text)
    return None


def _methods(guards: Guards, body: Body | None) -> tuple[str, ...]:
    """The methods worth describing. A stream that doesn't say answers all of them alike."""
    if guards.methods is not None:
        return guards.methods
    if body is None:
        return ("get",)
    return ("post",) if body.required else ("get", "post")


def _free(route: Route, taken: set[str]) -> tuple[str, tuple[PathParameter, ...]] | None:
    """A path that OpenAPI takes for another one than those that are taken; None if no request gets to this one.

    To OpenAPI `/{pk}/` and `/{slug}/` are one path, to Django `<int:pk>/` and `<slug:slug>/` are two: the second is written
    with a `#` and the name of its parameter, which no request contains.
    """
    if _shape(route.path) not in taken:
        return route.path, route.parameters
    if not route.parameters:
        return None
    return f"{route.path}#{'-'.join(p.name for p in route.parameters)}", route.parameters


def _shape(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


def _with_ids(found: list[Stream]) -> list[Stream]:
    """Ids made unique: by the method where one URL has several, by the path where one name is used twice.

    The name of a URL wins over that of a view, so that it stays the same whatever other views are called.
    """
    places: dict[str, set[str]] = {}
    named: dict[str, set[str]] = {}
    for stream in found:
        places.setdefault(_identifier(stream.id), set()).add(stream.path)
        if stream.named:
            named.setdefault(_identifier(stream.id), set()).add(stream.path)
    methods = Counter(stream.path for stream in found)
    done: list[Stream] = []
    for stream in found:
        name = _identifier(stream.id)
        if len(places[name]) > 1 and named.get(name) != {stream.path}:
            name = f"{name}_{_identifier(stream.path)}"
        if methods[stream.path] > 1 and stream.method != "get":
            name = f"{name}_{stream.method}"
        while any(other.id == name for other in done):
            name += "_"
        done.append(replace(stream, id=name))
    return done


def _identifier(text: str) -> str:
    return re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_") or "root"
