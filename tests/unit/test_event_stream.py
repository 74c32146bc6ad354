"""Views that yield, through the real handlers: every shape of view on both, errors, bodies, the end."""

from __future__ import annotations

import asyncio
import contextvars
import dataclasses
import functools
import gzip
import json
import logging
import re
import threading
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from django.contrib.auth.decorators import login_required
from django.core.exceptions import BadRequest, ImproperlyConfigured, PermissionDenied
from django.core.handlers.asgi import ASGIHandler
from django.core.signals import got_request_exception
from django.http import Http404, HttpRequest, HttpResponse
from django.test import AsyncRequestFactory, override_settings
from django.utils.decorators import method_decorator
from django.utils.deprecation import MiddlewareMixin
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from pydantic import BaseModel, Field
from typing_extensions import TypeAliasType, TypedDict

from sse_django import EventSourceResponse, EventStreamView, ServerSentEvent, event_stream, last_event_id
from sse_django.encoding import UNTYPED
from sse_django.testing import AsyncStreamClient, StreamClient, StreamTimeout, SyncStream

if TYPE_CHECKING:
    from nowhere import Unknown

Serve = Callable[..., None]


class Item(BaseModel):
    name: str
    price: float = 1.0


class Prompt(BaseModel):
    text: str


ITEM = b'data: {"name":"a","price":1.0}\n\n'


@event_stream
async def async_generator(request: HttpRequest) -> AsyncIterable[Item]:
    yield Item(name="a")


@event_stream
def sync_generator(request: HttpRequest) -> Iterable[Item]:
    yield Item(name="a")


@event_stream()
async def async_generator_untyped(request):  # type: ignore[no-untyped-def]
    yield Item(name="a")


@event_stream(item=Item)
def sync_function(request: HttpRequest) -> Any:
    return [{"name": "a"}]


@event_stream
async def async_function(request: HttpRequest) -> AsyncIterable[Item] | HttpResponse:
    async def items() -> AsyncIterator[dict[str, str]]:
        yield {"name": "a"}

    return items()


@event_stream
def sync_function_async_items(request: HttpRequest) -> AsyncIterable[Item]:
    async def items() -> AsyncIterator[Item]:
        yield Item(name="a")

    return items()


@event_stream
async def async_function_sync_items(request: HttpRequest) -> Iterable[Item]:
    return (Item(name=name) for name in "a")


@event_stream
def quoted(request: HttpRequest, prompt: Unknown | None = None) -> Iterable[Item]:
    yield {"name": "a"}  # type: ignore[misc]


class CallableView:
    async def __call__(self, request: HttpRequest) -> AsyncIterator[Item]:
        yield Item(name="a")


class Twin(EventStreamView):
    async def stream(self, request: HttpRequest) -> AsyncIterator[Item]:
        yield {"name": "a"}  # type: ignore[misc]


class SyncTwin(EventStreamView):
    item = Item

    def stream(self, request: HttpRequest) -> Any:
        return [{"name": "a"}]


class Decorated(View):
    @method_decorator(event_stream)
    async def get(self, request: HttpRequest) -> AsyncIterator[Item]:
        yield {"name": "a"}  # type: ignore[misc]


class SyncDecorated(View):
    @method_decorator(event_stream)
    def get(self, request: HttpRequest) -> Iterable[Item]:
        yield {"name": "a"}  # type: ignore[misc]


async def by_hand(request: HttpRequest) -> EventSourceResponse:
    async def items() -> AsyncIterator[Item]:
        yield Item(name="a")

    return EventSourceResponse(items())


def by_hand_sync(request: HttpRequest) -> EventSourceResponse:
    return EventSourceResponse([{"name": "a"}], item=Item)


SHAPES = [
    async_generator,
    sync_generator,
    async_generator_untyped,
    sync_function,
    async_function,
    sync_function_async_items,
    async_function_sync_items,
    event_stream(CallableView()),
    event_stream(functools.partial(lambda request, name: [Item(name=name)], name="a")),
    Twin.as_view(),
    SyncTwin.as_view(),
    Decorated.as_view(),
    SyncDecorated.as_view(),
    by_hand,
]


@pytest.mark.parametrize("view", SHAPES, ids=lambda v: getattr(v, "__qualname__", type(v).__name__))
async def test_every_shape_of_view_streams_under_asgi(
    serve: Serve, view: Any, async_sse_client: AsyncStreamClient
) -> None:
    serve(view)
    async with async_sse_client.stream("/") as stream:
        assert [event.json() for event in await stream.rest()] == [{"name": "a", "price": 1.0}]
        assert stream.status_code == 200
        assert stream.headers == {
            "Content-Type": "text/event-stream; charset=utf-8",
            "Cache-Control": "no-cache, no-transform",
            "X-Accel-Buffering": "no",
            "Content-Encoding": "identity",
        }


