"""Others that move a row in the same moment: whoever has seen it last is told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections, transaction

from sse_django.feeds import ModelFeed
from sse_django.models import LogEvent
from tests.feeds.app.models import Customer, Order
from tests.feeds.test_publishing import CustomerOrders
from tests.live.waiting import until


def waits(alias: str) -> bool:
    """Whether somebody waits for a lock."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


CHANGES: dict[str, Callable[[Any], object]] = {
    "queryset": lambda order: Order.objects.filter(pk=order.pk).delete(),
    "instance": lambda order: order.delete(),
    "update": lambda order: Order.objects.filter(pk=order.pk).update(customer=None),
    "save": lambda order: order.save(),
    "fields": lambda order: order.save(update_fields=["customer"]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_row_that_is_moved_meanwhile_leaves_where_it_was_moved_to(postgres: str, change: str) -> None:
    class OrderFeed(CustomerOrders, ModelFeed):
        pass

    ada, bob, eve = (Customer.objects.create(name=name) for name in ("Ada", "Bob", "Eve"))
    made = Order.objects.create(customer=ada)
    order = Order.objects.get(pk=made.pk)
    order.customer = eve

    def other() -> None:
        try:
            CHANGES[change](order)
        finally:
            connections[postgres].close()

    thread = threading.Thread(target=other)
    with transaction.atomic(using=postgres):
        made.customer = bob
        made.save()
        thread.start()
        until(lambda: waits(postgres), 30, "the other one waits for the row")
    thread.join(10)
    last = LogEvent.objects.using(postgres).filter(channels__contains=f" customer:{bob.pk} ").latest("id")
    assert last.event == "deleted", list(LogEvent.objects.using(postgres).values_list("event", "channels"))
