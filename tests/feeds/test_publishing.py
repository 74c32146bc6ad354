"""What a change of a row puts into the log, and what it costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from django.db import connections, transaction
from django.db.models import F
from django.http import HttpRequest
from django.test.utils import CaptureQueriesContext

from sse_django.backends import get_backend
from sse_django.feeds import ModelFeed, suppress_feeds
from sse_django.testing import CapturedEvents, capture_events
from tests.feeds.app.models import Customer, Order, Plain

pytestmark = pytest.mark.usefixtures("database")


class CustomerOrders:
    """Orders, each in the channel of its customer."""

    model = Order
    fields = ["id", "status", "total"]

    def channels_for(self, order: Order) -> list[str]:
        return [f"customer:{order.customer_id}"] if order.customer_id else []

    def channels(self, request: HttpRequest) -> list[str]:
        return [f"customer:{request.GET['customer']}"]


@pytest.fixture
def feed() -> type[ModelFeed]:
    class OrderFeed(CustomerOrders, ModelFeed):
        pass

    return OrderFeed


@pytest.fixture
def ada() -> Customer:
    return Customer.objects.create(name="Ada")


@pytest.fixture
def bob() -> Customer:
    return Customer.objects.create(name="Bob")


def told(events: CapturedEvents) -> list[tuple[Any, ...]]:
    return [(event.event, *event.channels, event.json()) for event in events]


def logged(alias: str) -> list[tuple[str | None, str, str | None]]:
    """What stands in the log."""
    backend = get_backend()
    from sse_django.models import LogEvent

    backend.head()
    return list(LogEvent.objects.using(alias).order_by("id").values_list("event", "channels", "data"))


@contextmanager
def statements(alias: str) -> Iterator[list[str]]:
    """The first words of the statements in the block."""
    found: list[str] = []
    with CaptureQueriesContext(connections[alias]) as queries:
        yield found
    found += [
        query["sql"].split()[0]
        for query in queries
        if query["sql"].split()[0] in ("SELECT", "INSERT", "UPDATE", "DELETE")
    ]


def test_a_row_is_created_updated_and_deleted(feed: Any, ada: Customer) -> None:
    with capture_events() as events:
        order = Order.objects.create(customer=ada, total=Decimal("9.50"))
        order.status = Order.Status.PAID
        order.save()
        pk = order.pk
        order.delete()
    channel = f"customer:{ada.pk}"
    assert told(events) == [
        ("created", channel, {"id": pk, "status": "new", "total": "9.50"}),
        ("updated", channel, {"id": pk, "status": "paid", "total": "9.50"}),
        ("deleted", channel, {"pk": pk}),
    ]


def test_nothing_goes_live_that_is_not_named(feed: Any, ada: Customer) -> None:
    with capture_events() as events:
        Order.objects.create(customer=ada, secret="S3CRET")
    assert "S3CRET" not in repr(events)


def test_a_model_without_a_feed_costs_nothing(database: str, feed: Any) -> None:
    from django.db.models import signals

    with statements(database) as sql, capture_events() as events:
        Plain.objects.create(name="a").delete()
    assert sql == ["INSERT", "DELETE"]
    assert not len(events)
    for signal in (signals.post_init, signals.pre_save, signals.post_save, signals.pre_delete, signals.post_delete):
        assert not signal.has_listeners(Plain)


def test_publishing_is_one_insert_in_the_same_transaction(database: str, feed: Any, ada: Customer) -> None:
    with statements(database) as sql:
        order = Order.objects.create(customer=ada)
    assert sql == ["INSERT", "INSERT"]
    loaded = Order.objects.get(pk=order.pk)
    loaded.status = "paid"
    with statements(database) as sql:
        loaded.save()
    assert sql == ["UPDATE", "INSERT"]
    with statements(database) as sql:
        loaded.save()
    assert sql == ["UPDATE", "INSERT"]


def test_a_row_that_moves_costs_one_select_more(database: str, feed: Any, ada: Customer, bob: Customer) -> None:
    order = Order.objects.create(customer=ada)
    order.customer = bob
    with statements(database) as sql, capture_events() as events:
        order.save()
    assert sql == ["SELECT", "UPDATE", "INSERT"]
    row = {"id": order.pk, "status": "new", "total": "0.00"}
    assert told(events) == [
        ("deleted", f"customer:{ada.pk}", {"pk": order.pk}),
        ("created", f"customer:{bob.pk}", row),
    ]


def test_those_who_see_both_places_see_an_update(ada: Customer, bob: Customer) -> None:
    class Everybody(CustomerOrders, ModelFeed):
        def channels_for(self, order: Order) -> list[str]:
            return ["staff", f"customer:{order.customer_id}"]

    order = Order.objects.create(customer=ada)
    order.customer = bob
    with capture_events() as events:
        order.save()
    assert [(e.event, e.channels) for e in events] == [
        ("deleted", (f"customer:{ada.pk}",)),
        ("created", (f"customer:{bob.pk}",)),
        ("updated", ("staff",)),
    ]


def test_a_stale_instance_that_takes_a_row_back_is_noticed(feed: Any, ada: Customer, bob: Customer) -> None:
    """It was loaded before somebody else moved the row; to itself it has not changed anything."""
    stale = Order.objects.get(pk=Order.objects.create(customer=ada).pk)
    moved = Order.objects.get(pk=stale.pk)
    moved.customer = bob
    moved.save()
    stale.status = "paid"
    with capture_events() as events:
        stale.save()
    assert [(e.event, e.channels) for e in events] == [
        ("deleted", (f"customer:{bob.pk}",)),
        ("created", (f"customer:{ada.pk}",)),
    ]


def test_a_stale_instance_that_is_deleted_is_deleted_where_the_row_is(feed: Any, ada: Customer, bob: Customer) -> None:
    stale = Order.objects.get(pk=Order.objects.create(customer=ada).pk)
    Order.objects.filter(pk=stale.pk).update(customer=bob)
    with capture_events() as events:
        stale.delete()
    assert [(e.event, e.channels) for e in events] == [("deleted", (f"customer:{bob.pk}",))]


def test_no_channel_is_not_visible(feed: Any, ada: Customer) -> None:
    with capture_events() as events:
        order = Order.objects.create()
        order.status = "paid"
        order.save()
        assert not len(events)
        order.customer = ada
        order.save()
        order.customer = None
        order.save()
        order.delete()
    assert [(e.event, e.channels) for e in events] == [
        ("created", (f"customer:{ada.pk}",)),
        ("deleted", (f"customer:{ada.pk}",)),
    ]


def test_where_channels_depend_on_nothing_nobody_looks(database: str) -> None:
    class AllOrders(ModelFeed):
        model = Order
        fields = ["id"]

    order = Order.objects.create()
    order.status = "paid"
    with statements(database) as sql:
        order.save()
        order.delete()
    assert [word for word in sql if word in ("SELECT", "INSERT")].count("INSERT") == 2
    assert sql[:2] == ["UPDATE", "INSERT"]


def test_what_is_sent_is_what_is_stored(feed: Any, ada: Customer, database: str) -> None:
    order = Order.objects.create(customer=ada, total="12.5")
    with capture_events() as events:
        order = Order.objects.create(customer=ada, total="12.5")  # text, and too few digits
        order.total = F("total") + 1
        order.save()
        order.status, order.total = "paid", Decimal("99.00")
        order.save(update_fields=["status"])  # the total isn't saved
        deferred = Order.objects.only("customer", "total").get(pk=order.pk)
        deferred.total = Decimal("7.00")
        deferred.save()
    assert [event.json() for event in events] == [
        {"id": order.pk, "status": "new", "total": "12.50"},
        {"id": order.pk, "status": "new", "total": "13.50"},
        {"id": order.pk, "status": "paid", "total": "13.50"},
        {"id": order.pk, "status": "paid", "total": "7.00"},
    ]


def test_update_fields_reads_the_row_again_and_no_old_one(feed: Any, ada: Customer, database: str) -> None:
    order = Order.objects.create(customer=ada)
    with statements(database) as sql:
        order.save(update_fields=["status"])
    assert sql == ["UPDATE", "SELECT", "INSERT"]


def test_a_rolled_back_change_is_never_in_the_log(feed: Any, ada: Customer, database: str) -> None:
    with transaction.atomic(using=database):
        kept = Order.objects.create(customer=ada)
        try:
            with transaction.atomic(using=database):
                Order.objects.create(customer=ada)
                raise RuntimeError
        except RuntimeError:
            pass

    def fail() -> None:
        with transaction.atomic(using=database):
            kept.delete()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert [event for event, *_ in logged(database)] == ["created"]


def test_a_transaction_by_hand_is_its_owners(feed: Any, ada: Customer, database: str) -> None:
    transaction.set_autocommit(False, using=database)
    try:
        order = Order.objects.create(customer=ada)
        order.status = "paid"
        order.save()
        order.delete()
        Order.objects.create(customer=ada)
        transaction.rollback(using=database)
    finally:
        transaction.set_autocommit(True, using=database)
    assert logged(database) == []
    assert not Order.objects.exists()


def test_a_change_whose_event_can_not_be_stored_has_not_happened(
    feed: Any, ada: Customer, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise RuntimeError("no log")

    monkeypatch.setattr(type(get_backend()), "publish", fail)
    with pytest.raises(RuntimeError, match="no log"):
        Order.objects.create(customer=ada)
    assert not Order.objects.exists()


def test_an_error_of_a_receiver_does_not_spoil_the_transaction_around_it(
    feed: Any, ada: Customer, database: str
) -> None:
    from django.db.models.signals import pre_save

    def refuse(**kwargs: Any) -> None:
        raise ValueError("no")

    pre_save.connect(refuse, sender=Order)
    try:
        with transaction.atomic(using=database):
            with pytest.raises(ValueError, match="no"):
                Order.objects.create(customer=ada)
            assert Order.objects.count() == 0
    finally:
        pre_save.disconnect(refuse, sender=Order)


def test_suppressed_changes_are_not_told(feed: Any, ada: Customer) -> None:
    with capture_events() as events:
        with suppress_feeds():
            order = Order.objects.create(customer=ada)
            with suppress_feeds(feed):
                order.save()
            Order.objects.update(status="paid")
            Order.objects.bulk_create([Order(customer=ada)])
        assert not len(events)
        order.save()
    assert [e.event for e in events] == ["updated"]


def test_one_feed_alone_can_be_suppressed(feed: Any, ada: Customer) -> None:
    class Other(ModelFeed):
        model = Order
        fields = ["id"]

    with suppress_feeds(Other), capture_events() as events:
        Order.objects.create(customer=ada)
    assert [e.channels for e in events] == [(f"customer:{ada.pk}",)]


async def test_async_saves_are_told_and_can_be_suppressed(feed: Any, database: str) -> None:
    from asgiref.sync import sync_to_async

    class Everything(ModelFeed):
        model = Plain
        fields = ["id", "name"]

    with capture_events() as events:
        row = await Plain.objects.acreate(name="a")
        with suppress_feeds():
            await Plain.objects.acreate(name="b")
        await row.adelete()
    await sync_to_async(lambda: connections[database].close())()
    assert [e.event for e in events] == ["created", "deleted"]


Publish = Callable[[], None]


def test_refresh_tells_of_what_sent_no_signal(feed: Any, ada: Customer, bob: Customer, database: str) -> None:
    order = Order.objects.create(customer=ada)
    Order.objects.filter(pk=order.pk)._update([(Order._meta.get_field("status"), None, "paid")])  # type: ignore[attr-defined]
    with capture_events() as events:
        assert feed.refresh(Order.objects.all()) == 1
    assert told(events) == [("updated", f"customer:{ada.pk}", {"id": order.pk, "status": "paid", "total": "0.00"})]
    ada_pk = ada.pk
    ada.delete()  # SET_NULL
    with capture_events() as events:
        feed.refresh([order.pk], seen_by=[f"customer:{ada_pk}"])
    assert told(events) == [("deleted", f"customer:{ada_pk}", {"pk": order.pk})]


def test_fields_of_any_kind_decide_without_a_look(database: str) -> None:
    """Hidden rows by a date, amounts, texts: nothing moves, so nothing is read."""

    class Important(ModelFeed):
        model = Order
        fields = ["id", "status"]

        def channels_for(self, order: Order) -> list[str]:
            return [] if order.customer_id is None and order.total < 1 else [f"important:{order.secret}"]

        def channels(self, request: HttpRequest) -> list[str]:
            return []

    order = Order.objects.create(total=Decimal("7.25"), secret="its")
    order.status = "paid"
    with statements(database) as sql:
        order.save()
    assert sql == ["UPDATE", "INSERT"]
