"""From the snapshot to what is live: with writers whose transactions overlap nothing is missed, and nothing comes twice."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections, transaction
from django.http import HttpRequest

from sse_django.backends import get_backend
from sse_django.feeds import ModelFeed
from sse_django.feeds.handoff import Place
from sse_django.testing import StreamClient, SyncStream, live_backend
from tests.feeds.app.models import Customer, Note, Order
from tests.live.waiting import until

Serve = Callable[..., None]


class Replica:
    """What a page would show, and a complaint for each event that doesn't fit it."""

    def __init__(self) -> None:
        self.rows: dict[int, dict[str, Any]] = {}
        self.wrong: list[Any] = []
        self.id = ""

    def apply(self, event: Any) -> None:
        self.id = event.id
        data = event.json()
        if event.event == "snapshot":
            self.rows = {row["id"]: row for row in data}
        elif event.event == "deleted":
            if self.rows.pop(data["pk"], None) is None:
                self.wrong.append(("deleted twice, or never there", data))
        elif (event.event == "created") == (data["id"] in self.rows):
            self.wrong.append((event.event, data, self.rows.get(data["id"])))
        else:
            if data["id"] in self.rows and float(data["total"]) <= float(self.rows[data["id"]]["total"]):
                self.wrong.append(("seen before", data, self.rows[data["id"]]))
            self.rows[data["id"]] = data


def drain(stream: SyncStream, replica: Replica) -> None:
    try:
        for _ in range(50):  # while others write there is always more
            replica.apply(stream.next(timeout=0.01))
    except AssertionError:  # nothing more just now
        pass


@pytest.mark.parametrize("resuming", [False, True], ids=["staying", "coming back"])
def test_overlapping_writers(overlapping: str, serve: Serve, sse_client: StreamClient, resuming: bool) -> None:  # noqa: C901
    class OrderFeed(ModelFeed):
        model = Order
        fields = ["id", "total"]

        def channels_for(self, order: Order) -> list[str]:
            return [f"customer:{order.customer_id}"]

        def channels(self, request: HttpRequest) -> list[str]:
            return [f"customer:{request.GET['customer']}"]

        def get_queryset(self, request: HttpRequest) -> Any:
            return Order.objects.filter(customer=request.GET["customer"])

    serve(OrderFeed.as_view())
    customers = [Customer.objects.create(name=name) for name in "ab"]
    shared = [Order.objects.create(customer=customers[0]) for _ in range(4)]
    done = threading.Event()
    failed: list[BaseException] = []

    def write(seed: int) -> None:
        dice = random.Random(seed)
        mine: list[int] = []
        version = 0
        try:
            while not done.is_set():
                with transaction.atomic(using=overlapping):
                    version += 1
                    what = dice.random()
                    if what < 0.35 or not mine:
                        mine.append(Order.objects.create(customer=dice.choice(customers), total=version).pk)
                    elif what < 0.5:
                        Order.objects.get(pk=mine.pop(0)).delete()
                    elif what < 0.8:
                        order = Order.objects.get(pk=dice.choice(mine))
                        order.customer, order.total = dice.choice(customers), version
                        order.save()
                    else:
                        order = Order.objects.select_for_update().get(pk=dice.choice(shared).pk)
                        order.total += 1
                        order.customer = dice.choice(customers)
                        order.save()
                    time.sleep(dice.random() / 100)  # so that transactions overlap
        except BaseException as error:
            failed.append(error)
        finally:
            connections[overlapping].close()

    writers = [threading.Thread(target=write, args=(seed,)) for seed in range(4)]
    with live_backend():
        for writer in writers:
            writer.start()
        readers: list[tuple[Customer, SyncStream, Replica]] = []
        try:
            for index in range(10):
                customer, replica = customers[index % 2], Replica()
                stream = sse_client.stream(f"/?customer={customer.pk}").__enter__()
                replica.apply(stream.next())
                if resuming:
                    stream.disconnect()
                    stream = sse_client.stream(f"/?customer={customer.pk}", last_event_id=replica.id).__enter__()
                readers.append((customer, stream, replica))
                for _, other, theirs in readers:
                    drain(other, theirs)
            done.set()
            for writer in writers:
                writer.join(30)
            assert not failed
            for customer, stream, replica in readers:
                want = {o.pk: float(o.total) for o in Order.objects.filter(customer=customer)}

                def agrees(stream: Any = stream, replica: Any = replica, want: Any = want) -> bool:
                    drain(stream, replica)
                    return want == {pk: float(row["total"]) for pk, row in replica.rows.items()}

                until(agrees, 10, "the page shows what is in the database")
                assert replica.wrong == []
        finally:
            done.set()
            for _, stream, _ in readers:
                stream.disconnect()


