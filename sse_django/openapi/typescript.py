"""The TypeScript of every stream: for each its events by name, for sse.js, and a union of them that `name` tells apart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from sse_django.openapi.components import Described, JsonSchema, WireSchema, json_schemas
from sse_django.openapi.kinds import ANY, NOTHING, TEXT, Event
from sse_django.openapi.streams import Stream, streams
from sse_django.openapi.tstypes import comment, property_name, type_of

_HEAD = """\
// Written by `manage.py sse_schema --typescript`. Changes made here are lost.

/** An event as sse.js hands it over; `name` tells which. */
export type EventOf<Events> = {
  [Name in keyof Events & string]: { name: Name; data: Events[Name]; id: string; raw: string };
}[keyof Events & string];

/** What sse_django itself sends: in place of what can't be told any more, and last, where the view failed. */
export type OwnEvents = {
  "stream-reset": { reason: "trimmed" | "epoch" | "ahead" };
  "stream-error": { detail: string };
};
"""


def typescript_types(urlconf: Any = None) -> str:
    """The text of a `.d.ts` file.

    Raises:
        ImproperlyConfigured: if a stream declares what can't be described; the message names its URL.
    """
    described = streams(urlconf)
    wanted: dict[Any, Described] = {}
    for stream in described:
        for event in stream.own_events:
            if event.is_typed:
                wanted[stream.id, event.name] = Described(event.data, "serialization", stream.where)
        if stream.body is not None:
            wanted[stream.id, None] = Described(stream.body.adapter, "validation", stream.where)
    made, definitions = json_schemas(wanted.values(), WireSchema)
    names = _Names([*definitions])
    writer = _Writer(dict(zip(wanted, made, strict=True)), names)
    parts = [_HEAD]
    parts += ["\n".join(writer.definition(name, schema)) + "\n" for name, schema in definitions.items()]
    parts += ["\n".join(writer.stream(stream)) + "\n" for stream in described]
    parts.append("\n".join(writer.streams(described)) + "\n")
    return "\n".join(parts)


class _Names:
    """TypeScript names: those of definitions, and what is made from a stream's id without taking one of them."""

    def __init__(self, definitions: Iterable[str]) -> None:
        self._taken = {"EventOf", "OwnEvents", "Streams"}
        self._definitions = {name: self.free(_pascal(name)) for name in definitions}

    def of(self, definition: str) -> str:
        return self._definitions[definition]

    def free(self, name: str) -> str:
        """This name, or one like it that nothing else has."""
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        return name


class _Writer:
    def __init__(self, schemas: dict[Any, JsonSchema], names: _Names) -> None:
        self._schemas = schemas
        self._names = names
        self._maps: dict[str, str] = {}
        self._bodies: dict[str, str] = {}

    def definition(self, name: str, schema: JsonSchema) -> Iterator[str]:
        """A named type."""
        written = type_of(schema, self._names.of)
        yield from comment(schema.get("description", ""))
        if written.startswith("{"):
            yield f"export interface {self._names.of(name)} {written}"
        else:
            yield f"export type {self._names.of(name)} = {written};"

    def stream(self, stream: Stream) -> Iterator[str]:
        """The events of a stream, as a map and as a union, and its body."""
        base = _pascal(stream.id)
        self._maps[stream.id] = events = self._names.free(f"{base}Events")
        yield from comment("\n\n".join(filter(None, [stream.where, stream.summary, stream.description])))
        # A type and no interface: only that fits where sse.js wants any record.
        yield f"export type {events} = {{"
        for event in stream.own_events:
            yield from comment(event.description, "  ")
            yield f"  {self._key(event)}: {self._data(stream, event)};"
        yield "};"
        yield f"export type {self._names.free(f'{base}Event')} = EventOf<{events} & OwnEvents>;"
        if stream.body is not None:
            self._bodies[stream.id] = body = self._names.free(f"{base}Body")
            yield f"export type {body} = {self._type(stream.id, None)};"

    def streams(self, described: list[Stream]) -> Iterator[str]:
        """All of them, by id."""
        yield "/** Every stream by its operationId. */"
        yield "export interface Streams {"
        for stream in described:
            yield f"  {property_name(stream.id)}: {{"
            yield f'    method: "{stream.method.upper()}";'
            yield f'    path: "{stream.path}";'
            yield f"    parameters: {self._parameters(stream)};"
            yield f"    body: {self._bodies.get(stream.id, 'never')};"
            yield f"    events: {self._maps[stream.id]};"
            yield "  };"
        yield "}"

    def _parameters(self, stream: Stream) -> str:
        parts = [f"{property_name(p.name)}: {type_of(p.schema, self._names.of)}" for p in stream.parameters]
        parts += [
            f"{property_name(q.name)}{'' if q.required else '?'}: {type_of(dict(q.schema), self._names.of)}"
            for q in stream.source.query
        ]
        return f"{{ {'; '.join(parts)} }}" if parts else "Record<string, never>"

    def _key(self, event: Event) -> str:
        return "[name: string]" if event.name == ANY else property_name(event.name)

    def _data(self, stream: Stream, event: Event) -> str:
        if event.name == ANY and event.is_typed:  # an index signature has to allow what the named ones have
            others = [self._data(stream, other) for other in stream.own_events if other is not event]
            return " | ".join(dict.fromkeys([self._type(stream.id, ANY), *others]))
        if event.is_typed:
            return self._type(stream.id, event.name)
        return "string" if event.data is TEXT else '""' if event.data is NOTHING else "unknown"

    def _type(self, stream_id: str, key: str | None) -> str:
        return type_of(self._schemas[stream_id, key], self._names.of, "  ")


def _pascal(name: str) -> str:
    """`shop_orders-live` as ShopOrdersLive; what can't begin a name has an underscore before it."""
    words = [word for word in re.split(r"[^A-Za-z0-9$]+", name) if word]
    joined = "".join(word[:1].upper() + word[1:] for word in words) or "_"
    return f"_{joined}" if joined[0].isdigit() else joined
