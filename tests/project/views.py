"""Views that the live tests look at from outside.

`?name=` names a stream in the trace; each test takes a new one, so that servers can be shared.
"""

import asyncio
import os
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator

from asgiref.sync import sync_to_async
from django.core.handlers.wsgi import WSGIRequest
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import engines
from django.utils.translation import get_language, gettext_lazy

from sse_django import EventSourceResponse, ServerSentEvent, event_stream, shutdown
from tests.app.models import Product
from tests.project.trace import progress, trace, traced


def name_of(request: HttpRequest) -> str:
    return request.GET.get("name", "unnamed")


def number(request: HttpRequest, key: str, default: float) -> float:
    return float(request.GET.get(key, default))


# Plain views: what must go on answering while streams are open.


@transaction.non_atomic_requests  # Django refuses an async view under ATOMIC_REQUESTS otherwise
async def ping(request: HttpRequest) -> HttpResponse:
    return HttpResponse("pong")


def sync_ping(request: HttpRequest) -> HttpResponse:
    return HttpResponse("pong")


def db_ping(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(Product.objects.count()))


def forget(request: HttpRequest) -> HttpResponse:
    """Delete the rows that the stream of this name made."""
    Product.objects.filter(name=name_of(request)).delete()
    return HttpResponse("forgotten")


def page(request: HttpRequest) -> HttpResponse:
    """An HTML page, for middleware that touches HTML and for browsers."""
    return HttpResponse(engines["django"].from_string("<html><body>a page</body></html>").render())


def progress_of(request: HttpRequest) -> JsonResponse:
    """How many items a stream has made so far."""
    return JsonResponse({"items": progress.get(name_of(request), 0)})


wanted: dict[str, int] = {}


def more(request: HttpRequest) -> HttpResponse:
    """Let a trickle make events up to number `?count=`."""
    wanted[name_of(request)] = int(number(request, "count", 1))
    return HttpResponse("so be it")


def threads(request: HttpRequest) -> JsonResponse:
    """The names of this process's threads. Under WSGI the pool that runs this view is the server's, and left out."""
    pool = threading.current_thread().name.rpartition("_")[0] if isinstance(request, WSGIRequest) else ""
    names = [thread.name for thread in threading.enumerate()]
    return JsonResponse({"pid": os.getpid(), "names": [n for n in names if not (pool and n.startswith(f"{pool}_"))]})


def handed_out(request: HttpRequest) -> HttpResponse:
    """Answers once the main thread is through with handing requests, this one too, to the server's pool of threads."""

    def in_submit() -> bool:
        frame = sys._current_frames().get(threading.main_thread().ident or 0)
        while frame is not None and frame.f_code.co_name != "submit":
            frame = frame.f_back
        return frame is not None

    while in_submit():
        time.sleep(0.001)
    return HttpResponse("so they are")


# Streams.


@event_stream(ping_interval=0.3)
async def idle(request: HttpRequest) -> AsyncIterator[object]:
    """One event, then nothing but pings."""
    with traced(name_of(request)):
        yield {"n": 0}
        await asyncio.sleep(3600)


@event_stream(ping_interval=None)
async def silent(request: HttpRequest) -> AsyncIterator[object]:
    """One event, then not even pings."""
    with traced(name_of(request)):
        yield {"n": 0}
        await asyncio.sleep(3600)


@event_stream
async def busy(request: HttpRequest) -> AsyncIterator[object]:
    """An event every hundredth of a second."""
    name = name_of(request)
    with traced(name):
        while True:
            yield {"n": progress[name]}
            progress[name] += 1
            await asyncio.sleep(0.01)


@event_stream
async def greedy(request: HttpRequest) -> AsyncIterator[object]:
    """`?count=` events of `?size=` bytes and never an await."""
    name, count, padding = (
        name_of(request),
        number(request, "count", float("inf")),
        "x" * int(number(request, "size", 1)),
    )
    with traced(name):
        while progress[name] < count:
            progress[name] += 1
            yield {"n": progress[name], "padding": padding}


@event_stream(ping_interval=None)
async def trickle(request: HttpRequest) -> AsyncIterator[object]:
    """An event of 10 kB whenever the one before went out and somebody asked for more: `/more/` says how many."""
    name = name_of(request)
    with traced(name):
        while True:
            while progress[name] < wanted.get(name, 1):
                progress[name] += 1
                yield {"n": progress[name], "padding": "x" * 10_000}
            await asyncio.sleep(0.005)


