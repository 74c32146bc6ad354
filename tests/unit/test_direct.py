"""A subscription's body that calls the server's `send` itself: it is as the other in all but who sends."""

from __future__ import annotations

import asyncio
import functools
import types
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest
from django.test import override_settings
from uvicorn.protocols.http.h11_impl import RequestResponseCycle as H11Cycle
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle as HttpToolsCycle

from sse_django import EventSourceResponse, publish, subscribe
from sse_django.asgi import EventStreamASGIHandler, is_proven
from sse_django.direct import LIMIT, DirectRelay
from sse_django.relay import Relay
from sse_django.signals import stream_closed
from sse_django.testing import live_backend

MEMORY = {"BACKENDS": {"default": {"BACKEND": "sse_django.backends.memory.MemoryBackend"}}}


class Client:
    """Stands for uvicorn's side of a connection: `send` waits while `reading` is cleared."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.reading = asyncio.Event()
        self.reading.set()
        self.error: Exception | None = None
        self.cancelled = 0
        self.called = 0

    async def send(self, message: dict[str, Any]) -> None:
        assert message["type"] == "http.response.body"
        assert message["more_body"] is True
        assert not self.called, "one at a time: the order of those that wait is nobody's promise"
        self.called += 1
        try:
            await self.reading.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.called -= 1
        if self.error is not None:
            raise self.error
        self.sent.append(message["body"])

    def data(self) -> list[str]:
        lines = b"".join(self.sent).decode().split("\n")
        return [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]


class Served:
    """What Django's handler does with a response, in a task: it reads the body and sends it."""

    def __init__(self, client: Client, response: EventSourceResponse) -> None:
        self.client = client
        self.response = response
        self.handed: list[bytes] = []  # what went through the task
        self.task = asyncio.ensure_future(self._serve())

    async def _serve(self) -> None:
        body = aiter(self.response)
        try:
            async for chunk in body:
                self.handed.append(chunk)
                await self.client.send({"type": "http.response.body", "body": chunk, "more_body": True})
        finally:
            await body.aclose()  # type: ignore[attr-defined]

    async def leave(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])


@pytest.fixture(autouse=True)
def memory() -> Iterator[None]:
    with override_settings(SSE_DJANGO=MEMORY), live_backend():
        yield


@pytest.fixture
def outcomes() -> Iterator[list[str]]:
    seen: list[str] = []

    def closed(outcome: str, **kwargs: Any) -> None:
        seen.append(outcome)

    stream_closed.connect(closed)
    yield seen
    stream_closed.disconnect(closed)


async def until(condition: Any) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - what it waits for comes from another thread
            await asyncio.sleep(0.005)


async def serve(client: Client, ping_interval: float | None = None) -> Served:
    response = EventSourceResponse(subscribe("a"), ping_interval=ping_interval)
    response.send_by(client.send)
    served = Served(client, response)
    await until(lambda: client.sent and in_ring(served))
    return served


def in_ring(served: Served) -> bool:
    relay = served.response.event_stream._relay
    assert isinstance(relay, DirectRelay)
    return relay._reader is not None and relay._reader._joined and relay._future is not None


async def test_events_go_out_while_the_servers_task_sleeps() -> None:
    client = Client()
    served = await serve(client)
    for number in range(20):
        publish("a", number)
    await until(lambda: len(client.data()) == 20)
    assert client.data() == [str(number) for number in range(20)]
    assert served.handed[0].startswith(b"id: "), "the cursor goes the usual way"
    assert len(served.handed) < len(client.sent), "and none of the events had to"
    await served.leave()


async def test_a_client_that_does_not_read_holds_its_own_events_back_and_gets_all_of_them_in_order() -> None:
    slow, quick = Client(), Client()
    streams = [await serve(slow), await serve(quick)]
    slow.reading.clear()
    for number in range(200):
        publish("a", number)
        if number == 0:
            await until(lambda: streams[0].response.event_stream.sending_since is not None)
    await until(lambda: len(quick.data()) == 200)
    assert slow.data() == []
    slow.reading.set()
    await until(lambda: len(slow.data()) == 200)
    assert slow.data() == quick.data() == [str(number) for number in range(200)]
    assert streams[0].response.event_stream.sending_since is None
    publish("a", "after")
    await until(lambda: slow.data()[-1] == quick.data()[-1] == '"after"')
    for served in streams:
        await served.leave()


async def test_a_client_that_leaves_while_it_is_waited_for_leaves_nothing_behind(outcomes: list[str]) -> None:
    client = Client()
    served = await serve(client)
    client.reading.clear()
    publish("a", 1)
    await until(lambda: served.response.event_stream.sending_since is not None)
    await served.leave()
    await until(lambda: client.cancelled)
    assert outcomes == ["disconnected"]
    assert client.data() == []


async def test_a_stream_that_is_closed_while_its_client_is_waited_for_ends_after_that(outcomes: list[str]) -> None:
    client = Client()
    served = await serve(client)
    client.reading.clear()
    publish("a", 1)
    await until(lambda: served.response.event_stream.sending_since is not None)
    served.response.event_stream.close("kicked")
    assert not served.task.done()
    client.reading.set()
    await asyncio.wait_for(served.task, 30)
    assert client.data() == ["1"], "a chunk is whole or was never begun"
    assert outcomes == ["kicked"]


