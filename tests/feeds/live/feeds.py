"""Each customer sees their own orders."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from sse_django.feeds import ModelFeed
from tests.feeds.app.models import Order


class MovingFeed(ModelFeed):
    model = Order
    fields = ["id", "total"]

    def channels_for(self, order: Order) -> list[str]:
        return [f"customer:{order.customer_id}"] if order.customer_id else []

    def channels(self, request: HttpRequest) -> list[str]:
        return [f"customer:{request.GET['customer']}"]

    def get_queryset(self, request: HttpRequest) -> Any:
        return Order.objects.filter(customer=request.GET["customer"])
