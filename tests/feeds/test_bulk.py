"""`FeedQuerySet`: bulk operations go live; with no feed they are Django's own."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import NotSupportedError
from django.db.models import F, Value

from sse_django.feeds import ModelFeed, queryset
from sse_django.testing import CapturedEvents, capture_events
from tests.feeds.app.models import Customer, Note, Order, Ticket
from tests.feeds.test_publishing import CustomerOrders, statements

pytestmark = pytest.mark.usefixtures("database")


def told(events: CapturedEvents) -> list[tuple[Any, ...]]:
    return [(event.event, event.json()) for event in events]


@pytest.fixture
def feed() -> type[ModelFeed]:
    class OrderFeed(CustomerOrders, ModelFeed):
        fields = ["id", "status"]

    return OrderFeed


@pytest.fixture
def notes() -> type[ModelFeed]:
    class NoteFeed(ModelFeed):
        model = Note
        fields = ["slug", "text"]

    return NoteFeed


def test_bulk_create_is_one_insert_more_for_a_hundred_rows(feed: Any, database: str) -> None:
    ada = Customer.objects.create(name="Ada")
    with statements(database) as sql, capture_events() as events:
        made = Order.objects.bulk_create([Order(customer=ada) for _ in range(100)])
    assert sql == ["INSERT", "INSERT"]
    assert told(events) == [("created", {"id": order.pk, "status": "new"}) for order in made]


def test_bulk_create_sends_what_is_stored(feed: Any) -> None:
    ada = Customer.objects.create(name="Ada")
    with capture_events() as events:
        Order.objects.bulk_create([Order(customer=ada, status=Value("paid"))])
    assert events[0].json()["status"] == "paid"


def test_update_tells_of_each_row_as_it_is_then(feed: Any) -> None:
    ada, bob = Customer.objects.create(name="Ada"), Customer.objects.create(name="Bob")
    orders = [Order.objects.create(customer=ada) for _ in range(3)]
    with capture_events() as events:
        assert Order.objects.filter(pk__lt=orders[2].pk, status="new").update(status="paid") == 2
    assert told(events) == [("updated", {"id": order.pk, "status": "paid"}) for order in orders[:2]]
    with capture_events() as events:
        assert Order.objects.filter(customer__name="Ada").exclude(status="new").update(customer=bob) == 2
    assert [(e.event, e.channels) for e in events] == [
        ("deleted", (f"customer:{ada.pk}",)),
        ("created", (f"customer:{bob.pk}",)),
    ] * 2
    with capture_events() as events:
        assert Order.objects.update(total=F("total") + 1) == 3
    assert len(events) == 3


def test_an_update_in_batches_changes_what_one_statement_would(feed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queryset, "BATCH", 1)
    ada = Customer.objects.create(name="Ada")
    Order.objects.bulk_create([Order(customer=ada), Order(customer=ada, status="paid")])
    of_those_who_want_one = Order.objects.filter(customer__in=Order.objects.filter(status="new").values("customer"))
    with capture_events() as events:
        assert of_those_who_want_one.update(status="gone") == 2
    assert [event.json()["status"] for event in events] == ["gone", "gone"]
    assert set(Order.objects.values_list("status", flat=True)) == {"gone"}


def test_bulk_update_goes_through_update(feed: Any) -> None:
    ada = Customer.objects.create(name="Ada")
    orders = [Order.objects.create(customer=ada) for _ in range(3)]
    for order in orders:
        order.status = "paid"
    with capture_events() as events:
        assert Order.objects.bulk_update(orders, ["status"], batch_size=2) == 3
    assert told(events) == [("updated", {"id": order.pk, "status": "paid"}) for order in orders]


def test_ignored_conflicts_are_told_from_what_was_created(notes: Any) -> None:
    old = Note.objects.create(slug="old")
    with capture_events() as events:
        Note.objects.bulk_create(
            [Note(pk=old.pk, slug="other"), Note(slug="old"), Note(slug="new")], ignore_conflicts=True
        )
    assert told(events) == [("created", {"slug": "new", "text": ""})]


def test_updated_conflicts_are_updates(notes: Any) -> None:
    Note.objects.create(slug="old")
    with capture_events() as events:
        Note.objects.bulk_create(
            [Note(slug="old", text="x"), Note(slug="new", text="x")],
            update_conflicts=True,
            unique_fields=["slug"],
            update_fields=["text"],
        )
    assert sorted(told(events)) == [
        ("created", {"slug": "new", "text": "x"}),
        ("updated", {"slug": "old", "text": "x"}),
    ]


def test_what_can_not_be_told_apart_is_refused_before_anything_is_written(feed: Any) -> None:
    with pytest.raises(NotSupportedError, match=r"suppress_feeds\(\)"):
        Order.objects.bulk_create([Order()], ignore_conflicts=True)
    assert not Order.objects.exists()


def test_without_a_feed_it_is_djangos_own(database: str) -> None:
    with statements(database) as sql, capture_events() as events:
        Order.objects.bulk_create([Order()])
        Order.objects.update(status="paid")
    assert sql == ["INSERT", "UPDATE"]
    assert not len(events)


def test_related_managers_tell_too_where_they_use_this_queryset(feed: Any) -> None:
    """`add()` goes through the base manager, or with `bulk=False` through save()."""
    ada = Customer.objects.create(name="Ada")
    order = Order.objects.create()
    with capture_events() as events:
        ada.order_set.add(order, bulk=False)
        ada.order_set.remove(order)
    assert [e.event for e in events] == ["created", "deleted"]


def test_as_the_base_manager_it_tells_of_set_null_and_of_related_managers_too() -> None:
    class TicketFeed(CustomerOrders, ModelFeed):
        model = Ticket
        fields = ["id"]

    ada = Customer.objects.create(name="Ada")
    pk = ada.pk
    ticket = Ticket.objects.create()
    with capture_events() as events:
        ada.ticket_set.add(ticket)
        ticket.refresh_from_db()
        ticket.save()
        ada.delete()
    assert [(e.event, e.channels) for e in events] == [
        ("created", (f"customer:{pk}",)),
        ("updated", (f"customer:{pk}",)),
        ("deleted", (f"customer:{pk}",)),
    ]