@event_stream(ping_interval=0.3)
def sync_idle(request: HttpRequest) -> Iterator[object]:
    """One event, then a generator that sleeps, a tenth of a second at a time so that it can be closed in between."""
    with traced(name_of(request)):
        yield {"n": 0}
        while True:
            time.sleep(0.1)
            yield ServerSentEvent(comment="still here")


@event_stream
def sync_greedy(request: HttpRequest) -> Iterator[object]:
    """`?count=` events of `?size=` bytes as fast as they go."""
    name, count, padding = (
        name_of(request),
        number(request, "count", float("inf")),
        "x" * int(number(request, "size", 1)),
    )
    with traced(name):
        while progress[name] < count:
            progress[name] += 1
            yield {"n": progress[name], "padding": padding}


@event_stream(ping_interval=0.3)
def sync_sleeper(request: HttpRequest) -> Iterator[object]:
    """An event, a long sleep that nothing can interrupt, an event."""
    with traced(name_of(request)):
        yield {"n": 0}
        time.sleep(number(request, "sleep", 2))
        yield {"n": 1}


@event_stream(start_timeout=60)
async def quiet(request: HttpRequest) -> AsyncIterator[object]:
    """Has nothing to send, and its response waits for that."""
    with traced(name_of(request)):
        await asyncio.sleep(3600)
        yield {"n": 0}


@event_stream(start_timeout=60)
def sync_quiet(request: HttpRequest) -> Iterator[object]:
    """The same with a sync generator, in one long step."""
    with traced(name_of(request)):
        time.sleep(40)
        yield {"n": 0}


@event_stream
async def lingering(request: HttpRequest) -> AsyncIterator[object]:
    """One event, then nothing; its `finally` takes `?linger=` seconds, for which the process stays."""
    with traced(name_of(request)):
        try:
            yield {"n": 0}
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(number(request, "linger", 1))


@event_stream
async def late(request: HttpRequest) -> AsyncIterator[object]:
    """Thinks until the process is about to end, and answers then."""
    trace(name_of(request), "asked")
    while not shutdown.draining():  # noqa: ASYNC110
        await asyncio.sleep(0.001)

    async def items() -> AsyncIterator[object]:
        with traced(name_of(request)):
            yield {"n": 0}

    return items()


# Streams and the database.


@event_stream(ping_interval=1)
async def db_idle(request: HttpRequest) -> AsyncIterator[object]:
    """A query, then nothing."""
    with traced(name_of(request)):
        yield {"products": await Product.objects.acount()}
        await asyncio.sleep(3600)


@event_stream(ping_interval=1, release_connections=False)
async def db_keeper(request: HttpRequest) -> AsyncIterator[object]:
    """A query, then nothing, and the connection stays."""
    with traced(name_of(request)):
        yield {"products": await Product.objects.acount()}
        await asyncio.sleep(3600)


@event_stream(ping_interval=1, release_connections=False)
def sync_db_keeper(request: HttpRequest) -> Iterator[object]:
    """The same with a sync generator, which looks now and then whether it may go on."""
    with traced(name_of(request)):
        yield {"products": Product.objects.count()}
        while True:
            time.sleep(0.5)
            yield ServerSentEvent(comment="still here")


@event_stream(ping_interval=1)
async def db_bursts(request: HttpRequest) -> AsyncIterator[object]:
    """Queries, a pause longer than a release takes, queries again."""
    with traced(name_of(request)):
        for n in range(int(number(request, "count", 3))):
            products = [product.pk async for product in Product.objects.all()]
            yield {"n": n, "products": products}
            await asyncio.sleep(number(request, "pause", 1.5))


@event_stream(ping_interval=1)
def sync_db_sleeper(request: HttpRequest) -> Iterator[object]:
    """A query, then a generator that sleeps, in one piece up to `?sleep=`, and a query again."""
    with traced(name_of(request)):
        yield {"products": Product.objects.count()}
        time.sleep(number(request, "sleep", 5))
        yield {"products": Product.objects.count()}


@event_stream(ping_interval=1)
def sync_db_waiter(request: HttpRequest) -> Iterator[object]:
    """A query, then sleeps with a yield now and then."""
    with traced(name_of(request)):
        yield {"products": Product.objects.count()}
        while True:
            time.sleep(0.5)
            yield ServerSentEvent(comment="still here")


