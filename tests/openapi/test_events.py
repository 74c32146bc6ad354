"""Each event of a stream in the document: its name, its data, and that it can be told from the others."""

import sys
from collections.abc import AsyncIterable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.urls import path
from pydantic import BaseModel, Field, computed_field
from typing_extensions import TypeAliasType, TypedDict

from sse_django import EventStreamView, ServerSentEvent, event_stream, subscribe
from sse_django.events import format_sse_event
from sse_django.openapi import openapi_document
from sse_django.testing.parser import EventParser
from tests.app.models import Account, Product
from tests.openapi.describe import data_schema, document, event_schemas, fits, operation, urlconf


class Created(BaseModel):
    id: int
    total: Decimal


class Deleted(BaseModel):
    id: int


class Token(ServerSentEvent[str]):
    """A word of the answer."""

    event: Literal["token"] = "token"


class Done(ServerSentEvent[Any]):
    event: Literal["done", "cut"] = "done"
    raw_data: str = "[DONE]"


class Nudge(ServerSentEvent[None]):
    event: Literal["nudge"] = "nudge"
    data: None = None


@dataclass
class Point:
    x: int
    y: float


class Row(TypedDict):
    name: str


def ref(name: str) -> Any:
    return {"$ref": f"#/components/schemas/{name}"}


def stream_of(item: Any, **options: Any) -> Any:
    @event_stream(item=item, **options)
    def view(request: Any) -> Any:
        yield from ()

    return view


def names(described: Any) -> list[str]:
    return list(event_schemas(described))


def test_plain_items_are_the_message_event() -> None:
    described = operation(stream_of(Created))

    assert names(described) == ["message", "stream-error"]
    assert data_schema(described, "message") == ref("Created")
    assert data_schema(described, "stream-error") == ref("StreamError")


@pytest.mark.parametrize(
    ("item", "schema"),
    [
        (Point, ref("Point")),
        (Row, ref("Row")),
        (list[Created], {"type": "array", "items": ref("Created")}),
        (str, {"type": "string"}),
        (Annotated[int, Field(ge=1)], {"type": "integer", "minimum": 1}),
        (Literal["a", "b"], {"type": "string", "enum": ["a", "b"]}),
        (Created | Deleted, {"anyOf": [ref("Created"), ref("Deleted")]}),
    ],
    ids=str,
)
def test_any_type_can_be_an_item(item: Any, schema: Any) -> None:
    assert data_schema(operation(stream_of(item)), "message") == schema


def test_annotation_and_item_option_say_the_same() -> None:
    @event_stream
    async def annotated(request: Any) -> AsyncIterable[Created]:
        yield Created(id=1, total=Decimal(1))

    @event_stream
    def strings(request: Any) -> "Iterable[Created]":
        yield Created(id=1, total=Decimal(1))

    class View(EventStreamView):
        item = Created

    for view in (annotated, strings, View.as_view()):
        assert data_schema(operation(view), "message") == ref("Created")


def test_named_events_have_a_constant_each() -> None:
    described = operation(stream_of(Created | Deleted, events={"created": Created, "deleted": Deleted}))

    assert names(described) == ["created", "deleted", "stream-error"]
    assert event_schemas(described)["deleted"] == {
        "title": "deleted",
        "type": "object",
        "properties": {
            "data": {"type": "string", "contentMediaType": "application/json", "contentSchema": ref("Deleted")},
            "event": {"const": "deleted"},
            "id": {"type": "string"},
            "retry": {"type": "integer", "minimum": 0},
        },
        "required": ["event", "data"],
    }


def test_items_without_a_name_stay_messages_beside_named_ones() -> None:
    described = operation(stream_of(Created | Deleted, events={"deleted": Deleted}))

    assert names(described) == ["deleted", "message", "stream-error"]
    assert data_schema(described, "message") == ref("Created")


class Opened(BaseModel):
    kind: Literal["opened"]


class Closed(BaseModel):
    kind: Literal["closed"]


Door = Annotated[Opened | Closed, Field(discriminator="kind")]
Aliased = TypeAliasType("Aliased", Door)


@pytest.mark.parametrize("item", [Door, Aliased], ids=["annotated", "aliased"])
def test_union_with_a_discriminator_can_have_names_too(item: Any) -> None:
    whole = operation(stream_of(item))
    named = operation(stream_of(item, events={"opened": Opened, "closed": Closed}))

    assert names(whole) == ["message", "stream-error"]
    assert names(named) == ["opened", "closed", "stream-error"]
    assert data_schema(named, "closed") == ref("Closed")


@pytest.mark.parametrize("item", [Any, object])
def test_any_is_no_declaration(item: Any) -> None:
    assert names(operation(stream_of(item))) == ["any other event", "stream-error"]


def test_names_go_by_subclass_as_on_the_wire() -> None:
    class Recreated(Created):
        again: bool

    described = operation(stream_of(Recreated | Deleted, events={"created": Created, "deleted": Deleted}))

    assert names(described) == ["created", "deleted", "stream-error"]
    assert data_schema(described, "created") == ref("Recreated")


def test_events_alone_declare_what_a_channel_carries() -> None:
    @event_stream(events={"created": Created, "deleted": Deleted})
    async def orders(request: Any) -> Any:
        return subscribe("orders")

    described = operation(orders)

    assert names(described) == ["created", "deleted", "stream-reset", "stream-error"]
    assert data_schema(described, "stream-reset") == ref("StreamReset")


