"""What is answered before the first event: how long it is waited for, who ends a stream before it, who is sent away."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.test import RequestFactory

from sse_django import EventSourceResponse, EventStreamView, event_stream, last_event_id
from sse_django.respond import StreamOptions, _outcome, _start_timeout
from sse_django.signals import stream_closed, stream_opened
from sse_django.testing import AsyncStreamClient, StreamClient

Serve = Callable[..., None]
REFERENCE = Path(__file__).parents[2] / "docs/reference.md"

# -- ended before the first event


@pytest.fixture
def outcomes() -> Iterator[list[str]]:
    """Why each stream of the test ended."""
    seen: list[str] = []

    def closed(outcome: str, **kwargs: object) -> None:
        seen.append(outcome)

    stream_closed.connect(closed)
    yield seen
    stream_closed.disconnect(closed)


@pytest.mark.usefixtures("real_waits")  # the sync generator goes on for long after its stream
@pytest.mark.parametrize(("kind", "server"), [("async", "asgi"), ("async", "wsgi"), ("sync", "wsgi")])
@pytest.mark.parametrize(
    ("options", "outcome"),
    [
        # A lifetime ends with the response, which has to begin first.
        ({"max_duration": 0.05, "start_timeout": 0.01}, "lifetime"),
        # The start timeout is out of reach, so it is the end itself that is answered.
        ({"recheck": lambda request: False, "recheck_interval": 0.05, "start_timeout": 60}, "recheck"),
    ],
    ids=["max_duration", "recheck"],
)
async def test_a_resumed_stream_that_is_ended_before_its_first_event_is_200_so_that_its_client_comes_back(
    serve: Serve, outcomes: list[str], options: Any, outcome: str, kind: str, server: str
) -> None:
    over = threading.Event()

    @event_stream(**options)
    async def async_view(request: HttpRequest) -> AsyncIterator[int]:
        await asyncio.sleep(3600)
        yield 1

    @event_stream(**options)
    def sync_view(request: HttpRequest) -> Iterable[int]:
        if over.wait(60) is None:
            yield 1

    async def under_asgi() -> tuple[int, list[Any]]:
        async with AsyncStreamClient().stream("/", last_event_id="1") as stream:
            return stream.status_code, await stream.rest()

    def under_wsgi() -> tuple[int, list[Any]]:
        with StreamClient().stream("/", last_event_id="1") as stream:
            return stream.status_code, stream.rest()

    serve(async_view if kind == "async" else sync_view)
    try:
        status, events = await (under_asgi() if server == "asgi" else asyncio.to_thread(under_wsgi))
    finally:
        over.set()
    assert (status, events, outcomes) == (200, [], [outcome])


@pytest.mark.parametrize("reason", ["lifetime", "recheck", "kicked", "shutdown", None])
def test_it_is_200_too_where_the_generator_is_through_before_the_response_is_made(reason: str | None) -> None:
    # Which thread comes first is nobody's to say, so the order is made here by hand.
    request = RequestFactory().get("/", headers={"Last-Event-ID": "1"})
    response = EventSourceResponse(iter(()))
    pipe = response.event_stream.pipe
    if reason is not None:
        pipe.close(reason)
    pipe.end()
    assert _outcome(request, response).status_code == (204 if reason is None else 200)


# -- how long a response waits for its first event


@pytest.mark.usefixtures("real_waits")
def test_the_defaults_of_start_timeout_are_those_of_the_reference() -> None:
    fresh = RequestFactory().get("/")
    resumed = (RequestFactory().get("/", headers={"Last-Event-ID": "7"}), RequestFactory().get("/?last_event_id=7"))

    assert _start_timeout(fresh, StreamOptions()) == 0.25
    assert [_start_timeout(each, StreamOptions()) for each in resumed] == [5, 5]
    assert {_start_timeout(each, StreamOptions(start_timeout=1.5)) for each in (fresh, *resumed)} == {1.5}
    assert _start_timeout(resumed[0], StreamOptions(start_timeout=0)) == 0
    assert "`None` is 0.25, and 5 for a resumed request" in REFERENCE.read_text()


@pytest.mark.usefixtures("real_waits")
async def test_a_silent_fresh_stream_is_answered_while_a_resumed_one_is_still_waited_for(serve: Serve) -> None:
    begun, nothing_left = asyncio.Event(), asyncio.Event()

    @event_stream
    async def view(request: HttpRequest) -> AsyncIterator[int]:
        if last_event_id(request) is not None:
            begun.set()
        await nothing_left.wait()
        for n in ():
            yield n

    serve(view)
    client = AsyncStreamClient()
    resumed = asyncio.create_task(client.get("/", headers={"Last-Event-ID": "7"}))
    await begun.wait()
    async with client.stream("/") as fresh:
        assert not nothing_left.is_set()
        assert not resumed.done()
        nothing_left.set()
        assert (fresh.status_code, await fresh.rest()) == (200, [])
    assert (await resumed).status_code == 204  # which a response that had begun could not become


async def test_the_wait_for_the_first_event_is_a_part_of_a_streams_lifetime(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who cuts connections at an age counts from the request."""
    left: list[float] = []
    loop = asyncio.get_running_loop()
    call_later = loop.call_later

    def remember(delay: float, callback: Any, *args: Any, **kwargs: Any) -> Any:
        if args == ("lifetime",):
            left.append(delay)
            delay = 0
        return call_later(delay, callback, *args, **kwargs)

    class Timer(threading.Timer):
        def __init__(self, interval: float, *args: Any) -> None:
            left.append(interval)
            super().__init__(0, *args)

    @event_stream(max_duration=600, start_timeout=0.3)
    async def view(request: HttpRequest) -> AsyncIterator[int]:
        await asyncio.sleep(3600)
        yield 1

    def under_wsgi() -> list[Any]:
        with StreamClient().stream("/") as stream:
            return stream.rest()

    serve(view)
    with monkeypatch.context() as patch:
        patch.setattr("sse_django.eventstream.random.uniform", lambda low, high: high)
        patch.setattr(loop, "call_later", remember)
        patch.setattr("sse_django.eventstream.threading.Timer", Timer)
        async with AsyncStreamClient().stream("/") as stream:
            assert await stream.rest() == []
        assert await asyncio.to_thread(under_wsgi) == []
    assert len(left) == 2
    assert all(500 < seconds < 600 - 0.29 for seconds in left)


