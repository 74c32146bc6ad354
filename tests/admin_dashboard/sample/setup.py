"""Tables, users and products in the database of SSE_TEST_DATABASE: `python -m tests.admin_dashboard.sample.setup`."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.admin_dashboard.sample.settings")
django.setup()

from django.contrib.auth.models import Permission, User  # noqa: E402
from django.core.management import call_command  # noqa: E402

from tests.app.models import Category, Product  # noqa: E402

call_command("migrate", verbosity=0)
User.objects.create_superuser("boss")
User.objects.create_user("clerk", is_staff=True).user_permissions.set(
    Permission.objects.filter(codename="view_product")
)
User.objects.create_user("visitor")
bread, cake = Category.objects.create(name="Bread"), Category.objects.create(name="Cake")
for number, name in enumerate(["Rye", "Spelt", "Baguette", "Carrot cake", "Marble cake", "Pumpernickel", "Focaccia"]):
    Product.objects.create(
        name=name,
        price=f"{2 + number}.{number}0",
        status="on_sale" if number % 3 else "draft",
        category=[bread, cake, None][number % 3],
    )