@pytest.mark.parametrize("view", [*SHAPES, by_hand_sync], ids=lambda v: getattr(v, "__qualname__", type(v).__name__))
def test_every_shape_of_view_streams_under_wsgi(serve: Serve, view: Any, sse_client: StreamClient) -> None:
    serve(view)
    with sse_client.stream("/") as stream:
        assert [event.json() for event in stream.rest()] == [{"name": "a", "price": 1.0}]


def test_the_bytes_of_a_quick_stream_are_its_events_and_nothing_else(serve: Serve, sse_client: StreamClient) -> None:
    serve(async_generator)
    with sse_client.stream("/") as stream:
        stream.rest()
        assert stream.body == ITEM


def test_an_annotation_that_is_needed_and_unknown_is_a_clear_error(serve: Serve, sse_client: StreamClient) -> None:
    serve(quoted)
    with pytest.raises(ImproperlyConfigured, match=r"the annotation 'Unknown \| None' of 'prompt' can't be resolved"):
        quoted(_request())


async def wsgi(url: str = "/", **options: Any) -> SyncStream:
    """The same view under WSGI, read to its end, in a thread that has no loop."""

    def read() -> SyncStream:
        with StreamClient(raise_request_exception=False).stream(url, **options) as stream:
            stream.events = stream.rest()  # type: ignore[attr-defined]
        return stream

    return await asyncio.to_thread(read)


def _request() -> HttpRequest:
    from django.test import RequestFactory

    return RequestFactory().get("/")


def test_string_annotations_may_name_classes_of_the_enclosing_function(serve: Serve, sse_client: StreamClient) -> None:
    class Local(BaseModel):
        n: int

    @event_stream
    def view(request: HttpRequest) -> Iterable[Local]:
        yield {"n": "5"}  # type: ignore[misc]

    serve(view)
    with sse_client.stream("/") as stream:
        assert stream.next().data == '{"n":5}'


class Pair(TypedDict):
    name: str


@dataclasses.dataclass
class Point:
    name: str


@pytest.mark.parametrize(
    ("annotation", "name"),
    [
        (Item, "Item"),
        ("Item", "Item"),
        ("Item | None", "Item"),
        (Item | HttpResponse, "Item"),
        (Item | Point, r"Item \| Point"),
        (Annotated[Item, "why not"], "Item"),
        (TypeAliasType("Alias", Item), "Item"),
        (ServerSentEvent[Item], r"ServerSentEvent\[Item\]"),
        (ServerSentEvent, "ServerSentEvent"),
        (Pair, "Pair"),
        (Point, "Point"),
        (dict[str, int], r"dict\[str, int\]"),
        (str, "str"),
    ],
)
def test_a_generator_annotated_with_its_item_is_refused_at_decoration(annotation: Any, name: str) -> None:
    async def asynchronous(request: HttpRequest) -> Any:
        yield {"name": "a", "secret": 1}

    def synchronous(request: HttpRequest) -> Any:
        yield {"name": "a", "secret": 1}

    class Feed(EventStreamView):
        stream = synchronous

    for view, iterable in ((asynchronous, "AsyncIterable"), (synchronous, "Iterable")):
        view.__annotations__["return"] = annotation
        with pytest.raises(ImproperlyConfigured, match=rf"yields: annotate it {iterable}\[{name}\], not {name}$"):
            event_stream(view)
    with pytest.raises(ImproperlyConfigured, match="synchronous yields"):
        Feed.as_view()


def test_a_generator_annotated_with_an_item_that_is_not_there_yet_is_refused_when_it_is_called() -> None:
    @event_stream
    def view(request: HttpRequest) -> Later:  # type: ignore[name-defined]
        yield {"name": "a"}

    class Later(BaseModel):
        name: str

    view.sse_stream.annotations._namespace["Later"] = Later  # type: ignore[attr-defined]
    with pytest.raises(ImproperlyConfigured, match=r"view yields: annotate it Iterable\[Later\]"):
        view(_request())


@pytest.mark.parametrize(
    "annotation",
    [
        Any,
        object,
        None,
        "None",
        HttpResponse,
        Iterable,
        list,
        AsyncIterator,
        Iterable[Item] | None,
        list[Item] | HttpResponse,
    ],
)
def test_what_a_generator_may_be_is_no_wrong_annotation(annotation: Any) -> None:
    def view(request: HttpRequest) -> Any:
        yield Item(name="a")

    view.__annotations__["return"] = annotation
    event_stream(view)


