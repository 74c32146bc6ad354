"""The events of one stream: their names, and the types of their data.

From the declared item and `events=`, as the encoder uses them, and from subclasses of ServerSentEvent whose `event` is a
Literal. What isn't declared isn't invented: such a stream has an event with any name and any data.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel

from sse_django.encoding import UNTYPED
from sse_django.events import ServerSentEvent

#: In place of a name: whatever the view says.
ANY = "*"
#: In place of a type: text as it is, or nothing at all.
TEXT: Any = object()
NOTHING: Any = object()


class StreamReset(BaseModel):
    """The log can't say what came after the client's cursor: load the state anew, the stream goes on from here."""

    reason: Literal["trimmed", "epoch", "ahead"]


class StreamError(BaseModel):
    """The stream ends with an error that the server has logged."""

    detail: str


@dataclass(frozen=True)
class Event:
    """One kind of event.

    Args:
        name: as `addEventListener` takes it; `message` for an event without a name, ANY where nobody declared one.
        data: the type of its data, which is JSON; UNTYPED for any JSON or text, TEXT for text as it is, NOTHING for none.
    """

    name: str
    data: Any
    description: str = ""

    @property
    def is_typed(self) -> bool:
        """Whether its data has a type to describe."""
        return not any(self.data is one for one in (UNTYPED, TEXT, NOTHING))


RESET = Event("stream-reset", StreamReset)
ERROR = Event("stream-error", StreamError)

_UNIONS = (Union, types.UnionType)


def declared_events(item: Any, events: Mapping[str, Any]) -> list[Event]:
    """The events of a view's declared item and its `events=`, without those that every stream may send."""
    if item is Any or item is object:  # to the encoder that is no declaration either
        item = UNTYPED
    sse, plain = _members(item, named=bool(events))
    found = [event for member in sse for event in _of_sse_class(member)]
    found += [Event(name, _data_of(cls, plain, events.values())) for name, cls in events.items()]
    uncovered = [member for member in plain if _nearest(member, events.values()) is None]
    if uncovered:
        found.append(Event("message", item if uncovered == [item] else _union(uncovered)))
    if not events:  # who names the events that there are has said that there are no others
        undeclared = [_data_of_sse(member) for member in sse if not _names_of(member)]
        if item is UNTYPED:
            undeclared = [UNTYPED]
        if undeclared:
            found.append(Event(ANY, UNTYPED if any(one is UNTYPED for one in undeclared) else _union(undeclared)))
    return _merged(found)


def _merged(found: list[Event]) -> list[Event]:
    """One event a name: where two have it, its data is one of both."""
    by_name: dict[str, Event] = {}
    for event in found:
        before = by_name.get(event.name)
        if before is None:
            by_name[event.name] = event
        elif before.data is not event.data:
            both = before.is_typed and event.is_typed
            data = _union([before.data, event.data]) if both else UNTYPED
            by_name[event.name] = Event(event.name, data, before.description or event.description)
    return list(by_name.values())


def _members(item: Any, *, named: bool) -> tuple[list[Any], list[Any]]:
    """The members of a union: subclasses of ServerSentEvent, and what is data itself.

    Where nothing tells them apart a union of data stays whole, with what is annotated to it: a discriminator, perhaps.
    """
    if item is UNTYPED:
        return [], []
    members = list(_leaves(item))
    sse = [member for member in members if _is_sse(member)]
    if not sse and not named:
        return [], [item]
    return sse, [member for member in members if not _is_sse(member)]


def _leaves(kind: Any) -> Iterator[Any]:
    """A type, or the members of the union that it is or stands for."""
    if hasattr(kind, "__value__"):  # type X = A | B
        yield from _leaves(kind.__value__)
    elif get_origin(kind) in _UNIONS:
        for member in get_args(kind):
            yield from _leaves(member)
    elif get_origin(kind) is Annotated and (_is_sse(get_args(kind)[0]) or get_origin(get_args(kind)[0]) in _UNIONS):
        yield from _leaves(get_args(kind)[0])
    else:
        yield kind


def _is_sse(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, ServerSentEvent)


def _union(members: list[Any]) -> Any:
    return Union[tuple(members)]  # noqa: UP007


def _class_of(member: Any) -> type | None:
    """The class that instances of a type have at run time."""
    if get_origin(member) is Annotated:
        member = get_args(member)[0]
    cls = get_origin(member) or member
    if isinstance(cls, type):
        return dict if hasattr(cls, "__total__") else cls  # a TypedDict is a dict
    return None


def _nearest(member: Any, classes: Iterable[type]) -> type | None:
    """The class in `events=` by which an item of this type gets its name, as the encoder looks it up."""
    known = set(classes)
    return next((base for base in getattr(_class_of(member), "__mro__", ()) if base in known), None)


def _data_of(cls: type, plain: list[Any], classes: Iterable[type]) -> Any:
    """The type by which items that get this class's name are written: what is declared, where something is."""
    if members := [member for member in plain if _nearest(member, classes) is cls]:
        return _union(members)
    for member in plain:
        declared = _class_of(member)
        if declared is not None and issubclass(cls, declared):
            return member
    return cls


def _of_sse_class(cls: type[ServerSentEvent[Any]]) -> Iterable[Event]:
    for name in _names_of(cls):
        yield Event(name, _data_of_sse(cls), inspect.cleandoc(cls.__dict__.get("__doc__") or ""))


def _names_of(cls: type[ServerSentEvent[Any]]) -> tuple[str, ...]:
    """The names that a Literal annotation of `event` lists."""
    annotation = cls.model_fields["event"].annotation
    return tuple(map(str, get_args(annotation))) if get_origin(annotation) is Literal else ()


def _data_of_sse(cls: type[ServerSentEvent[Any]]) -> Any:
    if type(None) not in _options(cls.model_fields["raw_data"].annotation):
        return TEXT
    options = [option for option in _options(cls.model_fields["data"].annotation) if option is not type(None)]
    if not options:
        return NOTHING
    if any(isinstance(option, TypeVar) or option is Any for option in options):
        return UNTYPED
    return _union(options)


def _options(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in _UNIONS else (annotation,)
