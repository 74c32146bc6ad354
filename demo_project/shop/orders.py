"""What can happen in the bakery. Nothing here knows of streams: the feeds notice what is saved."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import QuerySet

from demo_project.shop.models import Customer, Line, Notification, Order, Product

#: Orders from here on are worth a word to the staff.
LARGE = Decimal(40)
#: So few left are, too.
LOW = 5
#: Notifications that are kept for each user.
KEPT = 30

NEXT = {
    Order.Status.NEW: Order.Status.OVEN,
    Order.Status.OVEN: Order.Status.READY,
    Order.Status.READY: Order.Status.COLLECTED,
}
SAID = {
    Order.Status.OVEN: "Order {order} is in the oven",
    Order.Status.READY: "Order {order} is ready, still warm",
    Order.Status.COLLECTED: "Enjoy! Order {order} is yours",
}


class SoldOut(Exception):
    """There is not enough of a product left; the message names it."""


@transaction.atomic
def place_order(customer: Customer, basket: dict[int, int]) -> Order:
    """Order quantities by primary key of a product, and take them off the shelf.

    Raises:
        SoldOut: if one of them isn't there. Then nothing has happened, and nobody hears of it.
    """
    products = {product.pk: product for product in Product.objects.select_for_update().filter(pk__in=basket)}
    for pk, quantity in basket.items():
        if pk not in products or products[pk].stock < quantity:
            raise SoldOut(f"{products.get(pk, 'That')} is sold out")
    lines = [(products[pk], quantity) for pk, quantity in basket.items()]
    order = Order.objects.create(
        customer=customer,
        summary=", ".join(f"{quantity} × {product}" for product, quantity in lines),
        total=sum(product.price * quantity for product, quantity in lines),
    )
    Line.objects.bulk_create(
        Line(order=order, product=product, quantity=quantity, price=product.price) for product, quantity in lines
    )
    for product, quantity in lines:
        before = product.stock
        product.stock -= quantity
        product.save(update_fields=["stock"])
        if product.stock <= LOW < before:
            tell(staff(), Notification.Kind.STOCK, f"{product}: {product.stock} left on the shelf")
    if customer.user_id is not None:
        others = staff().exclude(pk=customer.user_id)
        tell(others, Notification.Kind.ORDER, f"{customer} orders {order.summary}")
    elif order.total >= LARGE:
        tell(staff(), Notification.Kind.ORDER, f"A large order, € {order.total}, for {customer}")
    return order


@transaction.atomic
def advance(pk: int) -> Order | None:
    """Move an order on by one step. None if there is no such order, or it has been collected already."""
    order = Order.objects.select_for_update(of=["self"]).select_related("customer__user").filter(pk=pk).first()
    if order is None or order.status not in NEXT:
        return None
    order.status = NEXT[Order.Status(order.status)]
    order.save(update_fields=["status", "changed"])
    if order.customer.user is not None:
        tell([order.customer.user], Notification.Kind.STATUS, SAID[order.status].format(order=order))
    return order


@transaction.atomic
def restock(product: Product, stock: int) -> None:
    """Bake."""
    product.stock = stock
    product.save(update_fields=["stock"])


def read_all(user: Any) -> None:
    """The user has looked at the bell."""
    with transaction.atomic():
        for notification in Notification.objects.filter(user=user, read=False):
            notification.read = True
            notification.save(update_fields=["read"])


def staff() -> QuerySet[Any]:
    """Who works here."""
    return get_user_model().objects.filter(is_staff=True, is_active=True)


def tell(users: Iterable[Any], kind: Notification.Kind, text: str) -> None:
    """Put a notification into somebody's bell; the oldest ones make room."""
    for user in users:
        Notification.objects.create(user=user, kind=kind, text=text)
        old = Notification.objects.filter(user=user).values_list("pk", flat=True)[KEPT:]
        Notification.objects.filter(pk__in=list(old)).delete()
