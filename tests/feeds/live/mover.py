"""`python -m tests.feeds.live.mover migrate | move SEED COUNT`: tables and two customers; orders that move between them."""

from __future__ import annotations

import random
import sys

import django


def migrate() -> None:
    from django.core.management import call_command

    from tests.feeds.app.models import Customer, Order

    call_command("migrate", run_syncdb=True, verbosity=0)
    customers = [Customer.objects.create(pk=pk, name=name) for pk, name in ((1, "Ada"), (2, "Bob"))]
    for number in range(6):
        Order.objects.create(customer=customers[number % 2], total=1)


def move(seed: int, count: int) -> None:
    from django.db import transaction

    from tests.feeds.app.models import Order

    dice = random.Random(seed)
    for _ in range(count):
        pk = dice.choice(list(Order.objects.order_by("pk").values_list("pk", flat=True)[:6]))
        # Read without a lock, and outside the transaction that writes: what others do meanwhile is overwritten.
        order = Order.objects.get(pk=pk)
        what = dice.random()
        order.total += 1
        if what < 0.5:
            order.customer_id = dice.choice([1, 2, None])
        with transaction.atomic():
            order.save()
            if what > 0.9:
                Order.objects.create(customer_id=dice.choice([1, 2]), total=1)
        if 0.8 < what < 0.85 and (extra := Order.objects.order_by("pk")[6:].first()):
            extra.delete()


if __name__ == "__main__":
    django.setup()
    migrate() if sys.argv[1] == "migrate" else move(int(sys.argv[2]), int(sys.argv[3]))
