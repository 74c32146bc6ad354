"""The bakery's day, as it goes."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Avg, Count, QuerySet, Sum
from django.utils import timezone

from demo_project.shop.models import Line, Order, Product
from sse_django.admin import Bar, Dashboard, Number, Progress, Table, TimeSeries, register_dashboard

#: What fits on a shelf.
FULL = 24


def today() -> QuerySet[Order]:
    return Order.objects.filter(placed__gte=timezone.now().replace(hour=0, minute=0, second=0, microsecond=0))


def revenue() -> Decimal:
    return today().aggregate(sum=Sum("total"))["sum"] or Decimal(0)


def average() -> Decimal:
    return today().aggregate(mean=Avg("total"))["mean"] or Decimal(0)


def per_minute() -> dict[str, int]:
    """What the last minute has seen."""
    since = timezone.now() - timedelta(minutes=1)
    return {
        "ordered": Order.objects.filter(placed__gte=since).count(),
        "handed over": Order.objects.filter(status=Order.Status.COLLECTED, changed__gte=since).count(),
    }


def last_quarter() -> list[tuple[datetime, dict[str, int]]]:
    """The same for the fifteen minutes before somebody looked."""
    now = timezone.now()
    since = now - timedelta(minutes=16)
    placed = list(Order.objects.filter(placed__gte=since).values_list("placed", flat=True))
    done = Order.objects.filter(status=Order.Status.COLLECTED, changed__gte=since)
    collected = list(done.values_list("changed", flat=True))
    times = [now - timedelta(seconds=5 * back) for back in range(180, 0, -1)]
    return [(at, {"ordered": _within(placed, at), "handed over": _within(collected, at)}) for at in times]


def _within(moments: list[datetime], end: datetime) -> int:
    return sum(end - timedelta(minutes=1) < moment <= end for moment in moments)


def shelves() -> dict[str, tuple[int, int]]:
    return {product.name: (min(product.stock, FULL), FULL) for product in Product.objects.all()}


def euros(order: Any) -> str:
    return f"€ {order.total}"


@register_dashboard
class Bakery(Dashboard):
    description = "The day, as it goes."
    permission = "shop.view_order"

    orders = Number(today, label="Orders today", interval=1)
    revenue = Number(revenue, currency="EUR", interval=1)
    waiting = Number(Order.objects.exclude(status=Order.Status.COLLECTED), label="Not yet collected", interval=1)
    average = Number(average, label="Average order", currency="EUR", interval=1)
    pace = TimeSeries(per_minute, label="In the last minute", history=last_quarter, points=180, interval=5)
    by_status = Bar(
        Order.objects.order_by("status").values("status").annotate(orders=Count("pk")),
        label="Orders",
        interval=1,
    )
    favourites = Bar(
        Line.objects.values("product__name").annotate(sold=Sum("quantity")).order_by("-sold"),
        label="Sold",
        limit=8,
        interval=2,
    )
    shelves = Progress(shelves, interval=1)
    newest = Table(
        Order.objects.order_by("-pk"),
        fields=["number", "customer__name", "summary", ("Total", euros), "status"],
        limit=10,
        interval=1,
        columns=3,
        label="Newest orders",
    )
