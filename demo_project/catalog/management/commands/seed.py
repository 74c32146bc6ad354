"""`manage.py seed`: a dozen products, a bakery, and somebody who may use the admin. Run again, it adds only what is missing."""

from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand
from django.db import transaction

from demo_project.catalog.models import Product
from demo_project.shop.opening import prepare

PRODUCTS = [
    ("Enamel mug", "Holds coffee, survives camping.", "12.50"),
    ("Field notebook", "Dotted paper, lies flat.", "9.00"),
    ("Brass ruler", "Fifteen centimetres, and it knows.", "18.00"),
    ("Wool blanket", "Undyed, from one valley.", "89.00"),
    ("Pocket torch", "One battery, forty hours.", "24.90"),
    ("Bread knife", "Serrated, for crusts worth the name.", "46.00"),
    ("Tin kettle", "Whistles a minor third.", "38.50"),
    ("Canvas bag", "Carries a week of groceries.", "29.00"),
    ("Desk lamp", "Warm light, heavy foot.", "74.00"),
    ("Chess set", "Beech and walnut, weighted.", "120.00"),
    ("Rain jacket", "Seams taped by hand.", "149.00"),
    ("Oak stool", "Three legs, never wobbles.", "95.00"),
]

NAME = PASSWORD = "demo"


class Command(BaseCommand):
    help = "Fill the demo's database. What is there already stays as it is."

    def handle(self, *args: Any, **options: Any) -> None:
        with transaction.atomic():
            for name, description, price in PRODUCTS:
                Product.objects.get_or_create(name=name, defaults={"description": description, "price": Decimal(price)})
            users = get_user_model().objects
            if not users.filter(username=NAME).exists():
                users.create_superuser(NAME, "", PASSWORD)
            prepare()
        self.stdout.write(f"{Product.objects.count()} products. The admin is at /admin/: {NAME}, password {PASSWORD}.")