@event_stream(ping_interval=1)
async def rows(request: HttpRequest) -> AsyncIterator[object]:
    """Rows one by one, with `?pause=` seconds between them: a cursor is open all the while."""
    pause = 0.0
    with traced(name_of(request)):
        async for product in Product.objects.order_by("pk").aiterator(chunk_size=1):
            await asyncio.sleep(pause)
            yield {"pk": product.pk, "name": product.name}
            pause = number(request, "pause", 2)


@event_stream(ping_interval=1)
def sync_rows(request: HttpRequest) -> Iterator[object]:
    """The same with a sync generator."""
    pause = 0.0
    with traced(name_of(request)):
        for product in Product.objects.order_by("pk").iterator(chunk_size=1):
            time.sleep(pause)
            yield {"pk": product.pk, "name": product.name}
            pause = number(request, "pause", 2)


@event_stream(ping_interval=1)
def atomic(request: HttpRequest) -> Iterator[object]:
    """A row that only its own transaction sees, still there after a pause, then rolled back."""
    name = name_of(request)
    with traced(name), transaction.atomic():
        Product.objects.create(name=name)
        yield {"seen": Product.objects.filter(name=name).count()}
        time.sleep(number(request, "pause", 2))
        yield {"seen": Product.objects.filter(name=name).count()}
        transaction.set_rollback(True)


@event_stream(ping_interval=1)
async def async_atomic(request: HttpRequest) -> AsyncIterator[object]:
    """The same held open across awaits, through sync_to_async as async code has to."""
    name = name_of(request)

    @sync_to_async
    def seen() -> int:
        return Product.objects.filter(name=name).count()

    block = transaction.atomic()
    with traced(name):
        await sync_to_async(block.__enter__)()
        try:
            await Product.objects.acreate(name=name)
            yield {"seen": await seen()}
            await asyncio.sleep(number(request, "pause", 2))
            yield {"seen": await seen()}
        finally:
            await sync_to_async(transaction.set_rollback)(True)
            await sync_to_async(block.__exit__)(None, None, None)


# Streams and middleware.


@event_stream
async def session(request: HttpRequest) -> AsyncIterator[object]:
    """Counts this session's visits, then waits."""
    with traced(name_of(request)):
        visits = await request.session.aget("visits", 0)
        yield {"visits": visits}
        await asyncio.sleep(3600)


async def session_by_hand(request: HttpRequest) -> EventSourceResponse:
    """Writes the session before the stream starts, as a view does that wants it saved."""
    visits = await request.session.aget("visits", 0) + 1
    await request.session.aset("visits", visits)

    async def events() -> AsyncIterator[object]:
        with traced(name_of(request)):
            yield {"visits": visits}
            await asyncio.sleep(3600)

    return EventSourceResponse(events())


@event_stream
async def user(request: HttpRequest) -> AsyncIterator[object]:
    """Who is signed in."""
    with traced(name_of(request)):
        yield {"user": (await request.auser()).get_username()}
        await asyncio.sleep(3600)


@event_stream
async def language(request: HttpRequest) -> AsyncIterator[object]:
    """The language of the request, and a lazy string in it."""
    with traced(name_of(request)):
        yield {"language": get_language(), "word": gettext_lazy("Monday")}
        await asyncio.sleep(0.1)
        yield {"language": get_language(), "word": gettext_lazy("Monday")}
        await asyncio.sleep(3600)


@event_stream
def sync_language(request: HttpRequest) -> Iterator[object]:
    """The same with a sync generator."""
    with traced(name_of(request)):
        for _ in range(2):
            yield {"language": get_language(), "word": gettext_lazy("Monday")}
            time.sleep(0.1)


@event_stream
async def write(request: HttpRequest) -> AsyncIterator[object]:
    """Makes a row, then waits: under ATOMIC_REQUESTS nobody may wait for the end of the stream to see it."""
    with traced(name_of(request)):
        product = await Product.objects.acreate(name=name_of(request))
        yield {"pk": product.pk}
        await asyncio.sleep(3600)


@event_stream
def sync_write(request: HttpRequest) -> Iterator[object]:
    """The same with a sync generator."""
    with traced(name_of(request)):
        product = Product.objects.create(name=name_of(request))
        yield {"pk": product.pk}
        while True:
            time.sleep(0.1)
            yield ServerSentEvent(comment="still here")
