"""A queryset is async already. With the primary key as the event's id, a lost line costs nothing."""

from collections.abc import AsyncIterable

from demo_project.catalog.models import Product
from demo_project.catalog.pace import slowly
from sse_django import ServerSentEvent, event_stream, last_event_id, model_schema

ProductOut = model_schema(Product, fields=["name", "description", "price"])


@event_stream
async def stream_products(request) -> AsyncIterable[ServerSentEvent[ProductOut]]:
    after = last_event_id(request, int, default=0)
    async for product in slowly(Product.objects.filter(pk__gt=after)):
        yield ServerSentEvent(data=product, id=str(product.pk))
