"""A browser that lost the line comes back with the id of the last event it has; go on from there."""

from collections.abc import AsyncIterable

from pydantic import BaseModel

from demo_project.catalog.pace import slowly
from sse_django import ServerSentEvent, event_stream, last_event_id


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
    start = last_event_id(request, int, default=-1) + 1
    unseen = ((i, item) for i, item in enumerate(items) if i >= start)
    async for i, item in slowly(unseen):
        yield ServerSentEvent(data=item, id=str(i))
