"""Yield a `ServerSentEvent` where an event needs more than data: a name, an id, a retry time, a comment."""

from collections.abc import AsyncIterable

from pydantic import BaseModel

from demo_project.catalog.pace import slowly
from sse_django import ServerSentEvent, event_stream


class Item(BaseModel):
    name: str
    price: float


items = [
    Item(name="Plumbus", price=32.99),
    Item(name="Portal Gun", price=999.99),
    Item(name="Meeseeks Box", price=49.99),
]


@event_stream
async def stream_items(request) -> AsyncIterable[ServerSentEvent]:
    yield ServerSentEvent(comment="stream of item updates")
    async for i, item in slowly(enumerate(items)):
        yield ServerSentEvent(data=item, event="item_update", id=str(i + 1), retry=5000)