# -- who may not read


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_login_required_mixin_redirects_before_anything_of_the_stream_runs(serve: Serve, kind: str) -> None:
    ran: list[str] = []

    class Async(LoginRequiredMixin, EventStreamView):
        async def stream(self, request: HttpRequest) -> AsyncIterator[str]:
            ran.append(request.user.get_username())
            yield "secret"

    class Sync(LoginRequiredMixin, EventStreamView):
        def stream(self, request: HttpRequest) -> Iterable[str]:
            ran.append(request.user.get_username())
            yield "secret"

    serve((Async if kind == "async" else Sync).as_view(login_url="/in/"))
    opened: list[object] = []

    def note(**kwargs: object) -> None:
        opened.append(kwargs)

    stream_opened.connect(note)
    try:
        responses = [await AsyncStreamClient().get("/"), await asyncio.to_thread(StreamClient().get, "/")]
        assert [(r.status_code, r["Location"], r.content) for r in responses] == [(302, "/in/?next=/", b"")] * 2
        assert (ran, opened) == ([], [])
        ann = await User.objects.acreate(username="ann")
        client = AsyncStreamClient()
        await client.aforce_login(ann)
        async with client.stream("/") as stream:
            assert [event.json() for event in await stream.rest()] == ["secret"]
    finally:
        stream_opened.disconnect(note)
    assert (ran, len(opened)) == (["ann"], 1)
