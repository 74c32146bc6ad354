"""Sync code that an async stream needs: call it through `sync_to_async`, then yield what it returned."""

from collections.abc import AsyncIterable

from asgiref.sync import sync_to_async

from demo_project.catalog.models import Product
from demo_project.catalog.pace import slowly
from sse_django import event_stream, model_schema

ProductOut = model_schema(Product, fields=["id", "name", "price"])


def affordable(limit: int) -> list[Product]:
    return list(Product.objects.filter(price__lt=limit))


@event_stream
async def stream_affordable(request) -> AsyncIterable[ProductOut]:
    products = await sync_to_async(affordable)(limit=30)
    async for product in slowly(products):
        yield product
