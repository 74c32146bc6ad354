"""A response from a subscription, read as a server reads it: what is there leaves together, and every way out is an end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import override_settings

from sse_django import EventSourceResponse, publish, subscribe
from sse_django.relay import Relay
from sse_django.signals import stream_closed
from sse_django.testing import live_backend

MEMORY = {"BACKENDS": {"default": {"BACKEND": "sse_django.backends.memory.MemoryBackend"}}}


@pytest.fixture(autouse=True)
def memory() -> Iterator[None]:
    with override_settings(SSE_DJANGO=MEMORY), live_backend():
        yield


@pytest.fixture
def outcomes() -> Iterator[list[tuple[str, int]]]:
    seen: list[tuple[str, int]] = []

    def closed(outcome: str, events: int, **kwargs: Any) -> None:
        seen.append((outcome, events))

    stream_closed.connect(closed)
    yield seen
    stream_closed.disconnect(closed)


def read(response: EventSourceResponse) -> Relay:
    body = aiter(response)
    assert isinstance(body, Relay)
    return body


async def test_what_came_while_the_server_was_busy_leaves_in_one_chunk() -> None:
    body = read(EventSourceResponse(subscribe("a")))
    assert (await anext(body)).startswith(b"id: ")
    for number in range(3):
        publish("a", number)
    wires = b""
    while wires.count(b"data: ") < 3:
        chunk = await asyncio.wait_for(anext(body), 10)  # the first is awaited, so the hub may have seen only some
        wires += chunk
    assert [line for line in wires.split(b"\n") if line.startswith(b"data")] == [b"data: 0", b"data: 1", b"data: 2"]
    await body.aclose()


async def test_readers_of_an_event_share_its_bytes() -> None:
    bodies = [read(EventSourceResponse(subscribe("a"))) for _ in range(3)]
    for body in bodies:
        await anext(body)
    waiting = [asyncio.ensure_future(anext(body)) for body in bodies]
    async with asyncio.timeout(30):  # until then each gets a page of the engine's, of its own
        while not all(body._reader is not None and body._reader._joined for body in bodies):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    publish("a", 1)
    first, *others = await asyncio.wait_for(asyncio.gather(*waiting), 10)
    assert all(other is first for other in others)
    for body in bodies:
        await body.aclose()


async def test_a_stream_that_is_closed_while_it_sleeps_ends_and_says_why(outcomes: list[tuple[str, int]]) -> None:
    response = EventSourceResponse(subscribe("a"))
    body = read(response)
    await anext(body)
    sleeping = asyncio.ensure_future(anext(body))
    await asyncio.sleep(0)
    response.event_stream.close("kicked")
    with pytest.raises(StopAsyncIteration):
        await asyncio.wait_for(sleeping, 10)
    await body.aclose()
    await body.aclose()
    assert outcomes == [("kicked", 1)]


async def test_a_stream_that_is_closed_while_the_server_sends_ends_after_that(outcomes: list[tuple[str, int]]) -> None:
    response = EventSourceResponse(subscribe("a"))
    body = read(response)
    await anext(body)
    response.event_stream.close("kicked")
    with pytest.raises(StopAsyncIteration):
        await anext(body)
    assert outcomes == [("kicked", 1)], "also for those who don't close what they iterate"


async def test_a_server_that_is_cancelled_leaves_nothing_behind(outcomes: list[tuple[str, int]]) -> None:
    subscription = subscribe("a")
    body = read(EventSourceResponse(subscription))
    await anext(body)
    sleeping = asyncio.ensure_future(anext(body))
    await asyncio.sleep(0)
    sleeping.cancel()
    publish("a", 1)
    with pytest.raises(asyncio.CancelledError):
        await sleeping
    await body.aclose()
    assert outcomes == [("disconnected", 1)]
    assert subscription.closed == "disconnected"


async def test_it_is_sending_from_the_time_that_a_chunk_is_taken_until_the_next_is_asked_for() -> None:
    response = EventSourceResponse(subscribe("a"))
    body = read(response)
    await anext(body)
    assert response.event_stream.sending_since is not None
    sleeping = asyncio.ensure_future(anext(body))
    await asyncio.sleep(0)
    assert response.event_stream.sending_since is None
    sleeping.cancel()
    await body.aclose()


async def test_silence_is_broken_by_a_ping_with_the_newest_cursor() -> None:
    body = read(EventSourceResponse(subscribe("a"), ping_interval=0.1))
    first = await anext(body)
    assert await asyncio.wait_for(anext(body), 10) == b": ping\n" + first
    publish("b", 1)
    while (ping := await asyncio.wait_for(anext(body), 10)) == b": ping\n" + first:
        pass
    assert ping.startswith(b": ping\nid: ")
    await body.aclose()


async def test_a_subscription_is_read_once() -> None:
    subscription = subscribe("a")
    body, second = (read(EventSourceResponse(subscription)) for _ in range(2))
    await anext(body)
    with pytest.raises(RuntimeError, match="subscribe once for each reader"):
        await anext(second)
    await body.aclose()