def test_a_snapshot_is_taken_in_one_repeatable_read_transaction(
    postgres: str, serve: Serve, sse_client: StreamClient
) -> None:
    """Somebody commits between the head and the rows: the snapshot shows neither, and the event comes."""

    class OrderFeed(ModelFeed):
        model = Order
        fields = ["id"]

        def get_queryset(self, request: HttpRequest) -> Any:
            return Order.objects.filter(pk__in=_slowly(Order.objects.all()))

    def _slowly(queryset: Any) -> Any:
        return queryset.values("pk")

    backend = get_backend()
    head = backend.head

    def and_then_somebody_commits() -> str:
        cursor = head()
        if connections[postgres].in_atomic_block and not made:
            thread = threading.Thread(target=create)
            thread.start()
            thread.join()
        return cursor

    made: list[int] = []

    def create() -> None:
        made.append(Order.objects.create().pk)
        connections[postgres].close()

    backend.head = and_then_somebody_commits  # type: ignore[method-assign]
    try:
        serve(OrderFeed.as_view())
        with live_backend(), sse_client.stream("/") as stream:
            assert stream.next().json() == []
            assert stream.next().json() == {"id": made[0]}
    finally:
        backend.head = head  # type: ignore[method-assign]


def test_what_the_rows_show_already_is_left_out_also_for_one_that_comes_back(
    postgres: str, serve: Serve, sse_client: StreamClient
) -> None:
    """An event that was committed but had no place when the snapshot was taken."""

    class NoteFeed(ModelFeed):
        model = Note
        fields = ["slug"]

    backend: Any = get_backend()
    settled = backend._table.settled
    backend._table.settled = lambda connection, place: backend._table.look(connection, place)  # nobody gives places
    try:
        serve(NoteFeed.as_view())
        Note.objects.create(slug="a")
        with sse_client.stream("/") as stream:
            snapshot = stream.next()
        assert snapshot.json() == [{"slug": "a"}]
        assert len(Place.parse(snapshot.id).skip) == 1
    finally:
        backend._table.settled = settled
    with live_backend(), sse_client.stream("/", last_event_id=snapshot.id) as stream:
        Note.objects.create(slug="b")
        assert stream.next().json() == {"slug": "b"}


def test_readers_do_not_make_writers_wait_on_sqlite(sqlite_alias: str, serve: Serve, sse_client: StreamClient) -> None:
    """A snapshot begins a transaction that only reads, whatever `transaction_mode` says."""
    from tests.feeds.conftest import one_database

    for alias in one_database(sqlite_alias):

        class NoteFeed(ModelFeed):
            model = Note
            fields = ["slug"]

        get_backend().head()  # the log has a name now
        begun: list[str] = []

        def spy(execute: Any, sql: str, params: Any, many: bool, context: Any, begun: list[str] = begun) -> Any:
            begun.append(sql)
            return execute(sql, params, many, context)

        serve(NoteFeed.as_view())
        with connections[alias].execute_wrapper(spy), sse_client.stream("/") as stream:
            assert stream.next().json() == []
        assert [sql for sql in begun if sql.startswith("BEGIN")] == ["BEGIN DEFERRED"]
        assert connections[alias].transaction_mode == "IMMEDIATE"  # type: ignore[attr-defined]


def test_the_places_text_goes_there_and_back() -> None:
    place = Place("e-1-aa", frozenset({"bb", "cc"}))
    assert str(place) == "e-1-aa~bb~cc"
    assert Place.parse(str(place)) == place
    assert str(Place("e-1-aa", frozenset(map(str, range(100))))) == "e-1-aa"
