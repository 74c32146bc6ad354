"""Views of every shape, with items of every kind and errors at every place, for tests that look at the bytes.

All wait long for their first event, so that on a busy machine, too, a stream's first bytes are that event's and an error
before it is a status.
"""

import asyncio
import datetime as dt
import uuid
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Generic, Literal, TypeVar

import anyio
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from django.utils.translation import gettext_lazy
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from sse_django import ServerSentEvent, event_stream, model_schema
from tests.app.models import Account, Category, Parcel, Product

PATIENCE = 10
"""Seconds that a response waits for its first event."""


class Cake(BaseModel):
    kind: Literal["cake"] = "cake"
    name: str
    slices: int = Field(default=8, ge=1)


class Tea(BaseModel):
    kind: Literal["tea"] = "tea"
    minutes: int


@dataclass
class Order:
    name: str
    count: int = 1


class Row(TypedDict):
    n: int


T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    number: int
    items: list[T]


# What annotations may say.


@event_stream(start_timeout=PATIENCE, events={"cake": Cake, "tea": Tea})
async def union(request: HttpRequest) -> AsyncIterator[Cake | Tea | None]:
    yield Cake(name="plum")
    yield Tea(minutes=3)
    yield None
    yield {"kind": "tea", "minutes": 4}  # type: ignore[misc]


@event_stream(start_timeout=PATIENCE)
def sync_union(request: HttpRequest) -> Iterator[Order | Row | int]:
    yield Order("plum")
    yield {"n": 1}
    yield 2


@event_stream(start_timeout=PATIENCE)
async def discriminated(request: HttpRequest) -> AsyncIterator[Annotated[Cake | Tea, Field(discriminator="kind")]]:
    yield Tea(minutes=3)
    yield {"kind": "cake", "name": "plum"}  # type: ignore[misc]
    yield {"kind": "coffee"}  # type: ignore[misc]


@event_stream(start_timeout=PATIENCE)
async def annotated(request: HttpRequest) -> AsyncIterator[Annotated[Cake, "what it is"]]:
    yield Cake(name="plum")
    yield {"name": "apple", "slices": 12}  # type: ignore[misc]
    yield {"name": "none", "slices": 0}  # type: ignore[misc]


@event_stream(start_timeout=PATIENCE)
async def wrapped(request: HttpRequest) -> AsyncIterator[ServerSentEvent[Cake]]:
    yield ServerSentEvent(data=Cake(name="plum"), event="baked", id="1", retry=500)
    yield ServerSentEvent(data={"name": "apple"}, comment="as a dict")
    yield ServerSentEvent(comment="no data")
    yield ServerSentEvent(data={"name": "none", "slices": 0})


@event_stream(start_timeout=PATIENCE)
def generic(request: HttpRequest) -> Iterator[Page[Cake]]:
    yield Page[Cake](number=1, items=[Cake(name="plum")])
    yield {"number": 2, "items": [{"name": "apple"}]}  # type: ignore[misc]


@event_stream(start_timeout=PATIENCE)
async def quoted(request: HttpRequest, body: "Row | None" = None) -> "AsyncIterator[Later]":
    yield {"n": 1}  # type: ignore[misc]


class Later(BaseModel):
    n: int
    more: str = "by default"


def make_local() -> Callable[..., Any]:
    class Local(BaseModel):
        n: int
        more: str = "by default"

    @event_stream(start_timeout=PATIENCE)
    def local(request: HttpRequest) -> "Iterator[Local]":
        yield {"n": 1}  # type: ignore[misc]

    return local


@event_stream(start_timeout=PATIENCE)
async def untyped(request: HttpRequest) -> AsyncIterator[Any]:
    """Items of every kind, none declared."""
    yield Cake(name="plum")
    yield Order("plum")
    yield {"price": Decimal("4.50"), "at": dt.datetime(2030, 1, 2, 3, 4, 5, tzinfo=dt.UTC)}
    yield [1, None, True, float("nan")]
    yield "two\nlines"
    yield gettext_lazy("Monday")
    yield None
    yield ServerSentEvent(raw_data="two\nlines", event="raw")


# Functions that return their items.


@event_stream(start_timeout=PATIENCE)
def sync_list(request: HttpRequest) -> list[Cake]:
    return [Cake(name="plum"), Cake(name="apple")]


@event_stream(start_timeout=PATIENCE)
async def async_list(request: HttpRequest) -> list[Cake]:
    return [Cake(name="plum"), Cake(name="apple")]


@event_stream(start_timeout=PATIENCE)
def sync_function(request: HttpRequest) -> Iterable[Cake]:
    return (Cake(name=name) for name in ("plum", "apple"))


async def bake() -> AsyncIterator[Cake]:
    yield Cake(name="plum")
    yield Cake(name="apple")


@event_stream(start_timeout=PATIENCE)
async def async_function(request: HttpRequest) -> AsyncIterable[Cake] | HttpResponse:
    return HttpResponse("closed", status=503) if "closed" in request.GET else bake()


@event_stream(start_timeout=PATIENCE)
def async_items_of_sync_function(request: HttpRequest) -> AsyncIterable[Cake]:
    return bake()


# Bodies.


@event_stream(start_timeout=PATIENCE)
async def post_dataclass(request: HttpRequest, order: Order) -> AsyncIterator[Order]:
    for _ in range(order.count):
        yield order


@event_stream(start_timeout=PATIENCE)
def post_model(request: HttpRequest, cake: Cake) -> Iterator[Cake]:
    yield cake


# Django instances.


class CategoryOut(BaseModel):
    name: str


class ProductOut(BaseModel):
    name: str
    category: CategoryOut | None


