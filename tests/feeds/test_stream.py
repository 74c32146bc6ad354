"""A feed over HTTP: the snapshot, what comes after it, resumption, resets, permissions; under ASGI and WSGI."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.db import connections
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from sse_django import kick, publish
from sse_django.backends import get_backend
from sse_django.feeds import ModelFeed
from sse_django.feeds.handoff import Place
from sse_django.feeds.stream import AT_ONCE, FeedStream
from sse_django.testing import AsyncStreamClient, ReceivedEvent, StreamClient
from tests.feeds.app.models import Customer, Order, Tag
from tests.feeds.test_publishing import CustomerOrders

Serve = Callable[..., None]
pytestmark = pytest.mark.usefixtures("live")


class Orders(CustomerOrders):
    fields = ["id", "status"]

    def channels(self, request: HttpRequest) -> list[str]:
        return [f"customer:{pk}" for pk in request.GET["customer"].split(",")]

    def get_queryset(self, request: HttpRequest) -> Any:
        return Order.objects.filter(customer__in=request.GET["customer"].split(","))


@pytest.fixture
def feed() -> type[ModelFeed]:
    class OrderFeed(Orders, ModelFeed):
        pass

    return OrderFeed


@pytest.fixture
def ada() -> Customer:
    return Customer.objects.create(name="Ada")


@pytest.fixture
def bob() -> Customer:
    return Customer.objects.create(name="Bob")


def pairs(events: list[ReceivedEvent]) -> list[tuple[str, Any]]:
    return [(event.event, event.json()) for event in events]


def test_a_fresh_client_gets_the_snapshot_and_then_what_comes_after_it(
    serve: Serve, sse_client: StreamClient, feed: Any, ada: Customer, bob: Customer
) -> None:
    serve(feed.as_view())
    old = Order.objects.create(customer=ada)
    Order.objects.create(customer=bob)
    with sse_client.stream(f"/?customer={ada.pk}") as stream:
        assert stream.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        snapshot = stream.next()
        assert pairs([snapshot]) == [("snapshot", [{"id": old.pk, "status": "new"}])]
        assert (
            stream.body == f'event: snapshot\ndata: [{{"id":{old.pk},"status":"new"}}]\nid: {snapshot.id}\n\n'.encode()
        )
        new = Order.objects.create(customer=ada)
        Order.objects.create(customer=bob)
        old.delete()
        new.status = "paid"
        new.save()
        events = stream.take(3)
        assert [e.event for e in events] == ["created", "deleted", "updated"]
        assert events[2].json() == {"id": new.pk, "status": "paid"}
        assert events[2].id == get_backend().head()


async def test_the_same_under_asgi_with_no_query_in_the_event_loop(
    serve: Serve, async_sse_client: AsyncStreamClient, database: str, feed: Any
) -> None:
    serve(feed.as_view())
    ada = await Customer.objects.acreate(name="Ada")
    async with async_sse_client.stream(f"/?customer={ada.pk}") as stream:
        assert pairs([await stream.next()]) == [("snapshot", [])]
        order = await Order.objects.acreate(customer=ada)
        assert pairs([await stream.next()]) == [("created", {"id": order.pk, "status": "new"})]
    await sync_to_async(lambda: connections[database].close())()


def test_a_client_that_comes_back_gets_just_what_it_missed(
    serve: Serve, sse_client: StreamClient, feed: Any, ada: Customer
) -> None:
    serve(feed.as_view())
    Order.objects.create(customer=ada)
    with sse_client.stream(f"/?customer={ada.pk}") as stream:
        cursor = stream.next().id
    missed = Order.objects.create(customer=ada)
    with sse_client.stream(f"/?customer={ada.pk}", last_event_id=cursor) as stream:
        assert pairs([stream.next()]) == [("created", {"id": missed.pk, "status": "new"})]
        assert stream.body.startswith(f"id: {cursor}\n\n".encode())
    with sse_client.stream(f"/?customer={ada.pk}&last_event_id={cursor}") as stream:
        assert stream.next().event == "created"


@pytest.mark.parametrize("lost", ["no-such-cursor", "~", "~deadbeef", "epoch"])
def test_after_a_reset_there_is_a_new_snapshot(
    serve: Serve, sse_client: StreamClient, feed: Any, ada: Customer, lost: str
) -> None:
    serve(feed.as_view())
    order = Order.objects.create(customer=ada)
    cursor = get_backend().head() if lost == "epoch" else lost
    if lost == "epoch":
        get_backend().rotate_epoch()
    with sse_client.stream(f"/?customer={ada.pk}", last_event_id=cursor) as stream:
        assert pairs([stream.next()]) == [("snapshot", [{"id": order.pk, "status": "new"}])]
        pk = order.pk
        order.delete()
        assert pairs([stream.next()]) == [("deleted", {"pk": pk})]


def test_a_reset_while_it_streams_heals_too(serve: Serve, sse_client: StreamClient, feed: Any, ada: Customer) -> None:
    serve(feed.as_view())
    with sse_client.stream(f"/?customer={ada.pk}") as stream:
        stream.next()
        get_backend().rotate_epoch()
        Order.objects.create(customer=ada)
        assert stream.next().event == "snapshot"


def test_rows_move_between_two_readers(
    serve: Serve, sse_client: StreamClient, feed: Any, ada: Customer, bob: Customer
) -> None:
    serve(feed.as_view())
    order = Order.objects.create(customer=ada)
    with (
        sse_client.stream(f"/?customer={ada.pk}") as hers,
        sse_client.stream(f"/?customer={bob.pk}") as his,
        sse_client.stream(f"/?customer={ada.pk},{bob.pk}") as both,
    ):
        for stream in (hers, his, both):
            stream.next()
        order.customer = bob
        order.save()
        row = {"id": order.pk, "status": "new"}
        assert pairs([hers.next()]) == [("deleted", {"pk": order.pk})]
        assert pairs([his.next()]) == [("created", row)]
        assert pairs([both.next()]) == [("updated", row)]
        pk = order.pk
        order.delete()
        assert pairs([his.next(), both.next()]) == [("deleted", {"pk": pk})] * 2


def test_other_events_in_the_same_channel_are_not_the_feeds(
    serve: Serve, sse_client: StreamClient, feed: Any, ada: Customer
) -> None:
    class Others(Orders, ModelFeed):
        fields = ["secret"]

    serve(feed.as_view())
    with sse_client.stream(f"/?customer={ada.pk}") as stream:
        stream.next()
        publish(f"customer:{ada.pk}", {"secret": 1}, event="created")
        order = Order.objects.create(customer=ada)
        assert pairs([stream.next()]) == [("created", {"id": order.pk, "status": "new"})]
        order.delete()
        stream.next()
        assert b"secret" not in stream.body
        assert b"hidden" not in stream.body


def test_who_may_not_gets_403_before_anything_is_read(serve: Serve, sse_client: StreamClient, ada: Customer) -> None:
    class Closed(Orders, ModelFeed):
        def has_permission(self, request: HttpRequest) -> bool:
            return False

    serve(Closed.as_view())
    with sse_client.stream(f"/?customer={ada.pk}") as stream:
        assert stream.status_code == 403


def test_a_refusal_may_be_a_redirect_or_anything_else(serve: Serve, sse_client: StreamClient) -> None:
    class Closed(Orders, ModelFeed):
        async def has_permission(self, request: HttpRequest) -> bool:  # type: ignore[override]
            return False

        def handle_no_permission(self, request: HttpRequest) -> HttpResponse:
            return HttpResponseRedirect("/login/")

    serve(Closed.as_view())
    with sse_client.stream("/?customer=1") as stream:
        assert (stream.status_code, stream.headers["Location"]) == (302, "/login/")


def test_who_has_no_channel_gets_403(serve: Serve, sse_client: StreamClient) -> None:
    class Nobody(Orders, ModelFeed):
        def channels(self, request: HttpRequest) -> list[str]:
            return []

    serve(Nobody.as_view())
    with sse_client.stream("/?customer=1") as stream:
        assert stream.status_code == 403


def test_the_permission_is_asked_again_if_that_is_wanted(serve: Serve, sse_client: StreamClient, ada: Customer) -> None:
    asked: list[bool] = []

    class Rechecked(Orders, ModelFeed):
        recheck_interval = 0.05

        def recheck(self, request: HttpRequest) -> bool:
            asked.append(True)
            return len(asked) < 3

    serve(Rechecked.as_view())
    with sse_client.stream(f"/?customer={ada.pk}") as stream:
        assert [e.event for e in stream.rest()] == ["snapshot"]
    assert len(asked) == 3


def test_it_is_get_and_head_alone(serve: Serve, sse_client: StreamClient, feed: Any, ada: Customer) -> None:
    serve(feed.as_view())
    response = sse_client.head(f"/?customer={ada.pk}")
    assert (response.status_code, response.headers["Content-Type"]) == (200, "text/event-stream; charset=utf-8")
    assert sse_client.post(f"/?customer={ada.pk}").status_code == 405


def test_the_view_knows_its_feed_and_takes_options(
    serve: Serve, sse_client: StreamClient, feed: Any, ada: Customer
) -> None:
    view = feed.as_view(retry=1234)
    assert view.feed_class is feed
    assert (view.__name__, view.__module__) == ("OrderFeed", __name__)
    serve(view)
    with sse_client.stream(f"/?customer={ada.pk}") as stream:
        stream.next()
        assert b"retry: 1234" in stream.body
    with pytest.raises(TypeError, match="no option fields"):
        feed.as_view(fields=["secret"])


def test_many_to_many_fields_are_sent_as_keys_and_followed(
    serve: Serve, sse_client: StreamClient, ada: Customer
) -> None:
    class Tagged(Orders, ModelFeed):
        fields = ["id", "tags"]

    serve(Tagged.as_view())
    red, blue = Tag.objects.create(name="red"), Tag.objects.create(name="blue")
    order = Order.objects.create(customer=ada)
    order.tags.add(red)
    with sse_client.stream(f"/?customer={ada.pk}") as stream:
        assert stream.next().json() == [{"id": order.pk, "tags": [red.pk]}]
        order.tags.add(blue)
        assert pairs([stream.next()]) == [("updated", {"id": order.pk, "tags": [red.pk, blue.pk]})]
        red.order_set.remove(order)
        assert stream.next().json()["tags"] == [blue.pk]
        blue.order_set.clear()
        assert stream.next().json()["tags"] == []
        order.tags.set([red])
        assert stream.next().json()["tags"] == [red.pk]
        order.shared_with.add(ada)  # not a field of the feed's
        order.delete()
        assert stream.next().event == "deleted"


def test_channels_may_depend_on_a_many_to_many_field(
    serve: Serve, sse_client: StreamClient, ada: Customer, bob: Customer
) -> None:
    class Shared(Orders, ModelFeed):
        def channels_for(self, order: Order) -> list[str]:
            return [f"customer:{customer.pk}" for customer in order.shared_with.all()]

    serve(Shared.as_view())
    order = Order.objects.create()
    with sse_client.stream(f"/?customer={ada.pk}") as hers, sse_client.stream(f"/?customer={bob.pk}") as his:
        hers.next()
        his.next()
        order.shared_with.set([ada])
        assert hers.next().event == "created"
        order.shared_with.set([ada, bob])
        assert his.next().event == "created"
        order.shared_with.remove(ada)
        assert [event.event for event in hers.take(2)] == ["updated", "deleted"]


async def test_streams_end_when_the_client_leaves(
    serve: Serve, async_sse_client: AsyncStreamClient, feed: Any, database: str
) -> None:
    serve(feed.as_view())
    streams = [async_sse_client.stream("/?customer=1") for _ in range(3)]
    for stream in streams:
        await stream.__aenter__()
    await asyncio.gather(*(stream.next() for stream in streams))
    for stream in streams:
        await stream.disconnect()
    await sync_to_async(lambda: connections[database].close())()


def test_a_kick_ends_the_streams_of_a_channel(
    serve: Serve, sse_client: StreamClient, feed: Any, ada: Customer, bob: Customer
) -> None:
    serve(feed.as_view())
    with sse_client.stream(f"/?customer={ada.pk}") as hers, sse_client.stream(f"/?customer={bob.pk}") as his:
        hers.next()
        his.next()
        kick(channel=f"customer:{ada.pk}")
        assert hers.rest() == []
        Order.objects.create(customer=bob)
        assert his.next().event == "created"


def test_silence_brings_the_newest_cursor(serve: Serve, sse_client: StreamClient, feed: Any, ada: Customer) -> None:
    serve(feed.as_view(ping_interval=0.1))
    with sse_client.stream(f"/?customer={ada.pk}") as stream:
        stream.next()
        publish("elsewhere", 1)
        head = get_backend().head()
        stream.wait_for(lambda stream: stream.last_event_id == head)
        assert "ping" in stream.comments


async def test_readers_that_are_reset_at_once_ask_the_database_a_few_at_a_time(feed: Any, database: str) -> None:
    head = await sync_to_async(lambda: get_backend().head())()
    running, most = [0], [0]
    lock = threading.Lock()
    full = threading.Event()

    def begin() -> tuple[bytes, Place]:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
            if running[0] == AT_ONCE:
                full.set()
        full.wait(30)  # threads start as they like
        time.sleep(0.02)  # what a snapshot takes
        with lock:
            running[0] -= 1
        return b"event: snapshot\ndata: []\n\n", Place(head)

    async def read() -> list[bytes]:
        async with ThreadSensitiveContext():  # a thread of its own, as a request has
            chunks = aiter(FeedStream(feed.instance(), ("customer:1",), (b":\n\n", Place("lost")), begin, None))
            return [await anext(chunks), await anext(chunks)]

    seen = await asyncio.gather(*(read() for _ in range(12)))
    assert seen == [[b":\n\n", b"event: snapshot\ndata: []\n\n"]] * 12
    assert most[0] == AT_ONCE
    await sync_to_async(lambda: connections[database].close())()