def test_an_instance_that_can_be_called_has_the_item_type_that_its_call_says() -> None:
    view: Any = event_stream(CallableView())
    assert view.sse_stream.encoder.item is Item


def test_a_function_that_does_not_yield_may_be_annotated_with_anything() -> None:
    @event_stream
    def view(request: HttpRequest) -> Item:
        return [{"name": "a"}]  # type: ignore[return-value]

    assert view.sse_stream.encoder.item is UNTYPED  # type: ignore[attr-defined]


def test_an_explicit_item_stands_in_place_of_the_annotation(serve: Serve, sse_client: StreamClient) -> None:
    @event_stream(item=Item)
    def view(request: HttpRequest) -> Item:  # type: ignore[misc]
        yield {"name": "a", "secret": 1}

    serve(view)
    with sse_client.stream("/") as stream:
        assert stream.rest()[0].data == '{"name":"a","price":1.0}'


@pytest.mark.parametrize("annotation", [AsyncIterable[Item] | None, "HttpResponse | AsyncIterable[Item] | None"])
def test_none_beside_an_iterable_does_not_make_its_items_untyped(annotation: Any) -> None:
    async def view(request: HttpRequest) -> Any:
        return None

    view.__annotations__["return"] = annotation
    streaming: Any = event_stream(view)
    assert streaming.sse_stream.encoder.item is Item


# -- the body


@event_stream
async def chat(request: HttpRequest, prompt: Annotated[Prompt, Field(description="what to say")]) -> AsyncIterable[Any]:
    for word in prompt.text.split():
        yield ServerSentEvent(data=word, event="token")
    yield ServerSentEvent(raw_data="[DONE]", event="done")


async def test_a_typed_parameter_is_the_json_body(serve: Serve, async_sse_client: AsyncStreamClient) -> None:
    serve(chat)
    async with async_sse_client.stream("/", json={"text": "hello world"}) as stream:
        await stream.rest()
        assert (
            stream.body
            == b'event: token\ndata: "hello"\n\nevent: token\ndata: "world"\n\nevent: done\ndata: [DONE]\n\n'
        )


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b'{"text": 5}', "application/json", 422),
        (b"{}", "application/json", 422),
        (b"not json", "application/json", 422),
        (b"\xff", "application/json", 422),
        (b'{"text": "a"}', "text/plain", 415),
        (b'{"text": "a"}', "application/x-www-form-urlencoded", 415),
        (b'{"text": "a"}', "", 415),
        (b'{"text": "a"}', "application/json; charset=utf-8", 200),
        (b'{"text": "a"}', "application/vnd.api+json", 200),
    ],
)
async def test_a_body_that_does_not_fit(
    serve: Serve, async_sse_client: AsyncStreamClient, body: bytes, content_type: str, status: int
) -> None:
    serve(chat)
    response = await async_sse_client.generic("POST", "/", body, content_type=content_type)
    assert response.status_code == status


async def test_422_has_pydantics_errors_without_the_input(serve: Serve, async_sse_client: AsyncStreamClient) -> None:
    serve(chat)
    response = await async_sse_client.post("/", {"text": ["hunter2"]}, content_type="application/json")
    assert response.json() == {
        "detail": [{"type": "string_type", "loc": ["text"], "msg": "Input should be a valid string"}]
    }


def test_a_url_keyword_is_no_body_and_a_default_makes_it_optional(serve: Serve, sse_client: StreamClient) -> None:
    @event_stream
    def view(request: HttpRequest, pk: int, prompt: Prompt | None = None) -> Iterable[Any]:
        yield [pk, prompt]

    serve(view, "<int:pk>/")
    with sse_client.stream("/5/") as stream:
        assert stream.next().json() == [5, None]
    with sse_client.stream("/5/", json={"text": "a"}) as stream:
        assert stream.next().json() == [5, {"text": "a"}]


def test_two_bodies_are_refused() -> None:
    @event_stream
    def view(request: HttpRequest, one: Prompt, two: Prompt) -> Iterable[Any]:
        yield 1

    with pytest.raises(ImproperlyConfigured, match="more than one parameter for the JSON body: one, two"):
        view(_request())


# -- composition


async def test_it_keeps_the_marks_of_a_view_and_composes(serve: Serve, async_sse_client: AsyncStreamClient) -> None:
    @csrf_exempt
    @require_POST
    @login_required
    @event_stream
    async def view(request: HttpRequest) -> AsyncIterator[int]:
        """About it."""
        yield 1

    assert view.csrf_exempt  # type: ignore[attr-defined]
    assert (view.__name__, view.__doc__) == ("view", "About it.")
    serve(view)
    assert (await async_sse_client.get("/")).status_code == 405
    assert (await async_sse_client.post("/")).status_code == 302

    marked = event_stream(csrf_exempt(_plain))
    assert marked.csrf_exempt  # type: ignore[attr-defined]


