"""A view that yields is an event stream: with and without `async`, with and without a declared type."""

# ruff: noqa: UP028  (the loop is what the examples show)

from collections.abc import AsyncIterable, Iterable

from pydantic import BaseModel

from demo_project.catalog.pace import slowly
from sse_django import event_stream


class Item(BaseModel):
    name: str
    description: str | None


items = [
    Item(name="Plumbus", description="A multi-purpose household device."),
    Item(name="Portal Gun", description="A portal opening device."),
    Item(name="Meeseeks Box", description="A box that summons a Meeseeks."),
]


@event_stream
async def sse_items(request) -> AsyncIterable[Item]:
    async for item in slowly(items):
        yield item


@event_stream
def sse_items_no_async(request) -> Iterable[Item]:
    for item in slowly(items):
        yield item


@event_stream
async def sse_items_no_annotation(request):
    async for item in slowly(items):
        yield item


@event_stream
def sse_items_no_async_no_annotation(request):
    for item in slowly(items):
        yield item