@event_stream(start_timeout=PATIENCE)
async def instance(request: HttpRequest) -> AsyncIterator[Any]:
    created = dt.datetime(2030, 1, 2, tzinfo=dt.UTC)
    yield Product(pk=7, name="Plumbus", sku=uuid.UUID(int=7), created=created, category_id=3)
    yield Account(pk=8, name="Ann", email="ann@example.org", password="p", api_token="t", secret_answer="s")


@event_stream(start_timeout=PATIENCE, item=model_schema(Product, fields=["pk", "name", "price", "category"]))
async def instance_by_fields(request: HttpRequest) -> AsyncIterator[Product]:
    async for product in Product.objects.filter(pk__lte=2):
        yield product


@event_stream(start_timeout=PATIENCE)
async def instance_by_schema(request: HttpRequest) -> AsyncIterator[CategoryOut]:
    yield await Category.objects.aget(pk=1)  # type: ignore[misc]


@event_stream(start_timeout=PATIENCE)
async def generated(request: HttpRequest) -> AsyncIterator[Any]:
    async for parcel in Parcel.objects.order_by("pk"):
        yield parcel


@event_stream(start_timeout=PATIENCE, item=model_schema(Parcel, fields=["pk", "postage"]))
def sync_generated_by_fields(request: HttpRequest) -> Iterator[Parcel]:
    yield from Parcel.objects.order_by("pk")


@event_stream(start_timeout=PATIENCE)
async def related(request: HttpRequest, rows: str) -> AsyncIterator[ProductOut]:
    """A product for each of `rows`, which are `joined` or `bare`."""
    for row in rows.split("-"):
        products = Product.objects.select_related("category") if row == "joined" else Product.objects.all()
        yield await products.aget(pk=1)  # type: ignore[misc]


@event_stream(start_timeout=PATIENCE)
def sync_related(request: HttpRequest) -> Iterator[ProductOut]:
    yield Product.objects.get(pk=1)  # type: ignore[misc]


# Errors.

SECRET = "the words of the exception"
ERRORS: dict[str, type[Exception]] = {"404": Http404, "403": PermissionDenied, "500": RuntimeError}


@event_stream(start_timeout=PATIENCE)
async def failing(request: HttpRequest, error: str, events: int) -> AsyncIterator[Any]:
    for n in range(events):
        yield {"n": n}
    raise ERRORS[error](SECRET)


@event_stream(start_timeout=PATIENCE)
def sync_failing(request: HttpRequest, error: str, events: int) -> Iterator[Any]:
    for n in range(events):
        yield {"n": n}
    raise ERRORS[error](SECRET)


# What belongs to a task.

step: ContextVar[str] = ContextVar("step", default="lost")
WAIT = 1.0
"""Seconds after which a generator ends its own wait: many times the interval of the pings in between."""


@event_stream(start_timeout=PATIENCE, ping_interval=0.1)
async def asyncio_timeout(request: HttpRequest) -> AsyncIterator[Any]:
    """Two waits with a timeout of its own: one around the wait alone, one with an event inside."""
    step.set("first")
    yield {"step": step.get()}
    try:
        async with asyncio.timeout(WAIT):
            await asyncio.sleep(3600)
    except TimeoutError:
        yield {"timeout": True, "step": step.get()}
    step.set("second")
    try:
        async with asyncio.timeout(WAIT):
            yield {"step": step.get()}
            await asyncio.sleep(3600)
    except TimeoutError:
        yield {"timeout": True, "step": step.get()}


@event_stream(start_timeout=PATIENCE, ping_interval=0.1)
async def anyio_scope(request: HttpRequest) -> AsyncIterator[Any]:
    """The same with anyio's cancel scopes."""
    step.set("first")
    yield {"step": step.get()}
    with anyio.move_on_after(WAIT) as scope:
        await anyio.sleep(3600)
    yield {"timeout": scope.cancelled_caught, "step": step.get()}
    step.set("second")
    with anyio.move_on_after(WAIT) as scope:
        yield {"step": step.get()}
        await anyio.sleep(3600)
    yield {"timeout": scope.cancelled_caught, "step": step.get()}


@event_stream(start_timeout=PATIENCE)
def sync_context(request: HttpRequest) -> Iterator[Any]:
    step.set("first")
    yield {"step": step.get()}
    yield {"step": step.get()}


urlpatterns = [
    path("shapes/union/", union),
    path("shapes/sync-union/", sync_union),
    path("shapes/discriminated/", discriminated),
    path("shapes/annotated/", annotated),
    path("shapes/wrapped/", wrapped),
    path("shapes/generic/", generic),
    path("shapes/quoted/", quoted),
    path("shapes/local/", make_local()),
    path("shapes/untyped/", untyped),
    path("shapes/sync-list/", sync_list),
    path("shapes/async-list/", async_list),
    path("shapes/sync-function/", sync_function),
    path("shapes/async-function/", async_function),
    path("shapes/async-items-of-sync-function/", async_items_of_sync_function),
    path("shapes/post-dataclass/", post_dataclass),
    path("shapes/post-model/", post_model),
    path("shapes/instance/", instance),
    path("shapes/instance-by-fields/", instance_by_fields),
    path("shapes/instance-by-schema/", instance_by_schema),
    path("shapes/generated/", generated),
    path("shapes/sync-generated-by-fields/", sync_generated_by_fields),
    path("shapes/related/<rows>/", related),
    path("shapes/sync-related/", sync_related),
    path("shapes/failing/<error>/<int:events>/", failing),
    path("shapes/sync-failing/<error>/<int:events>/", sync_failing),
    path("shapes/asyncio-timeout/", asyncio_timeout),
    path("shapes/anyio-scope/", anyio_scope),
    path("shapes/sync-context/", sync_context),
]