def _plain(request: HttpRequest) -> list[int]:
    return [1]


def test_options_that_make_no_sense_are_refused_at_import() -> None:
    for options in (
        {"ping_interval": 0},
        {"retry": -1},
        {"start_timeout": -1},
        {"max_duration": 0},
        {"recheck_interval": 0},
    ):
        with pytest.raises(ValueError, match=next(iter(options))):
            event_stream(**options)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="decorates a view"):
        event_stream(5)  # type: ignore[call-overload]


def test_a_response_passes_through_and_anything_else_is_refused(serve: Serve, sse_client: StreamClient) -> None:
    @event_stream
    def view(request: HttpRequest) -> Any:
        return HttpResponse("plain") if "plain" in request.GET else {"a": 1}

    serve(view)
    assert sse_client.get("/?plain").content == b"plain"
    with pytest.raises(TypeError, match="must yield, or return an iterable of items or an HttpResponse"):
        sse_client.get("/")
    with pytest.raises(TypeError, match="iterable of items, got 5"):
        EventSourceResponse(5)  # type: ignore[arg-type]


# -- errors


@pytest.mark.parametrize(
    ("error", "status"), [(Http404, 404), (PermissionDenied, 403), (BadRequest, 400), (ValueError, 500)]
)
@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_an_error_before_the_first_event_is_its_own_status(
    serve: Serve, async_sse_client: AsyncStreamClient, error: type[Exception], status: int, kind: str
) -> None:
    @event_stream
    async def async_view(request: HttpRequest) -> AsyncIterator[int]:
        await asyncio.sleep(0.01)
        raise error("no")
        yield 1

    @event_stream
    def sync_view(request: HttpRequest) -> Iterable[int]:
        raise error("no")
        yield 1

    serve(async_view if kind == "async" else sync_view)
    async_sse_client.raise_request_exception = False
    assert (await async_sse_client.get("/")).status_code == status
    assert (await wsgi()).status_code == status


@pytest.mark.parametrize("debug", [False, True])
async def test_an_error_after_the_first_event_is_logged_signalled_and_not_told(
    serve: Serve, async_sse_client: AsyncStreamClient, caplog: pytest.LogCaptureFixture, debug: bool
) -> None:
    @event_stream
    async def view(request: HttpRequest) -> AsyncIterator[int]:
        yield 1
        raise RuntimeError("secret text")

    told: list[Any] = []

    def receiver(sender: Any, request: Any, **kwargs: Any) -> None:
        told.append(request.path)

    serve(view)
    got_request_exception.connect(receiver)
    try:
        with override_settings(DEBUG=debug):
            async with async_sse_client.stream("/") as stream:
                events = await stream.rest()
    finally:
        got_request_exception.disconnect(receiver)
    assert [event.event for event in events] == ["message", "stream-error"]
    assert events[1].json() == {"detail": "RuntimeError: secret text" if debug else "internal error"}
    assert told == ["/"]
    [record] = [r for r in caplog.records if r.name == "sse_django"]
    assert record.levelno == logging.ERROR
    assert "secret text" in str(record.exc_info)


async def test_a_misfit_in_the_middle_names_type_and_field_in_the_log(
    serve: Serve, async_sse_client: AsyncStreamClient, caplog: pytest.LogCaptureFixture
) -> None:
    @event_stream
    async def view(request: HttpRequest) -> AsyncIterator[Item]:
        yield Item(name="a")
        yield {"price": 2}  # type: ignore[misc]

    serve(view)
    async with async_sse_client.stream("/") as stream:
        assert [event.event for event in await stream.rest()] == ["message", "stream-error"]
    assert "no Item: name: Field required" in caplog.text


# -- the end


async def test_a_resumed_stream_with_nothing_left_is_204_and_a_fresh_one_is_not(
    serve: Serve, async_sse_client: AsyncStreamClient
) -> None:
    @event_stream
    async def view(request: HttpRequest) -> AsyncIterator[ServerSentEvent[int]]:
        for n in range(last_event_id(request, int, 0), 2):
            yield ServerSentEvent(data=n, id=str(n + 1))

    serve(view)
    async with async_sse_client.stream("/") as stream:
        assert [event.id for event in await stream.rest()] == ["1", "2"]
    assert (await async_sse_client.get("/", headers={"Last-Event-ID": "1"})).status_code == 200
    resumed = await async_sse_client.get("/", headers={"Last-Event-ID": "2"})
    assert (resumed.status_code, resumed.content) == (204, b"")
    assert (await async_sse_client.get("/?last_event_id=2")).status_code == 204
    assert (await wsgi(last_event_id="2")).status_code == 204
    assert (await async_sse_client.get("/", headers={"Last-Event-ID": "x"})).status_code == 400


