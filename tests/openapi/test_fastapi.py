"""The seed's examples are described as FastAPI describes them: the same models, the same words, under both."""

from collections.abc import AsyncIterable, Iterable
from typing import Any

import pytest
from django.urls import path
from fastapi import FastAPI
from fastapi.sse import EventSourceResponse
from fastapi.sse import ServerSentEvent as TheirEvent
from pydantic import BaseModel

from demo_project.catalog.examples import chat, events, items, logs, resume
from sse_django import event_stream
from tests.openapi.describe import document, event_schemas, operation


def theirs(returns: Any, *, body: Any = None) -> dict[str, Any]:
    """FastAPI's document of one stream of these items."""

    async def view() -> Any:
        yield

    async def view_with_body(prompt: Any) -> Any:
        yield

    function = view if body is None else view_with_body
    function.__annotations__ = {"return": returns} | ({} if body is None else {"prompt": body})
    app = FastAPI()
    app.api_route("/stream/", methods=["GET" if body is None else "POST"], response_class=EventSourceResponse)(function)
    return app.openapi()


def their_item_schema(document: dict[str, Any]) -> Any:
    (operation,) = document["paths"]["/stream/"].values()
    return operation["responses"]["200"]["content"]["text/event-stream"]["itemSchema"]


def plain_event(described: Any) -> Any:
    """What is said of an event without a name, before other names are taken out of it."""
    schemas = event_schemas(described)
    (schema,) = schemas.get("message", schemas.get("any other event"))["allOf"]
    return schema


@pytest.mark.parametrize("view", [items.sse_items, items.sse_items_no_async], ids=["async", "sync"])
def test_typed_example_has_fastapis_item_schema(view: Any) -> None:
    ours, fastapi = document(path("stream/", view)), theirs(AsyncIterable[items.Item])

    assert plain_event(ours["paths"]["/stream/"]["get"]) == their_item_schema(fastapi)
    assert ours["components"]["schemas"]["Item"] == fastapi["components"]["schemas"]["Item"]


@pytest.mark.parametrize(
    "view",
    [
        items.sse_items_no_annotation,
        items.sse_items_no_async_no_annotation,
        events.stream_items,
        logs.stream_logs,
        resume.stream_items,
    ],
    ids=lambda view: view.__name__,
)
def test_example_that_declares_no_item_has_fastapis_item_schema(view: Any) -> None:
    assert plain_event(operation(view)) == their_item_schema(theirs(AsyncIterable[TheirEvent]))


def test_post_example_has_fastapis_body_and_item_schema() -> None:
    ours, fastapi = document(path("stream/", chat.stream_chat)), theirs(AsyncIterable[TheirEvent], body=chat.Prompt)
    described = ours["paths"]["/stream/"]["post"]

    assert plain_event(described) == their_item_schema(fastapi)
    body = fastapi["paths"]["/stream/"]["post"]["requestBody"]
    assert described["requestBody"] == body
    assert ours["components"]["schemas"]["Prompt"] == fastapi["components"]["schemas"]["Prompt"]


class Part(BaseModel):
    sizes: dict[str, list[float]] = {}


class Whole(BaseModel):
    """A model with most of what models have."""

    parts: list[Part]
    note: str | None = None


@pytest.mark.parametrize("item", [Whole, Part, Whole | Part, list[Whole]], ids=str)
def test_other_types_differ_only_in_a_generated_title_and_defaults_of_null(item: Any) -> None:
    @event_stream
    def view(request: Any) -> Iterable[item]:
        yield from ()

    ours, fastapi = document(path("stream/", view)), theirs(AsyncIterable[item])
    wanted = their_item_schema(fastapi)
    wanted["properties"]["data"]["contentSchema"].pop("title", None)

    assert plain_event(ours["paths"]["/stream/"]["get"]) == wanted
    for name in ("Whole", "Part"):
        assert without_null(ours["components"]["schemas"].get(name)) == fastapi["components"]["schemas"].get(name)


def without_null(schema: Any) -> Any:
    """FastAPI writes no key whose value is null, and so no `"default": null`."""
    if isinstance(schema, dict):
        return {key: without_null(value) for key, value in schema.items() if value is not None}
    return [without_null(one) for one in schema] if isinstance(schema, list) else schema
