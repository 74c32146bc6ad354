"""What goes live: the shelf for everybody, the board for those who work here, the bell for whom it rings."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from pydantic import AwareDatetime, BaseModel, ConfigDict

from demo_project.shop.models import Notification, Order, Product
from sse_django.feeds import ModelFeed


class ShelfFeed(ModelFeed):
    """Everybody sees what is left."""

    model = Product
    fields = ["id", "name", "price", "stock"]


class Name(BaseModel):
    """Who is called when it is ready."""

    model_config = ConfigDict(from_attributes=True)

    name: str


class Card(BaseModel):
    """An order on the board."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    number: int
    customer: Name
    status: Order.Status
    summary: str
    total: Decimal
    placed: AwareDatetime


class BoardFeed(ModelFeed):
    """Whoever works here sees the open orders. One that is collected leaves the board."""

    model = Order
    schema = Card

    def channels_for(self, row: Order) -> Iterable[str]:
        return [] if row.status == Order.Status.COLLECTED else ["board"]

    def channels(self, request: HttpRequest) -> Iterable[str]:
        return ["board"]

    def has_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_staff)

    def get_live_queryset(self) -> QuerySet[Any]:
        return Order.objects.select_related("customer")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return self.get_live_queryset().exclude(status=Order.Status.COLLECTED).order_by("pk")


class BellFeed(ModelFeed):
    """Everybody hears their own bell, in every tab: what is read in one is read in all."""

    model = Notification
    fields = ["id", "kind", "text", "created", "read"]

    def channels_for(self, row: Notification) -> Iterable[str]:
        return [f"bell:{row.user_id}"]

    def channels(self, request: HttpRequest) -> Iterable[str]:
        return [f"bell:{request.user.pk}"]

    def has_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_authenticated)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return Notification.objects.filter(user=request.user).order_by("pk")
