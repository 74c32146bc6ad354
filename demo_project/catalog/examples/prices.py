"""A class-based view. It goes on for as long as somebody looks: prices sway by a few per cent around the catalogue's."""

from collections.abc import AsyncIterable
from decimal import Decimal
from itertools import cycle

from pydantic import BaseModel

from demo_project.catalog.models import Product
from demo_project.catalog.pace import slowly
from sse_django import EventStreamView


class Quote(BaseModel):
    name: str
    price: Decimal


class PriceTicker(EventStreamView):
    events = {"quote": Quote}
    ping_interval = 5

    async def stream(self, request) -> AsyncIterable[Quote]:
        products = [product async for product in Product.objects.all()]
        async for n, product in slowly(enumerate(cycle(products))):
            price = product.price * Decimal(n % 7 + 97) / 100
            yield Quote(name=product.name, price=round(price, 2))
