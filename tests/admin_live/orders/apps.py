from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "tests.admin_live.orders"
    label = "orders"