async def test_an_empty_fresh_stream_is_200(serve: Serve, async_sse_client: AsyncStreamClient) -> None:
    @event_stream
    async def view(request: HttpRequest) -> AsyncIterable[int]:
        for n in ():
            yield n

    serve(view)
    async with async_sse_client.stream("/") as stream:
        assert await stream.rest() == []
        assert (stream.status_code, stream.body) == (200, b"")


async def test_head_answers_headers_and_runs_nothing(serve: Serve, async_sse_client: AsyncStreamClient) -> None:
    ran = []

    async def items() -> AsyncIterator[int]:
        ran.append(1)
        yield 1

    @event_stream
    async def view(request: HttpRequest) -> AsyncIterator[int]:
        ran.append(1)
        yield 1

    async def hand(request: HttpRequest) -> EventSourceResponse:
        return EventSourceResponse(items())

    for each in (view, hand):
        serve(each)
        async with async_sse_client.stream("/", method="HEAD") as stream:
            assert stream.headers["Content-Type"] == "text/event-stream; charset=utf-8"
            await stream.rest()
        assert (await wsgi(method="HEAD")).body == b""
    assert ran == []


async def test_max_duration_ends_a_stream_with_200(serve: Serve, async_sse_client: AsyncStreamClient) -> None:
    @event_stream(max_duration=0.2)
    async def view(request: HttpRequest) -> AsyncIterator[int]:
        while True:
            yield 1
            await asyncio.sleep(0.05)

    serve(view)
    async with async_sse_client.stream("/") as stream:
        assert {event.data for event in await stream.rest()} == {"1"}
        assert stream.status_code == 200
    assert (await wsgi()).status_code == 200  # and it has an end


async def test_the_setting_limits_every_streams_life_and_not_to_the_same_moment(
    serve: Serve, async_sse_client: AsyncStreamClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []
    loop = asyncio.get_running_loop()
    call_later = loop.call_later

    def remember(delay: float, callback: Any, *args: Any, **kwargs: Any) -> Any:
        if args == ("lifetime",):
            asked.append(delay)
            delay = 0
        return call_later(delay, callback, *args, **kwargs)

    @event_stream(ping_interval=None)
    async def view(request: HttpRequest) -> AsyncIterator[int]:
        yield 1
        await asyncio.sleep(3600)

    serve(view)
    monkeypatch.setattr(loop, "call_later", remember)
    with override_settings(SSE_DJANGO={"MAX_DURATION": 600}):
        for _ in range(5):
            async with async_sse_client.stream("/") as stream:
                await stream.rest()
    assert len(set(asked)) == 5
    assert all(540 - 10 < delay <= 600 for delay in asked)  # less what it took to begin


async def test_recheck_ends_a_stream(serve: Serve, async_sse_client: AsyncStreamClient) -> None:
    allowed = threading.Event()
    allowed.set()

    @event_stream(recheck=lambda request: allowed.is_set(), recheck_interval=0.1, ping_interval=None)
    async def view(request: HttpRequest) -> AsyncIterator[int]:
        yield 1
        await asyncio.sleep(3600)

    serve(view)
    async with async_sse_client.stream("/") as stream:
        await stream.next()
        await asyncio.sleep(0.3)
        assert not stream.ended
        allowed.clear()
        assert await stream.rest() == []
        assert stream.ended


# -- pings, time and context


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_pings_in_silence_on_every_path(serve: Serve, async_sse_client: AsyncStreamClient, kind: str) -> None:
    seen = threading.Event()

    @event_stream(ping_interval=0.1, start_timeout=0)
    async def async_view(request: HttpRequest) -> AsyncIterator[int]:
        while not seen.is_set():  # noqa: ASYNC110  (the test sets it in another thread)
            await asyncio.sleep(0.01)
        yield 1

    @event_stream(ping_interval=0.1, start_timeout=0)
    def sync_view(request: HttpRequest) -> Iterable[int]:
        seen.wait(30)
        yield 1

    def pinged(stream: Any) -> bool:
        return bool(stream.comments.count("ping") >= 2)

    def under_wsgi() -> bytes:
        with StreamClient().stream("/") as stream:
            stream.wait_for(pinged)
            seen.set()
            stream.next()
            return stream.body

    serve(async_view if kind == "async" else sync_view)
    form = re.compile(rb":\n\n(: ping\n\n){2,}data: 1\n\n")
    async with async_sse_client.stream("/") as stream:
        await stream.wait_for(pinged)
        seen.set()
        await stream.next()
        assert form.fullmatch(stream.body)
    seen.clear()
    assert form.fullmatch(await asyncio.to_thread(under_wsgi))


async def test_retry_is_sent_first(serve: Serve, async_sse_client: AsyncStreamClient) -> None:
    serve(event_stream(retry=5000)(_plain))
    async with async_sse_client.stream("/") as stream:
        await stream.rest()
        assert stream.body == b"retry: 5000\n\ndata: 1\n\n"


variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


class SyncOnlyMiddleware:
    """Runs the view elsewhere: asgiref sends it to the loop on behalf of a thread."""

    sync_capable, async_capable = True, False

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> Any:
        return self.get_response(request)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("middleware", [[], ["tests.unit.test_event_stream.SyncOnlyMiddleware"]])
async def test_one_task_one_context_and_a_working_orm_whatever_the_middleware(
    serve: Serve, async_sse_client: AsyncStreamClient, middleware: list[str]
) -> None:
    from tests.app.models import Product

    tasks: set[Any] = set()
    seen: list[str] = []

    @event_stream(start_timeout=0.1)
    async def view(request: HttpRequest) -> AsyncIterator[int]:
        try:
            variable.set("mine")
            tasks.add(asyncio.current_task())
            yield await Product.objects.acount()
            await asyncio.sleep(0.3)  # the view has returned, and with it the thread it ran for
            seen.append(variable.get())
            yield await Product.objects.acount()
            async with asyncio.timeout(30):
                yield 2
                await asyncio.sleep(3600)
        finally:
            tasks.add(asyncio.current_task())
            seen.append(variable.get())

    serve(view)
    with override_settings(MIDDLEWARE=middleware):
        async with async_sse_client.stream("/") as stream:
            assert [event.data for event in await stream.take(3)] == ["0", "0", "2"]
        assert (len(tasks), seen) == (1, ["mine", "mine"])


async def test_leaving_early_closes_the_generator(serve: Serve, async_sse_client: AsyncStreamClient) -> None:
    ended: list[str] = []

    @event_stream
    async def view(request: HttpRequest) -> AsyncIterator[int]:
        try:
            yield 1
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0.01)
            ended.append("async")

    @event_stream(ping_interval=0.1)
    def sync_view(request: HttpRequest) -> Iterable[int]:
        try:
            while True:
                yield 1
                time.sleep(0.05)
        finally:
            ended.append("sync")

    for each in (view, sync_view):
        serve(each)
        async with async_sse_client.stream("/") as stream:
            await stream.next()
        await asyncio.to_thread(_look_and_leave)
    assert ended == ["async", "async", "sync", "sync"]


