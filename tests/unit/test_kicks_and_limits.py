"""Streams that are ended or refused: kicks, logging out, caps; and the signals that tell of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from django.contrib.auth import alogout
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import path

from sse_django import EventSourceResponse, akick, event_stream, kick, publish, subscribe
from sse_django.eventstream import EventStream
from sse_django.signals import event_published, stream_closed, stream_opened
from sse_django.testing import AsyncStream, AsyncStreamClient, live_backend

Serve = Callable[..., None]
MEMORY = {"default": {"BACKEND": "sse_django.backends.memory.MemoryBackend"}}


@pytest.fixture(autouse=True)
def _memory() -> Iterator[None]:
    with override_settings(SSE_DJANGO={"BACKENDS": MEMORY}), live_backend():
        yield


async def fast(request: HttpRequest) -> EventSourceResponse:
    request.sse_user_pk = request.GET.get("user")  # type: ignore[attr-defined]
    return EventSourceResponse(subscribe(request.GET.get("channel", "a")))


@event_stream
async def relay(request: HttpRequest) -> AsyncIterator[Any]:
    request.sse_user_pk = request.GET.get("user")  # type: ignore[attr-defined]
    async for event in subscribe(request.GET.get("channel", "a")):
        yield event


async def begun(stream: AsyncStream) -> None:
    await stream.wait_for(lambda s: s.last_event_id != "")


@pytest.mark.parametrize("view", [fast, relay], ids=["fast", "relay"])
@pytest.mark.parametrize(
    ("wanted", "ended"),
    [
        ({"user": 1}, {"1a", "1b"}),
        ({"channel": "a"}, {"1a", "2a"}),
        ({"user": "1", "channel": "a"}, {"1a"}),
        ({"user": 3}, set()),
    ],
)
async def test_a_kick_ends_what_matches_and_nothing_else(
    serve: Serve, async_sse_client: AsyncStreamClient, view: Any, wanted: dict[str, Any], ended: set[str]
) -> None:
    serve(view)
    async with AsyncExitStack() as stack:
        streams = {
            user + channel: await stack.enter_async_context(
                async_sse_client.stream(
                    f"/?user={user}&channel={channel}", last_event_id="x" if view is relay else None
                )
            )
            for user in "12"
            for channel in "ab"
        }
        for stream in streams.values():
            await begun(stream)
        await akick(**wanted)
        publish(["a", "b"], "still here")
        for name, stream in streams.items():
            events = await stream.rest(1) if name in ended else [await stream.next()]
            while name not in ended and events[-1].event == "stream-reset":
                events.append(await stream.next())
            assert stream.ended == (name in ended)
            assert stream.status_code == 200
            if name not in ended:
                assert events[-1].json() == "still here"


def test_a_kick_wants_somebody() -> None:
    with pytest.raises(TypeError, match="a user, a channel, or both"):
        kick()
    with pytest.raises(ValueError, match="own"):
        kick(channel="_sse:kick")


@pytest.mark.parametrize("nobody", [AnonymousUser(), User(username="unsaved")])
def test_a_kick_of_nobody_is_no_kick_of_everybody(nobody: Any) -> None:
    for channel in (None, "a"):
        with pytest.raises(ValueError, match="a user with a primary key"):
            kick(user=nobody, channel=channel)


@pytest.mark.django_db(transaction=True)
async def test_logging_out_ends_that_sessions_streams(serve: Serve, async_sse_client: AsyncStreamClient) -> None:
    async def leave(request: HttpRequest) -> HttpResponse:
        await alogout(request)
        return HttpResponse("bye")

    async def signed_in(request: HttpRequest) -> Any:
        assert (await request.auser()).is_authenticated
        return EventSourceResponse(subscribe("a"))

    serve(signed_in)
    from django.conf import settings

    settings.ROOT_URLCONF.urlpatterns.append(path("leave/", leave))
    user = await User.objects.acreate(username="ann")
    other = AsyncStreamClient()
    await async_sse_client.aforce_login(user)
    await other.aforce_login(user)
    async with async_sse_client.stream("/") as mine, other.stream("/") as elsewhere:
        await begun(mine)
        await begun(elsewhere)
        await async_sse_client.get("/leave/")
        await mine.rest(2)
        assert mine.ended
        publish("a", 1)
        assert (await elsewhere.next()).json() == 1


async def test_streams_of_a_process_are_capped_with_a_time_to_come_back(
    serve: Serve, async_sse_client: AsyncStreamClient
) -> None:
    serve(fast)
    with override_settings(SSE_DJANGO={"BACKENDS": MEMORY, "MAX_STREAMS": 1}):
        async with async_sse_client.stream("/") as first:
            await begun(first)
            async with async_sse_client.stream("/") as second:
                await second.rest()
                assert (second.status_code, second.body[:7]) == (200, b"retry: ")
        async with async_sse_client.stream("/") as third:
            await begun(third)


async def test_streams_of_a_user_are_capped(serve: Serve, async_sse_client: AsyncStreamClient) -> None:
    serve(fast)
    with override_settings(SSE_DJANGO={"BACKENDS": MEMORY, "MAX_STREAMS_PER_USER": 1}):
        async with async_sse_client.stream("/?user=1") as first, async_sse_client.stream("/?user=2") as other:
            await begun(first)
            await begun(other)
            async with async_sse_client.stream("/?user=1") as second:
                await second.rest()
                assert second.body.startswith(b"retry: ")


async def test_signals_tell_of_streams_and_events(serve: Serve, async_sse_client: AsyncStreamClient) -> None:
    told: list[tuple[str, Any]] = []

    def opened(request: HttpRequest, **kwargs: Any) -> None:
        told.append(("opened", request.path))

    async def closed(request: HttpRequest, outcome: str, duration: float, events: int, **kwargs: Any) -> None:
        assert 0 <= duration < 10
        told.append((outcome, events))

    def published(channels: tuple[str, ...], event: str | None, **kwargs: Any) -> None:
        told.append(("published", (channels, event)))

    @event_stream
    async def finite(request: HttpRequest) -> AsyncIterator[int]:
        yield 1
        if "fail" in request.GET:
            raise RuntimeError("no")

    for signal, receiver in ((stream_opened, opened), (stream_closed, closed)):
        signal.connect(receiver, sender=EventStream)
    event_published.connect(published)
    try:
        serve(finite)
        for query in ("", "?fail"):
            async with async_sse_client.stream("/" + query) as stream:
                await stream.rest()
        serve(fast)
        async with async_sse_client.stream("/") as stream:
            await begun(stream)
            publish("a", 1, event="e")
            await stream.next()
        async with async_sse_client.stream("/") as stream:
            await begun(stream)
            await asyncio.to_thread(kick, channel="a")
            await stream.rest()
    finally:
        stream_opened.disconnect(opened, sender=EventStream)
        stream_closed.disconnect(closed, sender=EventStream)
        event_published.disconnect(published)
    assert told == [
        ("opened", "/"),
        ("finished", 1),
        ("opened", "/"),
        ("error", 1),
        ("opened", "/"),
        ("published", (("a",), "e")),
        ("disconnected", 2),
        ("opened", "/"),
        ("published", (("_sse:kick",), "kick")),
        ("kicked", 1),
    ]
