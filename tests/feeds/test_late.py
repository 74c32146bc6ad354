"""A log that can't join the transaction: events wait for the commit, and show the row as it is then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings

from sse_django.backends import get_backend
from sse_django.exceptions import PublishError
from sse_django.feeds import ModelFeed
from sse_django.signals import publish_failed
from sse_django.testing import StreamClient, capture_events, live_backend
from tests.feeds.app.models import Customer, Order
from tests.feeds.test_publishing import CustomerOrders

Serve = Callable[..., None]

MEMORY = {"BACKENDS": {"default": {"BACKEND": "sse_django.backends.memory.MemoryBackend"}}}


@pytest.fixture(autouse=True)
def alias(database: str) -> Iterator[str]:
    with override_settings(SSE_DJANGO=MEMORY):
        yield database


@pytest.fixture
def feed() -> type[ModelFeed]:
    class OrderFeed(CustomerOrders, ModelFeed):
        fields = ["id", "status"]

        def get_queryset(self, request: Any) -> Any:
            return Order.objects.filter(customer=request.GET["customer"])

    return OrderFeed


@pytest.fixture
def ada() -> Customer:
    return Customer.objects.create(name="Ada")


def logged(after: str = "") -> list[tuple[str | None, str | None]]:
    backend = get_backend()
    start = f"{backend.head().split('-')[0]}-0-"
    return [(stored.message.event, stored.message.data) for stored in backend.read(start, None, 100)[0]]


def test_events_come_after_the_commit_and_show_the_row_as_it_is_then(alias: str, feed: Any, ada: Customer) -> None:
    with transaction.atomic(using=alias):
        order = Order.objects.create(customer=ada)
        order.status = "paid"
        order.save()
        assert logged() == []
    row = f'{{"id":{order.pk},"status":"paid"}}'
    assert logged() == [("created", row), ("updated", row)]


def test_a_rolled_back_change_and_a_savepoint_are_never_told(alias: str, feed: Any, ada: Customer) -> None:
    def fail() -> None:
        with transaction.atomic(using=alias):
            Order.objects.create(customer=ada)
            raise RuntimeError

    with transaction.atomic(using=alias):
        with pytest.raises(RuntimeError):
            fail()
        Order.objects.create(customer=ada, status="paid")
    with pytest.raises(RuntimeError):
        fail()
    assert len(logged()) == 1


def test_a_row_that_changes_while_it_is_told_of_is_told_of_again(
    alias: str, feed: Any, ada: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the reading of a row and the engine's taking of it somebody else changes it, and is told of first."""
    backend = get_backend()
    publish = backend.publish

    def and_meanwhile(messages: Any) -> None:
        if not logged():
            monkeypatch.setattr(backend, "publish", publish)
            Order.objects.filter(customer=ada).update(status="paid")
        publish(messages)

    monkeypatch.setattr(backend, "publish", and_meanwhile)
    order = Order.objects.create(customer=ada)
    assert [data for _, data in logged()][-1] == f'{{"id":{order.pk},"status":"paid"}}'
    assert '"new"' in (logged()[-2][1] or "")


def test_an_engine_that_does_not_take_it_spoils_nothing(
    alias: str, feed: Any, ada: Customer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failed: list[Any] = []

    def refuse(messages: Any) -> None:
        raise PublishError("down")

    def hear(**kwargs: Any) -> None:
        failed.extend(kwargs["messages"])

    monkeypatch.setattr(get_backend(), "publish", refuse)
    publish_failed.connect(hear)
    try:
        order = Order.objects.create(customer=ada)
    finally:
        publish_failed.disconnect(hear)
    assert Order.objects.filter(pk=order.pk).exists()
    assert [message.event for message in failed] == ["created"]
    assert "was not taken" in caplog.text


def test_a_test_that_never_commits_sees_what_would_be_told(alias: str, feed: Any, ada: Customer) -> None:
    with capture_events() as events, transaction.atomic(using=alias):
        Order.objects.create(customer=ada)
        transaction.set_rollback(True, using=alias)
    assert [e.event for e in events] == ["created"]
    assert logged() == []


def test_the_stream_is_the_same(alias: str, feed: Any, ada: Customer, serve: Serve, sse_client: StreamClient) -> None:
    serve(feed.as_view())
    order = Order.objects.create(customer=ada)
    with live_backend(), sse_client.stream(f"/?customer={ada.pk}") as stream:
        assert stream.next().json() == [{"id": order.pk, "status": "new"}]
        pk = order.pk
        order.delete()
        event = stream.next()
        assert (event.event, event.json()) == ("deleted", {"pk": pk})


def test_an_engine_that_is_down_costs_a_delay(
    alias: str, feed: Any, ada: Customer, serve: Serve, sse_client: StreamClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down() -> str:
        raise OSError("no engine")

    serve(feed.as_view())
    monkeypatch.setattr(get_backend(), "head", down)
    with sse_client.stream(f"/?customer={ada.pk}") as stream:
        assert stream.rest() == []
        assert stream.status_code == 200
        assert stream.body.startswith(b"retry: ")
