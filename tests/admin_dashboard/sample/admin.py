"""A dashboard with every kind of widget, one of edge cases, and one on a site of its own."""

import asyncio
import datetime as dt
import itertools
import math
import random
import time
from collections import Counter
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.contrib.admin import AdminSite
from django.db.backends.signals import connection_created
from django.db.models import Count
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from sse_django.admin import Bar, Dashboard, Log, Number, Progress, Table, TimeSeries, register_dashboard
from tests.app.models import Category, Product

#: What the tests change, by a request to the process.
ANSWERS: dict[str, str] = {"broken": "no", "open": "17"}
ASKED: Counter[str] = Counter()
STEPS = itertools.count(1)
QUICK = 0.2


class Queries:
    """Counts what this process asks its database."""

    count = 0

    def __call__(self, execute: Any, *args: Any) -> Any:
        self.count += 1
        return execute(*args)


QUERIES = Queries()


@receiver(connection_created)
def count_queries(connection: Any, **kwargs: Any) -> None:
    if QUERIES not in connection.execute_wrappers:
        connection.execute_wrappers.append(QUERIES)


def open_carts() -> int:
    ASKED["open"] += 1
    return int(ANSWERS["open"])


def products() -> int:
    ASKED["products"] += 1
    return Product.objects.count()


async def sales() -> dict[str, float]:
    ASKED["sales"] += 1
    step = ASKED["sales"]
    await asyncio.sleep(0)
    return {"web": 40 + 12 * math.sin(step / 9) + random.random() * 4, "shops": 22 + 6 * math.cos(step / 13)}


def earlier() -> list[tuple[dt.datetime, dict[str, float]]]:
    now = timezone.now()
    return [
        (
            now - dt.timedelta(seconds=QUICK * (100 - step)),
            {"web": 40 + 12 * math.sin(step / 9), "shops": 22 + 6 * math.cos(step / 13)},
        )
        for step in range(100)
    ]


def broken() -> int:
    ASKED["broken"] += 1
    if ANSWERS["broken"] == "yes":
        raise ValueError("the secret of the shop")
    return 5


def export() -> Any:
    done = ASKED["export"] = ASKED["export"] + 3
    return {"Invoices": (min(done, 900), 900), "Thumbnails": 0.4, "Archive": (done, None)}


@register_dashboard
class Shop(Dashboard):
    description = "What the shop does right now."
    recheck_interval = 0.5

    open = Number(open_carts, label="Open carts", interval=QUICK)
    products = Number(products, interval=QUICK)
    revenue = Number(lambda: Decimal("1834.50"), currency="EUR", interval=QUICK, permission="shop.view_account")
    broken = Number(broken, label="Fragile", interval=QUICK)
    sales = TimeSeries(sales, interval=QUICK, history=earlier, label="Sales", help="Orders a minute.", columns=3)
    by_status = Bar(Product.objects.order_by("status").values("status").annotate(n=Count("id")), interval=QUICK)
    newest = Table(
        Product.objects.order_by("-id"), fields=["name", "status", "price", "category__name"], interval=QUICK
    )
    log = Log(channel="orders", label="What happens")
    jobs = Progress(export, interval=QUICK)


@register_dashboard
class EdgeCases(Dashboard):
    title = "Edge cases"
    permission = "shop.view_product"

    huge = Number(lambda: 123456789012345678901234567890, interval=QUICK)
    not_a_number = Number(lambda: math.nan, interval=QUICK)
    nothing = Number(lambda: None, interval=QUICK)
    below_zero = Number(lambda: -0.125, percent=True, interval=QUICK)
    flat = TimeSeries(lambda: 0, interval=QUICK)
    huge_line = TimeSeries(lambda: 10 ** (next(STEPS) % 12), interval=QUICK)
    lone = TimeSeries(lambda: 5, interval=600)
    bars = Bar(lambda: {"up": 12, "down": -7, "none": None, "long " * 30: 3, None: 1}, interval=QUICK)
    no_bars = Bar(dict, interval=QUICK)
    no_rows = Table(Category.objects.filter(name="there is none"), fields=["name"], interval=QUICK)
    rows = Table(lambda: [{"text": "word " * 60, "<b>html</b>": "<script>alert(1)</script>", "at": timezone.now()}])
    twice = Table(lambda: [{"id": 1, "text": "one"}, {"id": 1, "text": "other"}], interval=QUICK)
    no_lines = Log(channel="quiet")
    idle = Progress(lambda: None, interval=QUICK)


#: What would be seen, as an element of this class, if anything put it into the page as HTML.
MARKUP = '<img class="injected" src="x" onerror="alert(1)">&amp;</script></td>'


@register_dashboard
class Markup(Dashboard):
    description = MARKUP
    permission = "auth.view_user"

    number = Number(lambda: 1, label=MARKUP, help=MARKUP, unit=MARKUP, interval=QUICK)
    lines = TimeSeries(lambda: {MARKUP: 1, "other": 2}, interval=QUICK)
    bars = Bar(lambda: {MARKUP: 1}, interval=QUICK)
    table = Table(lambda: [{MARKUP: MARKUP, "second": MARKUP}], interval=QUICK)
    linked = Table(Category.objects.all(), fields=[(MARKUP, lambda category: MARKUP)], interval=QUICK)
    log = Log(lambda: [MARKUP, (time.time(), MARKUP)], interval=QUICK)
    published = Log(channel="orders")
    tasks = Progress(lambda: {MARKUP: 0.5}, interval=QUICK)


@register_dashboard
class Hanging(Dashboard):
    permission = "auth.view_user"

    forever = Number(lambda: time.sleep(3600), timeout=0.5)
    other = Number(lambda: 1, interval=QUICK)


@register_dashboard
class Counted(Dashboard):
    permission = "auth.view_user"

    products = Number(products, interval=QUICK)
    by_status = Bar(Product.objects.order_by("status").values("status").annotate(n=Count("id")), interval=QUICK)


@register_dashboard
class People(Dashboard):
    """All its queries are for people: who asks, and whether he still may."""

    permission = "auth.view_user"
    recheck_interval = 1.0

    one = Number(lambda: 1, interval=1)


@admin.register(Product)
class ProductAdmin(admin.ModelAdmin):
    list_display = ["name", "price"]


class OtherSite(AdminSite):
    site_header = "The other site"

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        return super().get_app_list(request, app_label)


other_site = OtherSite(name="other")


@register_dashboard(site=other_site)
class Warehouse(Dashboard):
    stock = Number(lambda: 3)
