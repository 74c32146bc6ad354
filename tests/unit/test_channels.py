"""Publish anywhere, subscribe in a view: through the real handlers, on the memory backend."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import decimal
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections, transaction
from django.http import HttpRequest
from django.test import TestCase, override_settings
from django.utils.translation import gettext_lazy
from pydantic import BaseModel

from sse_django import (
    EventSourceResponse,
    ServerSentEvent,
    apublish,
    event_stream,
    last_event_id,
    publish,
    subscribe,
)
from sse_django.backends import get_backend
from sse_django.encoding import Encoder
from sse_django.hubs import get_hub
from sse_django.testing import AsyncStreamClient, StreamClient, capture_events, live_backend
from tests.app.models import Product

Serve = Callable[..., None]
MEMORY = {"BACKENDS": {"default": {"BACKEND": "sse_django.backends.memory.MemoryBackend"}}}


@pytest.fixture(autouse=True)
def _memory() -> Iterator[None]:
    with override_settings(SSE_DJANGO=MEMORY), live_backend():
        yield


class Order(BaseModel):
    pk: int


@event_stream
async def relayed(request: HttpRequest) -> AsyncIterator[Any]:
    async for event in subscribe("orders", "other", after=last_event_id(request)):
        yield event


@event_stream
def relayed_sync(request: HttpRequest) -> Iterable[Any]:
    yield from subscribe("orders", "other", after=last_event_id(request))


@event_stream
async def returned(request: HttpRequest) -> Any:
    return subscribe("orders", "other", after=last_event_id(request))


async def by_hand(request: HttpRequest) -> EventSourceResponse:
    return EventSourceResponse(subscribe("orders", "other", after=last_event_id(request)))


VIEWS = pytest.mark.parametrize("view", [relayed, relayed_sync, returned, by_hand], ids=lambda v: v.__name__)


@VIEWS
async def test_the_cursor_comes_first_and_then_what_is_published(
    serve: Serve, async_sse_client: AsyncStreamClient, view: Any
) -> None:
    publish("orders", "before")
    serve(view)
    async with async_sse_client.stream("/") as stream:
        await stream.wait_for(lambda s: s.last_event_id != "")
        head = get_backend().head()
        assert stream.body == f"id: {head}\n\n".encode()
        await apublish("orders", Order(pk=1), event="created")
        event = await stream.next()
        assert (event.event, event.json(), event.id) == ("created", {"pk": 1}, get_backend().head())
        publish(["orders", "other"], {"n": 2})
        publish("elsewhere", {"n": 3})
        publish("other", ServerSentEvent(raw_data="4", event="raw"))
        assert [e.data for e in await stream.take(2)] == ['{"n":2}', "4"]


@dataclasses.dataclass
class Line:
    """An item that isn't a Pydantic model."""

    price: decimal.Decimal
    on: dt.date


@pytest.mark.parametrize(
    "item",
    [
        None,
        "straße",
        "one\nline\r\nand another",
        "\ud800",
        1.5,
        float("nan"),
        [1, {"a": None}],
        decimal.Decimal("1.20"),
        dt.timedelta(minutes=1),
        uuid.UUID(int=1),
        gettext_lazy("Monday"),
        Order(pk=1),
        Line(decimal.Decimal("2.50"), dt.date(2026, 1, 2)),
        Product(pk=3, name="Plumbus"),
        ServerSentEvent(data={"a": 1}, event="named", retry=5, comment="why"),
        ServerSentEvent(raw_data="<li>raw</li>"),
    ],
    ids=lambda item: type(item).__name__,
)
def test_what_a_view_can_yield_can_be_published_and_looks_the_same(
    sse_client: StreamClient, serve: Serve, item: Any
) -> None:
    serve(returned)
    with sse_client.stream("/") as stream:
        stream.wait_for(lambda s: s.last_event_id != "")
        opening = len(stream.body)
        publish("orders", item)
        stream.next()
    lines = stream.body[opening:].split(b"\n")
    assert [line for line in lines if not line.startswith(b"id:")] == Encoder()(item).split(b"\n")


@VIEWS
def test_the_same_under_wsgi(serve: Serve, sse_client: StreamClient, view: Any) -> None:
    serve(view)
    with sse_client.stream("/") as stream:
        stream.wait_for(lambda s: s.last_event_id != "")
        publish("orders", {"n": 1})
        assert stream.next().json() == {"n": 1}


