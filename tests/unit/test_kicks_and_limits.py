"""Streams that are ended or refused: kicks, logging out, caps; and the signals that tell of it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from typing import Any

import pytest
from django.contrib.auth import alogout
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import path

from sse_django import EventSourceResponse, akick, event_stream, kick, publish, subscribe
from sse_django.backends import BaseBackend, Message
from sse_django.backends.memory import MemoryBackend
from sse_django.eventstream import EventStream
from sse_django.exceptions import PublishError
from sse_django.kicks import kick_session
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


class DownBackend(MemoryBackend):
    def publish(self, messages: Sequence[Message]) -> None:
        raise PublishError("it is down")


def test_logging_out_is_told_by_every_log_that_is_up(settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Streams of another process may read any of them."""
    down = {"BACKEND": f"{__name__}.DownBackend"}
    settings.SSE_DJANGO = {"BACKENDS": {"down": down, **MEMORY, "second": MEMORY["default"]}}
    told: list[tuple[str, tuple[str, ...]]] = []

    def published(backend: BaseBackend, channels: tuple[str, ...], **kwargs: Any) -> None:
        told.append((backend.alias, channels))

    event_published.connect(published)
    try:
        kick_session("digest")
    finally:
        event_published.disconnect(published)
    assert told == [("default", ("_sse:kick",)), ("second", ("_sse:kick",))]
    assert [record.args for record in caplog.records] == [("down",)]


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


async def test_the_end_of_a_stream_is_told_though_its_task_is_cancelled_meanwhile() -> None:
    """A stream is cut, and while that is being told the server learns that its client has gone."""
    reached, go_on, done = asyncio.Event(), asyncio.Event(), asyncio.Event()
    told: list[str] = []

    async def closed(outcome: str, **kwargs: Any) -> None:
        reached.set()
        await go_on.wait()
        told.append(outcome)
        done.set()

    def numbers() -> Iterator[int]:
        yield 1
        yield 2

    async def send() -> None:
        body = aiter(EventSourceResponse(numbers()))
        await anext(body)
        await body.aclose()

    stream_closed.connect(closed, sender=EventStream)
    try:
        sending = asyncio.create_task(send())
        await asyncio.wait_for(reached.wait(), 30)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        go_on.set()
        await asyncio.wait_for(done.wait(), 30)
    finally:
        stream_closed.disconnect(closed, sender=EventStream)
    assert told == ["disconnected"]


async def test_the_end_of_a_stream_is_told_though_nobody_waits_for_its_generator() -> None:
    """As before, with a generator in the middle of a step."""
    busy, go_on = threading.Event(), threading.Event()
    told: list[str] = []

    def closed(outcome: str, **kwargs: Any) -> None:
        told.append(outcome)

    def sleeper() -> Iterator[int]:
        busy.set()
        go_on.wait(30)
        yield 1

    stream_closed.connect(closed, sender=EventStream)
    body = aiter(EventSourceResponse(sleeper()))
    try:
        await anext(body)  # a comment, since there is no event yet
        assert await asyncio.to_thread(busy.wait, 5)
        sending = asyncio.create_task(body.aclose())
        await asyncio.sleep(0)  # it is there, and waits for the generator
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert told == ["disconnected"]
    finally:
        go_on.set()
        stream_closed.disconnect(closed, sender=EventStream)