async def test_a_stream_that_is_closed_while_it_sleeps_ends(outcomes: list[str]) -> None:
    client = Client()
    served = await serve(client)
    publish("a", 1)
    await until(lambda: client.data() == ["1"])
    served.response.event_stream.close("kicked")
    await asyncio.wait_for(served.task, 30)
    assert outcomes == ["kicked"]


@pytest.mark.parametrize("waits", [False, True], ids=["at once", "after a wait"])
async def test_a_send_that_fails_is_the_servers_to_hear_of(waits: bool) -> None:
    client = Client()
    served = await serve(client)
    client.error = OSError("the connection broke off")
    if waits:
        client.reading.clear()
    publish("a", 1)
    if waits:
        await until(lambda: served.response.event_stream.sending_since is not None)
        client.reading.set()
    with pytest.raises(OSError, match="broke off"):
        await asyncio.wait_for(served.task, 30)


async def test_a_long_event_goes_through_the_servers_own_task() -> None:
    client = Client()
    served = await serve(client)
    publish("a", "x" * LIMIT)
    publish("a", "short")
    await until(lambda: client.data()[-1:] == ['"short"'])
    assert any(len(chunk) > LIMIT for chunk in served.handed)
    assert len(client.data()) == 2
    await served.leave()


async def test_silence_is_broken_by_pings_but_not_on_top_of_what_waits() -> None:
    client = Client()
    served = await serve(client, ping_interval=0.1)
    await until(lambda: sum(chunk.startswith(b": ping\nid: ") for chunk in client.sent) >= 2)
    assert not any(chunk.startswith(b": ping") for chunk in served.handed)
    client.reading.clear()
    publish("a", 1)
    await until(lambda: served.response.event_stream.sending_since is not None)
    before = len(client.sent)
    await asyncio.sleep(0.6)  # several intervals, in which nothing may be begun
    assert len(client.sent) == before
    client.reading.set()
    await until(lambda: client.data() == ["1"])
    await served.leave()


async def test_a_body_that_a_middleware_wraps_does_not_bypass_it() -> None:
    async def shouted(content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for chunk in content:
            yield chunk.upper()

    client = Client()
    response = EventSourceResponse(subscribe("a"))
    response.request = None  # type: ignore[attr-defined]
    response.streaming_content = shouted(response.streaming_content)
    response.send_by(client.send)
    served = Served(client, response)
    await until(lambda: client.sent)
    publish("a", "quiet")
    await until(lambda: any(b"QUIET" in chunk for chunk in served.handed))
    await served.leave()


async def test_an_event_that_is_found_when_a_ping_is_due_breaks_the_silence() -> None:
    client = Client()
    served = await serve(client)
    relay = served.response.event_stream._relay
    assert isinstance(relay, DirectRelay)
    assert relay._reader is not None
    with relay._reader._hub.lock:
        relay._reader.sleeper = None  # as between an event's coming and the call that was made for it
    publish("a", 1)
    await until(lambda: relay._reader._hub.ring.newest > relay._reader.at)  # type: ignore[union-attr]
    before = len(client.sent)
    relay.ping()
    assert client.data() == ["1"]
    assert len(client.sent) == before + 1
    relay.ping()
    assert client.sent[-1].startswith(b": ping\n")
    await served.leave()


async def test_a_subclass_that_wants_to_see_each_chunk_sees_each() -> None:
    class Shouting(EventSourceResponse):
        async def __aiter__(self) -> AsyncIterator[bytes]:  # type: ignore[override]
            async for chunk in super().__aiter__():
                yield chunk.upper()

    cycle = object.__new__(H11Cycle)

    async def handle(response: EventSourceResponse) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ASGIHandler, "send_response", lambda self, response, send: asyncio.sleep(0))
            await object.__new__(EventStreamASGIHandler).send_response(response, cycle.send)

    plain, own = EventSourceResponse(subscribe("a")), Shouting(subscribe("a"))
    await handle(plain)
    await handle(own)
    assert plain._send is not None
    assert own._send is None


async def test_without_a_send_it_is_the_usual_relay() -> None:
    body = aiter(EventSourceResponse(subscribe("a")))
    assert type(body) is Relay
    await body.aclose()


def test_only_uvicorns_own_send_may_be_called_so() -> None:
    for cycle in (H11Cycle, HttpToolsCycle):
        assert is_proven(object.__new__(cycle).send)
    assert not is_proven(Client.send)
    assert not is_proven(object())
    assert not is_proven(HttpRequest().read)


@pytest.mark.parametrize("cycle", [H11Cycle, HttpToolsCycle], ids=["h11", "httptools"])
def test_what_somebody_has_put_around_uvicorns_send_is_called_by_the_servers_task(
    cycle: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = cycle.send

    @functools.wraps(original)
    async def traced(self: Any, message: Any) -> None:
        async with asyncio.timeout(5):  # which only a task can do
            await original(self, message)

    class Proxy:
        def __init__(self, wrapped: Any) -> None:
            self._wrapped = wrapped

        @property
        def __class__(self) -> Any:
            return type(self._wrapped)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._wrapped, name)

        async def __call__(self, message: Any) -> None:
            await self._wrapped(message)

    connection = object.__new__(cycle)
    assert not is_proven(Proxy(connection.send))
    assert not is_proven(functools.partial(connection.send))
    assert not is_proven(types.MethodType(traced, connection))
    monkeypatch.setattr(cycle, "send", traced)
    assert not is_proven(connection.send)
