"""Products in the admin: change one, then connect a stream again."""

from django.contrib import admin

from demo_project.catalog.models import Product


@admin.register(Product)
class ProductAdmin(admin.ModelAdmin):
    list_display = ["name", "price", "description"]
    list_editable = ["price"]
    search_fields = ["name", "description"]
