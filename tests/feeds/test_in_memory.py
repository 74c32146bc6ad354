"""Instances that are out of date, half known, or hold what no column does: nobody is told of a row that they may not see."""

from __future__ import annotations

import enum
import pickle
import uuid
from typing import Any

import pytest
from django.db import IntegrityError
from django.db.models import F

from sse_django.feeds import ModelFeed
from sse_django.testing import CapturedEvents, capture_events
from tests.feeds.app.models import Customer, Note, Order, RushOrder
from tests.feeds.test_publishing import CustomerOrders

pytestmark = pytest.mark.usefixtures("database")


def told(events: CapturedEvents) -> list[tuple[Any, ...]]:
    return [(event.event, *event.channels) for event in events]


@pytest.fixture
def ada() -> Customer:
    return Customer.objects.create(name="Ada")


@pytest.fixture
def bob() -> Customer:
    return Customer.objects.create(name="Bob")


@pytest.fixture
def by_name() -> type[ModelFeed]:
    class NamedFeed(CustomerOrders, ModelFeed):
        def channels_for(self, order: Order) -> list[str]:
            return [f"name:{order.customer.name}"] if order.customer else []

    return NamedFeed


def test_a_row_that_moves_with_its_related_object_is_deleted_where_it_was(
    by_name: Any, ada: Customer, bob: Customer
) -> None:
    order = Order.objects.select_related("customer").get(pk=Order.objects.create(customer=ada).pk)
    assert order.customer
    with capture_events() as events:
        order.customer = bob
        order.save()
    assert told(events) == [("deleted", "name:Ada"), ("created", "name:Bob")]


def test_a_related_object_in_memory_says_nothing_about_who_sees_a_row(by_name: Any, ada: Customer) -> None:
    order = Order.objects.create(customer=ada)
    assert order.customer
    Customer.objects.filter(pk=ada.pk).update(name="Eve")
    with capture_events() as events:
        order.status = "paid"
        order.save()
        order.delete()
    assert told(events) == [("updated", "name:Eve"), ("deleted", "name:Eve")]


def test_related_rows_that_were_prefetched_say_nothing_about_who_sees_a_row(ada: Customer, bob: Customer) -> None:
    class SharedFeed(CustomerOrders, ModelFeed):
        def channels_for(self, order: Order) -> list[str]:
            return [f"customer:{customer.pk}" for customer in order.shared_with.all()]

    made = Order.objects.create()
    made.shared_with.add(ada, bob)
    order = Order.objects.prefetch_related("shared_with").get(pk=made.pk)
    made.shared_with.remove(bob)
    with capture_events() as events:
        order.status = "paid"
        order.save()
        order.delete()
    assert told(events) == [("updated", f"customer:{ada.pk}"), ("deleted", f"customer:{ada.pk}")]


def test_a_cached_property_is_computed_anew(ada: Customer, bob: Customer) -> None:
    class AudienceFeed(CustomerOrders, ModelFeed):
        def channels_for(self, order: Order) -> list[str]:
            return [order.audience]

    order = Order.objects.create(customer=ada)
    assert order.audience == f"customer:{ada.pk}"
    with capture_events() as events:
        order.customer = bob
        order.save()
    assert told(events) == [("deleted", f"customer:{ada.pk}"), ("created", f"customer:{bob.pk}")]


def test_what_no_column_holds_is_not_shown_to_channels_for() -> None:
    class DearFeed(CustomerOrders, ModelFeed):
        def channels_for(self, order: Order) -> list[str]:
            return ["dear" if order.total > 10 else "cheap"]

    with capture_events() as events:
        order = Order.objects.create(total="4.00")  # text, as from a form or a fixture
        order.total = F("total") + 20
        order.save()
        order.total = F("total") + 1
        order.delete()
    assert told(events) == [("created", "cheap"), ("deleted", "cheap"), ("created", "dear"), ("deleted", "dear")]


def test_a_stale_field_that_is_not_written_does_not_hide_a_move(ada: Customer, bob: Customer) -> None:
    class PaidFeed(CustomerOrders, ModelFeed):
        def channels_for(self, order: Order) -> list[str]:
            return [f"customer:{order.customer_id}"] if order.status == "paid" else []

    stale = Order.objects.create(customer=ada)
    Order.objects.filter(pk=stale.pk).update(status="paid")
    with capture_events() as events:
        stale.customer = bob
        stale.save(update_fields=["customer"])
    assert told(events) == [("deleted", f"customer:{ada.pk}"), ("created", f"customer:{bob.pk}")]


def test_rows_hidden_by_a_related_row_leave_with_it(ada: Customer, bob: Customer) -> None:
    class WithPaidFeed(ModelFeed):
        model = Order
        fields = ["id", "total"]

        def get_live_queryset(self) -> Any:
            # A field of the same name, of other rows.
            return Order.objects.filter(customer__shared_orders__status="paid")

    Order.objects.create(status="paid").shared_with.add(ada)
    order = Order.objects.create(customer=ada)
    with capture_events() as events:
        order.customer = bob
        order.save()
    assert [event.event for event in events] == ["deleted"]


def test_a_child_that_is_made_of_a_row_moves_it(ada: Customer, bob: Customer) -> None:
    class OrderFeed(CustomerOrders, ModelFeed):
        pass

    order = Order.objects.create(customer=ada)
    with capture_events() as events:
        RushOrder(order_ptr=order, customer=bob).save()
    assert told(events) == [("deleted", f"customer:{ada.pk}"), ("created", f"customer:{bob.pk}")]


class Level(str, enum.Enum):  # noqa: UP042 -- whose text is not its value
    GOLD = "gold"


def test_an_enumerations_member_is_what_is_stored_of_it() -> None:
    class StatusFeed(CustomerOrders, ModelFeed):
        def channels_for(self, order: Order) -> list[str]:
            return [f"status:{order.status}"]

    with capture_events() as events:
        Order.objects.create(status=Level.GOLD)
        Order.objects.create(status=Order.Status.PAID)
    assert told(events) == [("created", "status:gold"), ("created", "status:paid")]


def test_an_instance_that_could_not_be_saved_can_be_pickled() -> None:
    class NoteFeed(ModelFeed):
        model = Note
        fields = ["id", "slug"]

        def channels_for(self, note: Note) -> list[str]:
            return [f"slug:{note.slug}"]

    Note.objects.create(slug="a")
    note = Note.objects.create(slug="b")
    note.slug = "a"
    with pytest.raises(IntegrityError):
        note.save()
    assert pickle.loads(pickle.dumps(note)) == note


def test_a_deleted_rows_key_is_what_is_stored_of_it() -> None:
    class OrderFeed(ModelFeed):
        model = Order
        fields = ["id"]

    order = Order.objects.create()
    with capture_events() as events:
        Order(pk=str(order.pk)).delete()
    assert [event.json() for event in events] == [{"pk": order.pk}]


def test_a_row_that_is_given_another_key_is_told_of_by_it() -> None:
    class NoteFeed(ModelFeed):
        model = Note
        fields = ["id", "slug"]

    note, key = Note.objects.create(slug="a"), uuid.uuid4()
    with capture_events() as events:
        Note.objects.filter(pk=note.pk).update(id=key)
        Note.objects.filter(pk=key).update(id=key, slug="b")
    assert [(event.event, event.json()) for event in events] == [
        ("deleted", {"pk": str(note.pk)}),
        ("created", {"id": str(key), "slug": "a"}),
        ("updated", {"id": str(key), "slug": "b"}),
    ]
