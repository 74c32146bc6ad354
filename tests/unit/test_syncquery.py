"""A sync query in async code ends a stream with Django's error, which says what to do as well."""

import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import SynchronousOnlyOperation
from django.http import HttpRequest

from sse_django import EventSourceResponse, EventStreamView, event_stream, publish
from sse_django.syncquery import NOTE
from sse_django.testing import AsyncStreamClient, StreamClient
from tests.app.models import Product

Serve = Callable[..., None]


def notes(error: BaseException) -> list[str]:
    return list(getattr(error, "__notes__", []))


@event_stream
async def before_first(request: HttpRequest) -> AsyncIterator[int]:
    yield Product.objects.count()


@event_stream
async def in_a_coroutine(request: HttpRequest) -> Any:
    return [Product.objects.count()]


class AsAClass(EventStreamView):
    async def stream(self, request: HttpRequest) -> AsyncIterator[int]:
        yield Product.objects.count()


@event_stream
async def after_first(request: HttpRequest) -> AsyncIterator[int]:
    yield 1
    yield Product.objects.count()


async def by_hand(request: HttpRequest) -> EventSourceResponse:
    async def items() -> AsyncIterator[int]:
        yield 1
        yield Product.objects.count()

    return EventSourceResponse(items())


@pytest.mark.parametrize("view", [before_first, in_a_coroutine, AsAClass.as_view()])
async def test_before_the_first_event_the_error_says_what_to_do(
    view: Any, serve: Serve, async_sse_client: AsyncStreamClient
) -> None:
    serve(view)
    with pytest.raises(SynchronousOnlyOperation) as caught:
        async with async_sse_client.stream("/"):
            pass
    assert notes(caught.value) == [NOTE]


def test_it_does_under_wsgi_too(serve: Serve, sse_client: StreamClient) -> None:
    serve(before_first)
    with pytest.raises(SynchronousOnlyOperation) as caught, sse_client.stream("/"):
        pass
    assert notes(caught.value) == [NOTE]


@pytest.mark.parametrize("view", [after_first, by_hand])
async def test_after_the_first_event_the_log_says_what_to_do(
    view: Any, serve: Serve, async_sse_client: AsyncStreamClient, caplog: pytest.LogCaptureFixture
) -> None:
    serve(view)
    async with async_sse_client.stream("/") as stream:
        assert [event.event for event in await stream.rest()] == ["message", "stream-error"]
    [record] = [record for record in caplog.records if record.name == "sse_django"]
    assert NOTE in logging.Formatter().format(record)


@pytest.mark.django_db
async def test_other_errors_and_those_that_say_it_themselves_get_no_note(
    serve: Serve, async_sse_client: AsyncStreamClient
) -> None:
    @event_stream
    async def failing(request: HttpRequest) -> AsyncIterator[int]:
        yield 1 // 0

    @event_stream
    async def publishing(request: HttpRequest) -> AsyncIterator[int]:
        publish("orders", 1)  # its own error names apublish()
        yield 1

    for view, kind in ((failing, ZeroDivisionError), (publishing, SynchronousOnlyOperation)):
        serve(view)
        with pytest.raises(kind) as caught:
            async with async_sse_client.stream("/"):
                pass
        assert notes(caught.value) == []


def test_the_note_names_a_section_of_the_docs_that_is_there() -> None:
    page, title = NOTE.rpartition("See ")[2].rstrip(".").split(", ")
    assert f"\n## {title.strip(chr(34))}\n" in (Path(__file__).parents[2] / page).read_text()