def _look_and_leave() -> None:
    with StreamClient().stream("/") as stream:
        stream.next()


async def test_a_response_thrown_away_by_middleware_takes_its_stream_along(
    serve: Serve, async_sse_client: AsyncStreamClient
) -> None:
    ended = asyncio.Event()

    @event_stream
    async def view(request: HttpRequest) -> AsyncIterator[int]:
        try:
            yield 1
            await asyncio.sleep(3600)
        finally:
            ended.set()

    serve(view)
    async_sse_client.raise_request_exception = False
    with override_settings(MIDDLEWARE=["tests.unit.test_event_stream.BrokenMiddleware"]):
        assert (await async_sse_client.get("/")).status_code == 500
    await asyncio.wait_for(ended.wait(), 10)


class BrokenMiddleware(SyncOnlyMiddleware):
    def __call__(self, request: HttpRequest) -> Any:
        self.get_response(request)
        raise RuntimeError("after the view")


class WrappingMiddleware(SyncOnlyMiddleware):
    def __call__(self, request: HttpRequest) -> Any:
        response = self.get_response(request)
        content = response.streaming_content
        if response.is_async:

            async def wrapped() -> AsyncIterator[bytes]:
                async for chunk in content:
                    yield chunk.replace(b"a", b"b")

            response.streaming_content = wrapped()
        else:
            response.streaming_content = (chunk.replace(b"a", b"b") for chunk in content)
        return response


@pytest.mark.parametrize("view", [async_generator, sync_generator, by_hand], ids=["async", "sync", "by hand"])
async def test_middleware_that_wraps_the_content_works_on_every_path(
    serve: Serve, async_sse_client: AsyncStreamClient, view: Any
) -> None:
    serve(view)
    with override_settings(MIDDLEWARE=["tests.unit.test_event_stream.WrappingMiddleware"]):
        async with async_sse_client.stream("/") as stream:
            await stream.rest()
            assert b'dbtb: {"nbme":"b"' in stream.body
        assert b'dbtb: {"nbme":"b"' in (await wsgi()).body