def test_undeclared_stream_is_any_event_but_ours() -> None:
    described = operation(event_stream(lambda request: []))
    other = event_schemas(described)["any other event"]

    assert names(described) == ["any other event", "stream-error"]
    assert other["allOf"][0]["properties"]["data"] == {"type": "string"}
    assert other["not"] == {"properties": {"event": {"enum": ["stream-error"]}}, "required": ["event"]}


def test_type_of_server_sent_events_holds_for_every_name() -> None:
    assert data_schema(operation(stream_of(ServerSentEvent[Created])), "any other event") == ref("Created")


def test_subclass_of_server_sent_event_with_a_literal_name_is_an_event() -> None:
    described = operation(stream_of(Token | Done | Nudge))

    assert names(described) == ["token", "done", "cut", "nudge", "stream-error"]
    assert data_schema(described, "token") == {"type": "string"}
    assert event_schemas(described)["token"]["description"] == "A word of the answer."
    assert event_schemas(described)["done"]["properties"]["data"] == {"type": "string"}
    assert event_schemas(described)["nudge"]["required"] == ["event"]


def test_django_model_is_described_by_the_fields_that_are_sent() -> None:
    made = document(path("a/", stream_of(Account)), path("b/", stream_of(Product)))

    assert list(made["components"]["schemas"]["Account"]["properties"]) == ["id", "name", "email"]
    assert "category_id" in made["components"]["schemas"]["Product"]["properties"]


def test_same_names_of_different_modules_are_kept_apart_by_short_names() -> None:
    def model(module: str) -> type[BaseModel]:
        return type("Item", (BaseModel,), {"__module__": module, "__annotations__": {module.rpartition(".")[2]: int}})

    views = [stream_of(model(name)) for name in ("shop.orders", "shop.live_rows", "blog.orders")]
    made = document(*(path(f"{n}/", view) for n, view in enumerate(views)))

    assert set(made["components"]["schemas"]) == {"ShopOrdersItem", "LiveRowsItem", "BlogOrdersItem", "StreamError"}
    used = [data_schema(methods["get"], "message") for methods in made["paths"].values()]
    assert used == [ref("ShopOrdersItem"), ref("LiveRowsItem"), ref("BlogOrdersItem")]


def test_what_is_sent_and_what_is_taken_differ_where_the_model_says_so() -> None:
    class Both(BaseModel):
        x: int

        @computed_field
        def twice(self) -> int:
            return 2 * self.x

    @event_stream
    async def echo(request: Any, body: Both) -> AsyncIterable[Both]:
        yield body

    made = document(path("a/", echo))
    described = made["paths"]["/a/"]["post"]

    assert described["requestBody"]["content"]["application/json"]["schema"] == ref("Both-Input")
    assert data_schema(described, "message") == ref("Both-Output")
    assert set(made["components"]["schemas"]["Both-Output"]["properties"]) == {"x", "twice"}


def test_type_without_a_json_schema_is_an_error_that_says_where() -> None:
    class Odd(BaseModel):
        model_config = {"arbitrary_types_allowed": True}
        what: complex
        who: type(sys)

    with pytest.raises(ImproperlyConfigured, match=r"GET /odd/: .*Odd has no JSON Schema: .*WithJsonSchema"):
        openapi_document(urlconf(path("fine/", stream_of(Created)), path("odd/", stream_of(Odd))))


def test_annotation_that_cannot_be_resolved_is_an_error_that_says_where() -> None:
    @event_stream
    async def lost(request: Any) -> "AsyncIterable[NoSuchThing]":  # type: ignore[name-defined]  # noqa: F821
        yield 1

    with pytest.raises(ImproperlyConfigured, match=r"/lost/: .*NoSuchThing"):
        openapi_document(urlconf(path("lost/", lost)))


WIRE = {
    "message": format_sse_event(data_str='{"id":1,"total":"2.00"}'),
    "deleted": format_sse_event(data_str='{"id":1}', event="deleted", id="7"),
    "stream-reset": format_sse_event(data_str='{"reason":"trimmed"}', event="stream-reset", id="8"),
    "stream-error": format_sse_event(data_str='{"detail":"internal error"}', event="stream-error"),
    "any other event": format_sse_event(data_str='{"id":3,"total":"1"}', event="x", retry=10),
}


@pytest.mark.parametrize(
    ("item", "events", "sent"),
    [
        (Created | Deleted, {"deleted": Deleted}, ["message", "deleted", "stream-error", "stream-reset"]),
        (ServerSentEvent[Created] | Created, {}, ["message", "any other event", "stream-error", "stream-reset"]),
        (ServerSentEvent, {}, ["any other event", "stream-error", "stream-reset"]),
    ],
    ids=str,
)
def test_each_event_on_the_wire_fits_one_schema_alone(item: Any, events: Any, sent: list[str]) -> None:
    @event_stream(item=item, events=events)
    async def view(request: Any) -> Any:
        return subscribe("x")

    made = document(path("a/", view))
    listed = event_schemas(made["paths"]["/a/"]["get"])
    for title in sent:
        (parsed,) = EventParser().feed(WIRE[title])
        event = {"data": parsed.data, "event": parsed.event}
        fitting = [name for name, schema in listed.items() if fits(event, schema, made)]
        assert fitting == [title], event
