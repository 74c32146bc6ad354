"""What is there before the doors open. Done again, it adds only what is missing."""

from datetime import timedelta
from decimal import Decimal

from django.contrib.auth import get_user_model
from django.utils import timezone

from demo_project.shop.models import Customer, Line, Order, Product

PRODUCTS = [
    ("Rye loaf", "loaf", "4.80", 14),
    ("Baguette", "baguette", "2.20", 20),
    ("Croissant", "croissant", "1.90", 18),
    ("Pretzel", "pretzel", "1.50", 16),
    ("Cinnamon bun", "bun", "2.60", 12),
    ("Plum cake", "cake", "3.90", 9),
    ("Oat cookie", "cookie", "1.20", 24),
    ("Coffee", "coffee", "2.80", 22),
]
STREET = ["Amina", "Björn", "Chiara", "Dmitri", "Esther", "Farid", "Hana", "Ines", "Jonas", "Kofi", "Lucía", "Mei"]

#: Who can be signed in as by one click: username, first name, whether staff.
PEOPLE = [("ada", "Ada", True), ("grace", "Grace", False)]


def prepare() -> None:
    """Fill what is empty."""
    for username, name, is_staff in PEOPLE:
        user, created = get_user_model().objects.get_or_create(
            username=username, defaults={"first_name": name, "is_staff": is_staff, "is_superuser": is_staff}
        )
        if created:
            user.set_unusable_password()
            user.save()
        Customer.objects.get_or_create(user=user, defaults={"name": name})
    for name in STREET:
        Customer.objects.get_or_create(name=name, user=None)
    for name, art, price, stock in PRODUCTS:
        Product.objects.get_or_create(name=name, defaults={"art": art, "price": Decimal(price), "stock": stock})
    if not Order.objects.exists():
        _morning()


def _morning() -> None:
    """A few orders from before you came, so that no column is empty."""
    products = list(Product.objects.all())
    customers = list(Customer.objects.filter(user=None))
    wanted = [(0, 1), (2, 2), (4, 1), (1, 2), (3, 4), (5, 2), (6, 3)]
    status = Order.Status
    statuses = [status.COLLECTED, status.COLLECTED, status.READY, status.OVEN, status.OVEN, status.NEW, status.NEW]
    for place, ((at, quantity), now) in enumerate(zip(wanted, statuses, strict=True)):
        product = products[at]
        order = Order.objects.create(
            customer=customers[place],
            status=now,
            summary=f"{quantity} × {product}",
            total=product.price * quantity,
        )
        Line.objects.create(order=order, product=product, quantity=quantity, price=product.price)
        Order.objects.filter(pk=order.pk).update(placed=timezone.now() - timedelta(minutes=3 * (len(wanted) - place)))