async def test_too_many_sync_streams_are_told_to_come_back(serve: Serve, async_sse_client: AsyncStreamClient) -> None:
    @event_stream
    def view(request: HttpRequest) -> Iterable[int]:
        while True:
            yield 1
            time.sleep(0.02)

    serve(view)
    with override_settings(SSE_DJANGO={"MAX_SYNC_STREAMS": 1}):
        async with async_sse_client.stream("/") as first:
            await first.next()
            async with async_sse_client.stream("/", last_event_id="1") as second:
                await second.rest()
                assert second.status_code == 200
                assert second.body.startswith(b"retry: ")
                assert second.body.count(b"\n\n") == 1


async def test_compress_gzips_for_those_who_accept_it_and_flushes(
    serve: Serve, async_sse_client: AsyncStreamClient
) -> None:
    import zlib

    @event_stream(compress=True)
    async def view(request: HttpRequest) -> AsyncIterator[str]:
        yield "hello"
        await asyncio.sleep(3600)

    serve(view)
    async with async_sse_client.stream("/", headers={"Accept-Encoding": "br, gzip"}) as stream:
        await stream.wait_for(lambda s: b"hello" in zlib.decompressobj(31).decompress(s.body))
        assert stream.headers["Content-Encoding"] == "gzip"
        assert stream.headers["Vary"] == "Accept-Encoding"
    serve(event_stream(compress=True)(_plain))
    async with async_sse_client.stream("/", headers={"Accept-Encoding": "gzip"}) as stream:
        await stream.wait_for(lambda s: s.ended)
        assert gzip.decompress(stream.body) == b"data: 1\n\n"  # which refuses a truncated member
    serve(view)
    async with async_sse_client.stream("/", headers={"Accept-Encoding": "gzip;q=0"}) as stream:
        assert (await stream.next()).data == '"hello"'


def test_json_body_and_url_parameters_reach_a_class_based_view(serve: Serve, sse_client: StreamClient) -> None:
    class Chat(EventStreamView):
        def stream(self, request: HttpRequest, pk: int, prompt: Prompt) -> Iterable[Any]:
            yield [pk, prompt.text, self.kwargs]

    serve(Chat.as_view(), "<int:pk>/")
    with sse_client.stream("/3/", json={"text": "hi"}) as stream:
        assert json.loads(stream.next().data) == [3, "hi", {"pk": 3}]


# -- regressions


def test_head_on_a_view_with_a_body_is_no_500(serve: Serve, sse_client: StreamClient) -> None:
    serve(chat)
    with sse_client.stream("/", method="HEAD") as stream:
        assert (stream.status_code, stream.rest()) == (200, [])


async def test_recheck_goes_on_asking_under_wsgi(serve: Serve) -> None:
    """The question was once sent to a thread that had long gone, and never answered."""
    asked = threading.Semaphore(0)

    def ask(request: HttpRequest) -> bool:
        asked.release()
        return True

    @event_stream(recheck=ask, recheck_interval=0.05)
    async def view(request: HttpRequest) -> AsyncIterator[int]:
        yield 1
        await asyncio.sleep(3600)

    def read() -> bool:
        with StreamClient().stream("/") as stream:
            stream.next()
            return all(asked.acquire(timeout=5) for _ in range(3))

    serve(view)
    assert await asyncio.to_thread(read)


@pytest.mark.parametrize(
    "headers", [{"Connection": "keep-alive"}, {"content-length": "3"}, {"Content-Type": "text/plain"}]
)
def test_headers_that_are_not_the_views_to_set_are_refused(headers: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="can't have its own"):
        event_stream(headers=headers)
    with pytest.raises(ValueError, match="can't have its own"):
        EventSourceResponse([], headers=headers)


def test_a_dict_is_an_item_and_no_stream() -> None:
    with pytest.raises(TypeError, match="iterable of items"):
        EventSourceResponse({"a": 1})  # type: ignore[arg-type]


def test_a_last_event_id_with_a_line_end_is_a_400(serve: Serve) -> None:
    @event_stream
    def view(request: HttpRequest) -> Iterable[str | None]:
        yield last_event_id(request)

    serve(view)
    assert StreamClient().get("/?last_event_id=a%0Ab").status_code == 400


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["async", "sync", "by hand"])
def test_a_stream_sees_what_its_test_has_not_committed(serve: Serve, sse_client: StreamClient, kind: str) -> None:
    """The generator runs in another thread, with the connection of the test's transaction."""
    from tests.app.models import Product

    async def rows() -> AsyncIterator[str]:
        async for product in Product.objects.all():
            yield product.name

    @event_stream
    async def async_view(request: HttpRequest) -> AsyncIterator[str]:
        async for name in rows():
            yield name

    @event_stream
    def sync_view(request: HttpRequest) -> Iterable[str]:
        for product in Product.objects.all():
            yield product.name

    def hand(request: HttpRequest) -> EventSourceResponse:
        return EventSourceResponse(rows())

    Product.objects.create(name="uncommitted")
    serve({"async": async_view, "sync": sync_view, "by hand": hand}[kind])
    with sse_client.stream("/") as stream:
        assert stream.next().json() == "uncommitted"
    assert Product.objects.count() == 1


