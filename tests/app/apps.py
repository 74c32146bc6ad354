"""The app whose models the tests stream."""

from django.apps import AppConfig


class TestsAppConfig(AppConfig):
    name = "tests.app"
    label = "shop"
