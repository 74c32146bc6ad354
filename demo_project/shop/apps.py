"""The Django app."""

from django.apps import AppConfig


class ShopConfig(AppConfig):
    name = "demo_project.shop"
    verbose_name = "Bakery"