def test_a_method_decorated_as_a_function_is_a_clear_error() -> None:
    class Orders(View):
        @event_stream
        def get(self, request: HttpRequest) -> Iterable[int]:
            yield 1

    with pytest.raises(
        TypeError, match=r"Orders\.get' got .* where a request belongs.*method_decorator\(event_stream\)"
    ):
        Orders.as_view()(_request())


async def test_a_request_in_a_wrapper_such_as_rest_framework_makes_is_streamed_on_both_kinds_of_server(
    serve: Serve, async_sse_client: AsyncStreamClient
) -> None:
    class Wrapper:
        def __init__(self, request: HttpRequest) -> None:
            self._request = request
            self.query_params = request.GET

    @event_stream
    async def view(request: Wrapper) -> AsyncIterable[str]:
        yield request.query_params["name"]

    async def wrapping(request: HttpRequest) -> Any:
        return await view(Wrapper(request))

    serve(wrapping)
    async with async_sse_client.stream("/?name=a") as stream:
        assert (await stream.next()).json() == "a"
    assert (await wsgi("/?name=a")).body == b'data: "a"\n\n'


async def test_the_test_clients_raise_what_the_view_raised_before_its_first_event(
    serve: Serve, async_sse_client: AsyncStreamClient
) -> None:
    @event_stream
    async def view(request: HttpRequest) -> AsyncIterator[int]:
        raise ZeroDivisionError("in the view")
        yield 1

    def under_wsgi() -> None:
        with StreamClient().stream("/"):
            pass

    serve(view)
    with pytest.raises(ZeroDivisionError, match="in the view"):
        async with async_sse_client.stream("/"):
            pass
    with pytest.raises(ZeroDivisionError, match="in the view"):
        await asyncio.to_thread(under_wsgi)


async def test_the_headers_of_a_test_stream_are_found_in_any_case(
    serve: Serve, async_sse_client: AsyncStreamClient
) -> None:
    serve(async_generator)
    async with async_sse_client.stream("/") as stream:
        assert stream.headers["content-type"] == stream.headers["CONTENT-TYPE"] == "text/event-stream; charset=utf-8"


async def test_a_stream_that_waits_for_the_log_in_a_test_says_what_is_missing(
    serve: Serve, async_sse_client: AsyncStreamClient
) -> None:
    @event_stream(start_timeout=0)
    async def view(request: HttpRequest) -> AsyncIterator[int]:
        await asyncio.sleep(10)
        yield 1

    serve(view)
    async with async_sse_client.stream("/") as stream:
        with pytest.raises(StreamTimeout, match="live_backend"):
            await stream.next(timeout=0.1)


class Dawdling(MiddlewareMixin):
    """Middleware that has the response in hand when the client leaves."""

    entered = threading.Event()
    held: list[HttpResponse] = []

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        self.held.append(response)
        self.entered.set()
        time.sleep(0.1)
        return response


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_a_stream_ends_at_once_whose_client_leaves_while_middleware_has_its_response(
    serve: Serve, kind: str
) -> None:
    """The frames of a cancelled request may hold the response until the garbage collector comes; here something does."""
    ended = asyncio.Event()

    async def items() -> AsyncIterator[int]:
        try:
            yield 1
            await asyncio.sleep(60)
        finally:
            ended.set()

    @event_stream
    async def async_view(request: HttpRequest) -> AsyncIterator[int]:
        return items()

    @event_stream
    def sync_view(request: HttpRequest) -> AsyncIterator[int]:
        return items()

    requested = False

    async def receive() -> dict[str, Any]:
        nonlocal requested
        if not requested:
            requested = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await asyncio.to_thread(Dawdling.entered.wait, 10)
        return {"type": "http.disconnect"}

    async def send(message: object) -> None:
        pass

    serve(async_view if kind == "async" else sync_view)
    Dawdling.entered.clear()
    scope: Any = AsyncRequestFactory()._base_scope(path="/")
    with override_settings(MIDDLEWARE=[f"{__name__}.Dawdling"]):
        await asyncio.wait_for(ASGIHandler()(scope, receive, send), 10)
    await asyncio.wait_for(ended.wait(), 30)  # what it sleeps for is longer
    Dawdling.held.clear()