@VIEWS
async def test_who_comes_back_gets_what_it_missed_also_before_its_first_event(
    serve: Serve, async_sse_client: AsyncStreamClient, view: Any
) -> None:
    serve(view)
    async with async_sse_client.stream("/") as stream:
        await stream.wait_for(lambda s: s.last_event_id != "")
        cursor = stream.last_event_id
    for n in range(3):
        publish("orders", n)
    async with async_sse_client.stream("/", last_event_id=cursor) as stream:
        assert stream.status_code == 200
        assert [e.json() for e in await stream.take(3)] == [0, 1, 2]
        cursor = stream.last_event_id
    async with async_sse_client.stream("/", last_event_id=cursor) as stream:
        publish("orders", 3)
        assert (await stream.next()).json() == 3


async def test_a_cursor_of_another_log_is_a_reset(serve: Serve, async_sse_client: AsyncStreamClient) -> None:
    serve(returned)
    async with async_sse_client.stream("/", last_event_id="nonsense") as stream:
        event = await stream.next()
        assert (event.event, event.json()) == ("stream-reset", {"reason": "epoch"})
        assert event.id == get_backend().head()
        publish("orders", 1)
        assert (await stream.next()).json() == 1


async def test_rotation_of_the_epoch_tells_everybody(serve: Serve, async_sse_client: AsyncStreamClient) -> None:
    serve(returned)
    async with async_sse_client.stream("/") as one, async_sse_client.stream("/") as two:
        for stream in (one, two):
            await stream.wait_for(lambda s: s.last_event_id != "")
        get_backend().rotate_epoch()
        for stream in (one, two):
            assert (await stream.next()).event == "stream-reset"


async def test_pings_carry_the_newest_cursor(serve: Serve, async_sse_client: AsyncStreamClient) -> None:
    async def view(request: HttpRequest) -> EventSourceResponse:
        return EventSourceResponse(subscribe("orders"), ping_interval=0.3)

    serve(view)
    async with async_sse_client.stream("/") as stream:
        await stream.wait_for(lambda s: s.last_event_id != "")
        publish("elsewhere", 1)
        head = get_backend().head()
        await stream.wait_for(lambda s: s.last_event_id == head)
        assert f": ping\nid: {head}\n\n".encode() in stream.body


async def test_a_changed_event_is_written_anew_and_its_data_is_decoded(
    serve: Serve, async_sse_client: AsyncStreamClient
) -> None:
    @event_stream
    async def view(request: HttpRequest) -> AsyncIterator[Any]:
        async for event in subscribe("orders"):
            if event.event == "double":
                event.data = event.data * 2
            yield event

    serve(view)
    async with async_sse_client.stream("/") as stream:
        await stream.wait_for(lambda s: s.last_event_id != "")
        publish("orders", 21, event="double")
        publish("orders", 1)
        first, second = await stream.take(2)
        assert (first.json(), first.event, second.json()) == (42, "double", 1)
        assert first.id != second.id


async def test_a_hundred_streams_get_everything_in_one_order(serve: Serve, async_sse_client: AsyncStreamClient) -> None:
    serve(returned)
    streams = [async_sse_client.stream("/") for _ in range(100)]
    for stream in streams:
        await stream.__aenter__()
    for stream in streams:
        await stream.wait_for(lambda s: s.last_event_id != "")
    threads = [
        threading.Thread(target=lambda n=n: [publish("orders", f"{n}-{i}") for i in range(25)]) for n in range(4)
    ]
    for thread in threads:
        thread.start()
    received = [[e.data for e in await stream.take(100)] for stream in streams]
    assert all(events == received[0] for events in received)
    assert len(set(received[0])) == 100
    for stream in streams:
        await stream.disconnect()
    assert get_hub("default").readers == 0


def test_it_can_be_read_without_a_request() -> None:
    got: list[Any] = []
    first = threading.Event()

    def read() -> None:
        for event in subscription:
            first.set()
            if event.data is not None:
                got.append(event.data)
            if len(got) == 2:
                break

    subscription = subscribe("orders")
    thread = threading.Thread(target=read)
    thread.start()
    assert first.wait(30)
    publish("orders", 1)
    publish("orders", {"two": 2})
    thread.join(30)
    assert got == [1, {"two": 2}]
    with pytest.raises(RuntimeError, match="is read already"):
        next(iter(subscription))


