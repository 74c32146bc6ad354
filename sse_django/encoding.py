"""From a yielded item to the bytes of one event: validation against the declared type, the event's name, the wire.

An `Encoder` belongs to a view (or to a response made by hand) and is shared by all its streams.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from django.db.models import Model
from pydantic import BaseModel, TypeAdapter, ValidationError

from sse_django.channelevent import ChannelEvent
from sse_django.events import ServerSentEvent, format_sse_event
from sse_django.exceptions import InvalidItem
from sse_django.instances import Attributes
from sse_django.payloads import Dump, advice, dump_json, make_dump

#: No declared type: anything goes, and is serialized by what it is.
UNTYPED: Any = object()

_UNIONS = (Union, UnionType)


class Encoder:
    """Turns items into events.

    Args:
        item: the type that every item must fit, or UNTYPED. `ServerSentEvent[X]` holds the events' data to `X`.
        events: event names with the class of the items that bear them.

    Raises:
        TypeError: if Pydantic can't describe the type, or an `events` value is no class.
        ValueError: if a model is configured to write NaN and infinity as constants.
    """

    def __init__(self, item: Any = UNTYPED, events: Mapping[str, Any] | None = None) -> None:
        self.item = item
        self.events = dict(events or {})
        for name, cls in self.events.items():
            if not isinstance(cls, type):
                raise TypeError(f"events= names events by the class of the item, got {name!r}: {cls!r}")
        self._prefixes = {cls: _prefix(name) for name, cls in self.events.items()}
        self._writers = _Writers(self._make_writer)
        self._data = _Typed(data_type) if (data_type := _data_type(item)) is not UNTYPED else None
        self._sse_only = _is_sse(item)

    def __call__(self, item: Any) -> bytes:
        """One event, or several fields of one, ending with a blank line.

        Raises:
            InvalidItem: if the item does not fit the declared type.
            TypeError: if it has no JSON form.
        """
        return self._writers[item.__class__](item)

    def _make_writer(self, cls: type) -> Callable[[Any], bytes]:
        if issubclass(cls, ChannelEvent):
            return self._write_channel_event
        if issubclass(cls, ServerSentEvent):
            return self._write_event
        if self._sse_only:
            raise InvalidItem(
                f"a {cls.__name__} was yielded where ServerSentEvent is declared: "
                f"{advice(cls) or 'wrap it, or declare its type'}"
            )
        start = self._prefix_for(cls) + b"data: "
        if self._data is not None and self._data.is_valid(cls):
            return make_dump(self._data.adapter, start, b"\n\n")
        dump = self._data.dump_for(cls) if self._data is not None else dump_json
        return lambda item: start + dump(item) + b"\n\n"

    def _prefix_for(self, cls: type) -> bytes:
        for base in cls.__mro__:
            if base in self._prefixes:
                return self._prefixes[base]
        return b""

    def _write_channel_event(self, event: ChannelEvent) -> bytes:
        return event.wire or self._write_event(event)

    def _write_event(self, sse: ServerSentEvent[Any]) -> bytes:
        data = sse.raw_data
        if data is None and sse.data is not None:
            dump = self._data.dump_for(sse.data.__class__) if self._data is not None else dump_json
            data = dump(sse.data).decode()
        return format_sse_event(data_str=data, event=sse.event, id=sse.id, retry=sse.retry, comment=sse.comment)


class _Writers(dict[type, Callable[[Any], bytes]]):
    """What writes the items of a class, made when its first one comes."""

    def __init__(self, make: Callable[[type], Callable[[Any], bytes]]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, cls: type) -> Callable[[Any], bytes]:
        writer = self[cls] = self._make(cls)
        return writer


class _Typed:
    """Validates and writes values of one declared type."""

    def __init__(self, declared: Any) -> None:
        self.declared = declared
        self.name = getattr(declared, "__name__", None) or str(declared)
        self._members = (*get_args(declared), declared) if get_origin(declared) in _UNIONS else (declared,)
        self._model = declared if isinstance(declared, type) and issubclass(declared, Model) else None
        if self._model is None:
            self.adapter: TypeAdapter[Any] = TypeAdapter(declared)
            self._dump = make_dump(self.adapter)

    def is_valid(self, cls: type) -> bool:
        """Whether instances need no validation: one of a Pydantic model was validated when it was made."""
        if cls not in self._members or not issubclass(cls, BaseModel):
            return False
        return cls.model_config.get("revalidate_instances") is None

    def dump_for(self, cls: type) -> Dump:
        if self._model is not None:
            return self._dump_instance
        if self.is_valid(cls):
            return self._dump
        if issubclass(cls, Model):
            return self._dump_attributes
        return self._dump_validated

    def _dump_instance(self, value: Any) -> bytes:
        assert self._model is not None
        if not isinstance(value, self._model):
            what_to_do = f": {found}" if (found := advice(type(value))) else ""
            raise InvalidItem(f"a {type(value).__name__} was yielded where {self.name} is declared{what_to_do}")
        return dump_json(value)

    def _dump_validated(self, value: Any) -> bytes:
        try:
            return self._dump(self.adapter.validate_python(value, from_attributes=True))
        except ValidationError as error:
            raise self._misfit(value, error) from None

    def _dump_attributes(self, value: Model) -> bytes:
        attributes = Attributes(value)
        try:
            return self._dump(self.adapter.validate_python(attributes, from_attributes=True))
        except ValidationError as error:
            if attributes.sse_problem is not None:
                raise attributes.sse_problem from None
            raise self._misfit(value, error) from None

    def _misfit(self, value: Any, error: ValidationError) -> InvalidItem:
        if what_to_do := advice(type(value)):
            return InvalidItem(f"a {type(value).__name__} was yielded where {self.name} is declared: {what_to_do}")
        # Without the input: it may be long, and logs are read by more people than databases are.
        fields = "; ".join(
            f"{'.'.join(map(str, e['loc'])) or 'item'}: {e['msg']}"
            for e in error.errors(include_url=False, include_input=False)
        )
        return InvalidItem(f"a {type(value).__name__} was yielded that is no {self.name}: {fields}")


def _is_sse(item: Any) -> bool:
    return isinstance(item, type) and issubclass(item, ServerSentEvent)


def _data_type(item: Any) -> Any:
    """The type to which data is held: `X` for `X` and for `ServerSentEvent[X]`; a union with ServerSentEvent loses it."""
    if get_origin(item) is Annotated and _is_sse(get_args(item)[0]):
        item = get_args(item)[0]
    if _is_sse(item):
        args = item.__pydantic_generic_metadata__["args"]
        return args[0] if args and not isinstance(args[0], TypeVar) and args[0] is not Any else UNTYPED
    members = get_args(item) if get_origin(item) in _UNIONS else ()
    plain = [member for member in members if not _is_sse(member)]
    if members and len(plain) < len(members):
        return Union[tuple(plain)] if plain else UNTYPED  # noqa: UP007
    return UNTYPED if item is Any or item is object else item


def _prefix(name: str) -> bytes:
    return format_sse_event(event=name).removesuffix(b"data: \n\n")
