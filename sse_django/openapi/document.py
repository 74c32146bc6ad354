"""The OpenAPI 3.2 document of every stream of a URLconf.

As the specification's section on Server-Sent Events has it: `itemSchema` describes one event as an object of strings, with the
JSON in `data` described by `contentSchema`. Each of a stream's events is one of `oneOf`, told apart by `event`.
"""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from django.conf import settings
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from sse_django.openapi.components import Described, JsonSchema, json_schemas
from sse_django.openapi.kinds import ANY, NOTHING, Event
from sse_django.openapi.streams import Stream, streams

VERSION = "3.2.0"


class Problem(BaseModel):
    """One thing that doesn't fit."""

    type: str
    loc: list[str | int]
    msg: str


class InvalidBody(BaseModel):
    """What about the body doesn't fit."""

    detail: list[Problem]


class Refusal(BaseModel):
    """Why there is no stream."""

    detail: str


def openapi_document(
    urlconf: Any = None, *, title: str = "Event streams", version: str = "1", server: str | None = None
) -> JsonSchema:
    """The document, ready to be written as JSON or YAML.

    Args:
        urlconf: a URLconf's module, or its name; ROOT_URLCONF by default.
        title: what the API is called.
        version: the API's own version.
        server: the URL under which the paths are, where that isn't the root.

    Raises:
        ImproperlyConfigured: if a stream declares what can't be described; the message names its URL.
    """
    return describe(streams(urlconf), title=title, version=version, server=server)


def describe(
    described: list[Stream],
    *,
    title: str = "Event streams",
    version: str = "1",
    server: str | None = None,
    generator: type[GenerateJsonSchema] = GenerateJsonSchema,
) -> JsonSchema:
    """The document of some streams, whose schemas are made by `generator`."""
    schemas = _Schemas(described, generator)
    paths: dict[str, JsonSchema] = {}
    for stream in described:
        paths.setdefault(stream.path, {})[stream.method] = _operation(stream, schemas)
    document: JsonSchema = {"openapi": VERSION, "info": {"title": title, "version": version}}
    if server:
        document["servers"] = [{"url": server}]
    document["paths"] = paths
    components: JsonSchema = {"schemas": schemas.definitions}
    if any("security" in operation for path in paths.values() for operation in path.values()):
        components["securitySchemes"] = {
            "session": {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}
        }
    document["components"] = components
    return document


class _Schemas:
    """The JSON Schema of each event's data and of each body, which come from one call so that they share definitions."""

    def __init__(self, described: list[Stream], generator: type[GenerateJsonSchema]) -> None:
        wanted: dict[Any, Described] = {}
        for stream in described:
            for event in stream.events:
                if event.is_typed:
                    wanted[stream.id, event.name] = Described(event.data, "serialization", stream.where)
            if stream.body is not None:
                wanted[stream.id, "body"] = Described(stream.body.adapter, "validation", stream.where)
                wanted[InvalidBody] = Described(InvalidBody, "serialization", "422")
                wanted[Refusal] = Described(Refusal, "serialization", "415")
        made, self.definitions = json_schemas(wanted.values(), generator)
        self._made: dict[Any, JsonSchema] = dict(zip(wanted, made, strict=True))

    def __getitem__(self, key: Any) -> JsonSchema:
        return self._made[key]

    def data(self, stream: Stream, event: Event) -> JsonSchema:
        """The field `data` of an event."""
        if not event.is_typed:
            return {"type": "string"}
        return {"type": "string", "contentMediaType": "application/json", "contentSchema": self[stream.id, event.name]}


def _operation(stream: Stream, schemas: _Schemas) -> JsonSchema:
    operation: JsonSchema = {"operationId": stream.id, "summary": stream.summary}
    if stream.description:
        operation["description"] = stream.description
    if stream.namespaces:
        operation["tags"] = [":".join(stream.namespaces)]
    if stream.deprecated:
        operation["deprecated"] = True
    operation["parameters"] = list(_parameters(stream))
    if stream.body is not None:
        operation["requestBody"] = {
            "required": stream.body.required,
            "content": {"application/json": {"schema": schemas[stream.id, "body"]}},
        }
    content = {"text/event-stream": {"itemSchema": _item_schema(stream, schemas)}}
    operation["responses"] = {"200": {"description": "A stream of events", "content": content}}
    refusals = dict(_refusals(stream, schemas))
    refusals |= {
        str(code): {"description": _phrase(code)} for code in stream.source.statuses if str(code) not in refusals
    }
    operation["responses"] |= dict(sorted(refusals.items()))
    if stream.guards.login:
        operation["security"] = [{"session": []}]
    return operation