def test_close_ends_it_from_another_thread() -> None:
    subscription = subscribe("orders")
    thread = threading.Thread(target=lambda: list(subscription))
    thread.start()
    deadline = time.monotonic() + 30
    while get_hub("default").readers == 0 and time.monotonic() < deadline:
        time.sleep(0.01)
    subscription.close("kicked")
    thread.join(30)
    assert not thread.is_alive()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: publish("", 1), ValueError, "1 to 200 characters"),
        (lambda: publish("a b", 1), ValueError, "without spaces"),
        (lambda: publish("x" * 201, 1), ValueError, "1 to 200"),
        (lambda: publish("_sse:kick", 1), ValueError, "sse_django's own"),
        (lambda: publish([], 1), ValueError, "1 to 100 channels"),
        (lambda: publish(5, 1), TypeError, "not iterable"),
        (lambda: publish([5], 1), TypeError, "a channel is a string, got 5"),
        (lambda: publish("a", object()), TypeError, "no JSON form"),
        (lambda: publish("a", 1, event="a\nb"), ValueError, "single line"),
        (lambda: publish("a", 1, event=""), ValueError, "1 to 200 characters"),
        (lambda: publish("a", 1, event="stream-reset"), ValueError, "publish under another name"),
        (lambda: publish("a", 1, key=5), TypeError, "a key is a string"),
        (lambda: publish("a", ServerSentEvent(data=1, id="1")), ValueError, "the log gives the ids"),
        (lambda: publish("a", "x" * 2_000_000), ValueError, "2000002 bytes is over the 1048576"),
        (lambda: subscribe(), ValueError, "1 to 100 channels"),
        (lambda: subscribe("a", after=5), TypeError, "after is a cursor"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


async def test_a_key_makes_a_repeat_one_event(serve: Serve, async_sse_client: AsyncStreamClient) -> None:
    serve(returned)
    async with async_sse_client.stream("/") as stream:
        await stream.wait_for(lambda s: s.last_event_id != "")
        for _ in range(3):
            publish("orders", "once", key="k")
        publish("orders", "end")
        assert [e.json() for e in await stream.take(2)] == ["once", "end"]


@pytest.mark.django_db(transaction=True)
def test_outside_the_database_an_event_waits_for_the_commit() -> None:
    before = get_backend().head()
    with pytest.raises(RuntimeError, match="rolled back"), transaction.atomic():  # noqa: PT012
        publish("orders", 1)
        raise RuntimeError("rolled back")
    assert get_backend().head() == before
    with transaction.atomic():
        publish("orders", 1)
        assert get_backend().head() == before
    assert get_backend().head() != before


def test_it_waits_for_the_commit_of_whichever_database_is_in_a_transaction(
    django_db_blocker: Any, tmp_path: Path
) -> None:
    connections.settings["other"] = {**connections.settings["default"], "NAME": tmp_path / "other.sqlite3"}
    try:
        before = get_backend().head()
        with django_db_blocker.unblock(), transaction.atomic(using="other"):
            publish("orders", 1)
            assert get_backend().head() == before
        assert get_backend().head() != before
    finally:
        connections["other"].close()
        del connections["other"]
        del connections.settings["other"]


class CaptureTest(TestCase):
    """A TestCase never commits, and still sees what it published."""

    def test_capture_events(self) -> None:
        with capture_events() as events:
            publish(["a", "b"], {"n": 1}, event="created", key="k")
            publish("c", "text")
        publish("a", "later")
        assert len(events) == 2
        assert (events[0].channels, events[0].event, events[0].json(), events[0].key) == (
            ("a", "b"),
            "created",
            {"n": 1},
            "k",
        )
        assert events.of("c")[0].json() == "text"
        assert events.of("a", "deleted") == []


async def test_without_a_live_backend_nothing_starts(serve: Serve) -> None:
    with override_settings(SSE_DJANGO=MEMORY):
        from sse_django import hubs

        live, hubs._live = hubs._live, 0
        try:
            subscription = subscribe("orders")
            iterator = aiter(subscription)
            task = asyncio.ensure_future(anext(iterator))
            await asyncio.sleep(0.05)
            assert not any(t.name.startswith("sse-hub") for t in threading.enumerate())
            subscription.close("disconnected")
            with pytest.raises(StopAsyncIteration):
                await task
        finally:
            hubs._live = live
