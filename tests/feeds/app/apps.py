"""The app whose models the tests of feeds follow. It has no migrations: its tables are made as the models are."""

from django.apps import AppConfig


class FeedShopConfig(AppConfig):
    name = "tests.feeds.app"
    label = "feedshop"
    default_auto_field = "django.db.models.BigAutoField"
