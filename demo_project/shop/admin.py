"""The changelists follow whatever happens in the bakery, and there is a dashboard."""

from django.contrib import admin
from django.utils.formats import date_format
from django.utils.timezone import localtime

from demo_project.shop.dashboard import Bakery
from demo_project.shop.models import Customer, Line, Order, Product
from sse_django.admin import LiveModelAdmin

__all__ = ["Bakery", "CustomerAdmin", "OrderAdmin", "ProductAdmin"]


@admin.register(Product)
class ProductAdmin(LiveModelAdmin):
    list_display = ["name", "price", "stock"]
    list_editable = ["price"]
    search_fields = ["name"]


class LineInline(admin.TabularInline):
    model = Line
    extra = 0


@admin.register(Order)
class OrderAdmin(LiveModelAdmin):
    list_display = ["number", "customer", "summary", "total", "status", "at"]
    list_filter = ["status"]
    list_select_related = ["customer"]
    search_fields = ["customer__name", "summary"]
    list_per_page = 20
    inlines = [LineInline]

    @admin.display(description="Order", ordering="pk")
    def number(self, order: Order) -> str:
        return str(order)

    @admin.display(description="Placed", ordering="placed")
    def at(self, order: Order) -> str:
        return date_format(localtime(order.placed), "H:i:s")


@admin.register(Customer)
class CustomerAdmin(admin.ModelAdmin):
    list_display = ["name", "user"]
