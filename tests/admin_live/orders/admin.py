"""The same orders as several lists: plain and full, editable, small pages."""

import os

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from sse_django.admin import LiveModelAdmin
from tests.admin_live.orders.models import Customer, Draft, OpenOrder, Order, RushOrder, SummedOrder, Tag


@admin.register(Order)
class OrderAdmin(LiveModelAdmin):
    list_display = ["number", "customer", "status", "total", "tag_names"]
    list_filter = ["status", "gift"]
    search_fields = ["number"]
    date_hierarchy = "placed"
    list_per_page = 20
    live_check_interval = float(os.environ.get("SSE_TEST_LOOK", "1"))  # soon, for tests that wait for it
    live_models = [Customer]
    actions = ["mark_paid"]

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Order]":
        orders = super().get_queryset(request).select_related("customer").prefetch_related("tags")
        return orders if request.user.is_superuser else orders.exclude(number__startswith="secret")

    @admin.display(description="tags")
    def tag_names(self, order: Order) -> str:
        return ", ".join(tag.name for tag in order.tags.all())

    @admin.action(description="Mark as paid")
    def mark_paid(self, request: HttpRequest, queryset: "QuerySet[Order]") -> None:
        queryset.update(status=Order.Status.PAID)


@admin.register(OpenOrder)
class OpenOrderAdmin(LiveModelAdmin):
    """list_editable, in an order that an edit changes."""

    list_display = ["number", "status", "total", "gift", "placed"]
    list_editable = ["status", "total", "gift", "placed"]
    list_filter = ["status"]
    ordering = ["number"]
    list_per_page = 20
    live_check_interval = None


@admin.register(SummedOrder)
class SummedOrderAdmin(LiveModelAdmin):
    """Its template has a row that is no object's."""

    list_display = ["number", "total"]
    list_editable = ["total"]
    ordering = ["number"]
    live_check_interval = None


@admin.register(RushOrder)
class RushOrderAdmin(LiveModelAdmin):
    list_display = ["number", "by"]
    actions = None
    change_list_template = "orders/rush.html"


@admin.register(Customer)
class CustomerAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    search_fields = ["name"]


admin.site.register([Tag, Draft])