def _parameters(stream: Stream) -> Iterator[JsonSchema]:
    for parameter in stream.parameters:
        yield _parameter(stream, parameter.name, "path", parameter.schema, required=True)
    for query in stream.source.query:
        yield _parameter(stream, query.name, "query", dict(query.schema), required=query.required)
    resumes = "The id of the last event that the client has; the stream goes on after it."
    yield {"name": "Last-Event-ID", "in": "header", "schema": {"type": "string"}, "description": resumes}
    first = "The same, for a first connection, for which EventSource can't set headers."
    yield {"name": "last_event_id", "in": "query", "schema": {"type": "string"}, "description": first}


def _parameter(stream: Stream, name: str, place: str, schema: JsonSchema, *, required: bool) -> JsonSchema:
    parameter: JsonSchema = {"name": name, "in": place, "required": required, "schema": schema}
    if name in stream.arguments:
        parameter["description"] = stream.arguments[name]
    return parameter


def _item_schema(stream: Stream, schemas: _Schemas) -> JsonSchema:
    return {"oneOf": [_event_schema(stream, event, schemas) for event in stream.events]}


def _event_schema(stream: Stream, event: Event, schemas: _Schemas) -> JsonSchema:
    """One event. Those whose name isn't on the line are FastAPI's schema for the same type, with the other names taken out."""
    schema: JsonSchema = {
        "type": "object",
        "properties": {
            "data": schemas.data(stream, event),
            "event": {"type": "string"},
            "id": {"type": "string"},
            "retry": {"type": "integer", "minimum": 0},
        },
    }
    if event.name == ANY:
        others = [other.name for other in stream.events if other.name != ANY]
        described: JsonSchema = {"title": "any other event", "allOf": [schema]}
        described["not"] = {"properties": {"event": {"enum": others}}, "required": ["event"]}
        if "message" in others:  # one without a name is that
            described["required"] = ["event"]
        return described
    if event.data is not NOTHING:
        schema["required"] = ["data"]
    if event.name == "message":
        return {"title": "message", "allOf": [schema], "properties": {"event": {"const": "message"}}}
    schema = {"title": event.name, **schema}
    if event.description:
        schema["description"] = event.description
    schema["properties"]["event"] = {"const": event.name}
    schema["required"] = ["event", *schema.get("required", [])]
    return schema


def _phrase(code: int) -> str:
    try:
        return HTTPStatus(code).phrase
    except ValueError:  # one that isn't registered
        return "An answer of the view's own"


def _refusals(stream: Stream, schemas: _Schemas) -> Iterator[tuple[str, JsonSchema]]:
    """The statuses other than 200, each where it can come."""
    names, guards = stream.source.names, stream.guards
    yield (
        "204",
        {"description": "Nothing comes after the client's last event: the stream is over, and EventSource stays away"},
    )
    if guards.login:
        yield "302", {"description": "To the login page: nobody is signed in"}
    if stream.source.converts_id or names & {"BadRequest", "SuspiciousOperation", "HttpResponseBadRequest"}:
        yield "400", {"description": "The request, or its Last-Event-ID, makes no sense to the view"}
    reasons = []
    if guards.forbids or names & {"PermissionDenied", "HttpResponseForbidden"}:
        reasons.append("the user may not read this stream")
    if guards.wants_token(stream.method):
        reasons.append("the CSRF token is missing")
    if reasons:
        text = ", or ".join(reasons)
        yield "403", {"description": text[:1].upper() + text[1:]}
    if stream.parameters or names & {"Http404", "HttpResponseNotFound", "get_object_or_404", "aget_object_or_404"}:
        yield "404", {"description": "There is nothing to stream at this URL"}
    if stream.body is not None:
        refusal = {"application/json": {"schema": schemas[Refusal]}}
        yield "415", {"description": "The body must be JSON, with Content-Type: application/json", "content": refusal}
        invalid = {"application/json": {"schema": schemas[InvalidBody]}}
        yield "422", {"description": "The body doesn't fit its schema", "content": invalid}
