"""Kinds of models: inheritance, proxies, keys of any kind, fixtures, rows that are hidden instead of deleted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from sse_django.feeds import ModelFeed
from sse_django.testing import CapturedEvents, capture_events
from tests.feeds.app.models import Customer, Note, Order, Page, PaidOrder, RushOrder, Seat
from tests.feeds.test_publishing import CustomerOrders, logged, statements

pytestmark = pytest.mark.usefixtures("database")


def told(events: CapturedEvents) -> list[tuple[str | None, Any]]:
    return [(event.event, event.json()) for event in events]


def test_a_child_is_told_of_by_its_parents_feed() -> None:
    class OrderFeed(CustomerOrders, ModelFeed):
        fields = ["id", "status"]

    ada, bob = Customer.objects.create(name="Ada"), Customer.objects.create(name="Bob")
    with capture_events() as events:
        rush = RushOrder.objects.create(customer=ada)
        rush.customer = bob
        rush.save()
        pk = rush.pk
        rush.delete()
    assert [(e.event, e.channels[0]) for e in events] == [
        ("created", f"customer:{ada.pk}"),
        ("deleted", f"customer:{ada.pk}"),
        ("created", f"customer:{bob.pk}"),
        ("deleted", f"customer:{bob.pk}"),
    ]
    assert events[3].json() == {"pk": pk}


def test_a_parent_that_is_saved_is_told_of_by_its_childs_feed() -> None:
    class RushFeed(CustomerOrders, ModelFeed):
        model = RushOrder
        fields = ["pk", "status", "courier"]

    ada, bob = Customer.objects.create(name="Ada"), Customer.objects.create(name="Bob")
    rush = RushOrder.objects.create(customer=ada)
    plain = Order.objects.create(customer=ada)
    order = Order.objects.get(pk=rush.pk)
    with capture_events() as events:
        plain.status = order.status = "paid"
        plain.save()
        order.save()
        order.customer = bob
        order.save()
        Order.objects.filter(pk=rush.pk).update(status="new")
        order.delete()
    row = {"pk": rush.pk, "status": "paid", "courier": "bike"}
    assert told(events) == [
        ("updated", row),
        ("deleted", {"pk": rush.pk}),
        ("created", row),
        ("updated", {**row, "status": "new"}),
        ("deleted", {"pk": rush.pk}),
    ]


def test_a_proxy_is_the_same_row() -> None:
    class OrderFeed(ModelFeed):
        model = Order
        fields = ["id", "status"]

    class PaidFeed(ModelFeed):
        model = PaidOrder
        fields = ["id"]

    with capture_events() as events:
        order = PaidOrder.objects.create()
        Order.objects.get(pk=order.pk).save()
        order.delete()
    for feed in (OrderFeed, PaidFeed):
        assert [e.event for e in events.of(f"feed:{feed.label}")] == ["created", "updated", "deleted"]


def test_keys_of_any_kind(database: str) -> None:
    class NoteFeed(ModelFeed):
        model = Note
        fields = ["id", "text"]

    with statements(database) as sql, capture_events() as events:
        note = Note.objects.create(slug="a", text="A")
        pk = str(note.pk)
        note.delete()
    assert sql[:2] == ["INSERT", "INSERT"]
    assert told(events) == [("created", {"id": pk, "text": "A"}), ("deleted", {"pk": pk})]


def test_a_row_saved_with_a_key_of_its_own_may_be_new_or_not() -> None:
    class OrderFeed(CustomerOrders, ModelFeed):
        fields = ["id"]

    ada, bob = Customer.objects.create(name="Ada"), Customer.objects.create(name="Bob")
    with capture_events() as events:
        Order(pk=77, customer=ada).save()
        Order(pk=77, customer=bob).save()
    assert [(e.event, e.channels[0]) for e in events] == [
        ("created", f"customer:{ada.pk}"),
        ("deleted", f"customer:{ada.pk}"),
        ("created", f"customer:{bob.pk}"),
    ]


def test_fixtures_are_told_when_they_are_loaded(database: str, tmp_path: Path) -> None:
    class OrderFeed(ModelFeed):
        model = Order
        fields = ["id", "status"]

        def channels_for(self, order: Order) -> list[str]:
            return [f"name:{order.customer.name}"] if order.customer else []

        def channels(self, request: object) -> list[str]:
            return []

    fixture = tmp_path / "orders.json"
    rows = [
        {"model": "feedshop.order", "pk": 5, "fields": {"customer": 9, "status": "paid"}},
        {"model": "feedshop.customer", "pk": 9, "fields": {"name": "Ada"}},
    ]
    fixture.write_text(json.dumps(rows))
    call_command("loaddata", str(fixture), database=database, verbosity=0)
    rows[0]["fields"]["status"] = "new"  # type: ignore[index]
    fixture.write_text(json.dumps(rows))
    call_command("loaddata", str(fixture), database=database, verbosity=0)
    assert [(event, channels.split()[0], json.loads(data or "")) for event, channels, data in logged(database)] == [
        ("created", "name:Ada", {"id": 5, "status": "paid"}),
        ("updated", "name:Ada", {"id": 5, "status": "new"}),
    ]


def test_what_a_manager_hides_is_deleted() -> None:
    class PageFeed(ModelFeed):
        model = Page
        fields = ["id", "title"]

    with capture_events() as events:
        page = Page.objects.create(title="a")
        page.title = "b"
        page.save()
        page.deleted_at = timezone.now()
        page.save()
        page.title = "c"
        page.save()
        page.deleted_at = None
        page.save()
        page.deleted_at = timezone.now()
        page.save(update_fields=["deleted_at"])
        pk = page.pk
        page.delete()
    assert told(events) == [
        ("created", {"id": pk, "title": "a"}),
        ("updated", {"id": pk, "title": "b"}),
        ("deleted", {"pk": pk}),
        ("created", {"id": pk, "title": "c"}),
        ("deleted", {"pk": pk}),
    ]


def test_rows_may_be_limited_by_the_feed_itself() -> None:
    class PaidFeed(ModelFeed):
        model = Order
        fields = ["id"]

        def get_live_queryset(self) -> Any:
            return Order.objects.filter(status="paid")

    with capture_events() as events:
        order = Order.objects.create()
        order.status = "paid"
        order.save()
        order.status = "new"
        order.save()
    assert [e.event for e in events] == ["created", "deleted"]


def test_cascades_and_querysets_delete_live(database: str) -> None:
    class OrderFeed(CustomerOrders, ModelFeed):
        pass

    ada = Customer.objects.create(name="Ada")
    orders = [Order.objects.create(customer=ada) for _ in range(3)]
    with capture_events() as events, transaction.atomic(using=database):
        Order.objects.filter(customer=ada).delete()
    assert {e.json()["pk"] for e in events.of(f"customer:{ada.pk}", "deleted")} == {order.pk for order in orders}


def test_rows_may_be_looked_up_by_any_queryset() -> None:
    """Joins, also outer ones, and groups; what can't be locked isn't."""

    class Joined(CustomerOrders, ModelFeed):
        fields = ["id"]

        def get_live_queryset(self) -> Any:
            return Order.objects.select_related("customer").exclude(customer__name="Nobody")

    class Grouped(CustomerOrders, ModelFeed):
        fields = ["id"]

        def get_live_queryset(self) -> Any:
            return Order.objects.annotate(count=Count("tags")).filter(count=0)

    ada, bob = Customer.objects.create(name="Ada"), Customer.objects.create(name="Nobody")
    with capture_events() as events:
        order = Order.objects.create(customer=ada)
        order.customer = bob
        order.save()
        order.delete()
    assert [e.event for e in events.of(f"customer:{ada.pk}")] == ["created", "created", "deleted", "deleted"]
    assert [e.event for e in events.of(f"customer:{bob.pk}")] == ["created", "deleted"]


def test_a_key_of_several_columns() -> None:
    class SeatFeed(ModelFeed):
        model = Seat
        fields = ["row", "number", "taken"]

    with capture_events() as events:
        seat = Seat.objects.create(row=1, number=2)
        seat.taken = True
        seat.save()
        Seat.objects.filter(row=1).update(taken=False)
        SeatFeed.refresh(Seat.objects.all())
        seat.delete()
    assert [e.event for e in events] == ["created", "updated", "updated", "updated", "deleted"]
    assert (events[1].json(), events[4].json()) == ({"row": 1, "number": 2, "taken": True}, {"pk": [1, 2]})
    assert SeatFeed.instance().element_id((1, 2)) == "seat-1-2"
