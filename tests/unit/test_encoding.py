"""Items against their declared type, and the names of events."""

from __future__ import annotations

import dataclasses
from contextlib import closing
from typing import Annotated, Any, Generic, TypeVar

import pytest
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from sse_django import ServerSentEvent, subscribe
from sse_django.encoding import UNTYPED, Encoder
from sse_django.exceptions import InvalidItem
from tests.app.models import Account, Product

T = TypeVar("T")


class Item(BaseModel):
    name: str
    price: float = 1.0


class Created(BaseModel):
    pk: int


class Deleted(BaseModel):
    pk: int


class Page(BaseModel, Generic[T]):
    rows: list[T]


@dataclasses.dataclass
class Point:
    x: int


class Row(TypedDict):
    a: int


@pytest.mark.parametrize(
    ("declared", "item", "wire"),
    [
        (Item, Item(name="a"), b'data: {"name":"a","price":1.0}\n\n'),
        (Item, {"name": "a"}, b'data: {"name":"a","price":1.0}\n\n'),
        (int, "5", b"data: 5\n\n"),
        (str, "5", b'data: "5"\n\n'),
        (int | str, "5", b'data: "5"\n\n'),
        (Item | Point, Point(x=1), b'data: {"x":1}\n\n'),
        (Row, {"a": 1}, b'data: {"a":1}\n\n'),
        (Annotated[int, Field(ge=0)], 3, b"data: 3\n\n"),
        (Page[Item], Page[Item](rows=[Item(name="a")]), b'data: {"rows":[{"name":"a","price":1.0}]}\n\n'),
        (list[int], (1, 2), b"data: [1,2]\n\n"),
        (Item | None, None, b"data: null\n\n"),
        (Any, object, None),
        (UNTYPED, None, b"data: null\n\n"),
        (UNTYPED, "a\nb", b'data: "a\\nb"\n\n'),
        (ServerSentEvent, ServerSentEvent(data="hello", id="1"), b'data: "hello"\nid: 1\n\n'),
        (ServerSentEvent, ServerSentEvent(raw_data="[DONE]", event="done"), b"event: done\ndata: [DONE]\n\n"),
        (ServerSentEvent, ServerSentEvent(event="done"), b"event: done\ndata: \n\n"),
        (ServerSentEvent, ServerSentEvent(comment="c", retry=5), b": c\nretry: 5\n\n"),
        (ServerSentEvent[Item], ServerSentEvent(data={"name": "a"}), b'data: {"name":"a","price":1.0}\n\n'),
        (Item | ServerSentEvent[Item], ServerSentEvent(data=Item(name="a")), b'data: {"name":"a","price":1.0}\n\n'),
    ],
)
def test_items_of_every_declared_type(declared: Any, item: Any, wire: bytes | None) -> None:
    encoder = Encoder(declared)
    if wire is None:
        with pytest.raises(TypeError, match="no JSON form"):
            encoder(item)
    else:
        assert encoder(item) == wire


def test_a_misfit_names_the_type_and_the_field_and_not_the_value() -> None:
    with pytest.raises(InvalidItem, match=r"a dict was yielded that is no Item: name: Field required") as caught:
        Encoder(Item)({"title": "hunter2"})
    assert "hunter2" not in str(caught.value)
    with pytest.raises(InvalidItem, match=r"no Item: price: "):
        Encoder(ServerSentEvent[Item])(ServerSentEvent(data={"name": "a", "price": "much"}))


def test_declared_events_refuse_bare_items() -> None:
    with pytest.raises(InvalidItem, match="wrap it"):
        Encoder(ServerSentEvent)({"a": 1})


def test_events_are_named_by_the_class_of_the_item() -> None:
    encoder = Encoder(events={"created": Created, "deleted": Deleted})
    assert encoder(Created(pk=1)) == b'event: created\ndata: {"pk":1}\n\n'
    assert encoder(Deleted(pk=1)) == b'event: deleted\ndata: {"pk":1}\n\n'
    assert encoder({"other": 1}) == b'data: {"other":1}\n\n'

    class Special(Created):
        pass

    assert encoder(Special(pk=2)) == b'event: created\ndata: {"pk":2}\n\n'


def test_events_may_name_model_instances() -> None:
    assert Encoder(events={"product": Product})(Product(pk=1)).startswith(b'event: product\ndata: {"id":1,')


def test_events_want_classes_and_single_line_names() -> None:
    with pytest.raises(TypeError, match="class of the item"):
        Encoder(events={"created": "Created"})
    with pytest.raises(ValueError, match="single line"):
        Encoder(events={"a\nb": Created})


def test_a_django_model_may_be_the_declared_type() -> None:
    encoder = Encoder(Product)
    assert encoder(Product(pk=1)).startswith(b'data: {"id":1,')
    with pytest.raises(InvalidItem, match="a Account was yielded where Product is declared"):
        encoder(Account())


def test_an_instance_fits_a_schema_by_its_attributes() -> None:
    assert Encoder(Item)(Product(name="Plumbus", price=2)) == b'data: {"name":"Plumbus","price":2.0}\n\n'


@pytest.mark.parametrize("declared", [UNTYPED, Item, ServerSentEvent, ServerSentEvent[Item], Product])
def test_what_has_to_be_awaited_or_returned_says_so(declared: Any) -> None:
    async def later() -> Item:
        return Item(name="a")

    encoder = Encoder(declared)
    with closing(later()) as coroutine, pytest.raises((InvalidItem, TypeError), match="it is a coroutine: await it"):
        encoder(coroutine)
    with pytest.raises((InvalidItem, TypeError), match="return it, or iterate it with async for"):
        encoder(subscribe("orders"))
