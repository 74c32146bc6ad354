"""Sources are asked once for all viewers, on their schedule, only while somebody looks; what goes wrong stays in its widget."""

import asyncio
import json
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, connections
from django.utils import translation

from sse_django import apublish
from sse_django.admin import Dashboard, Log, Number, Progress, Table, TimeSeries, Widget
from sse_django.admin.dashboard.board import Board
from sse_django.admin.dashboard.sources import THREADS
from sse_django.backends import reset_backends
from sse_django.feeds import ModelFeed
from sse_django.feeds.registry import isolated_feeds
from sse_django.syncquery import NOTE
from sse_django.testing import EventParser, live_backend
from tests.app.models import Category, Product
from tests.live.waiting import until

QUICK = 0.1


def board(may_start: bool = True, **widgets: Widget) -> Board:
    for name, widget in widgets.items():
        widget.__set_name__(Dashboard, name)
    return Board("Test", widgets, lambda: may_start)


class Viewer:
    """Reads a board as a stream does."""

    def __init__(self, stream: AsyncIterator[bytes]) -> None:
        self._stream = stream
        self._parser = EventParser()
        self.chunks: list[bytes] = []
        self.seen: list[tuple[str, Any]] = []

    async def until(self, condition: Callable[[str, Any], bool]) -> Any:
        async with asyncio.timeout(30):
            while True:
                for index, (event, data) in enumerate(self.seen):
                    if condition(event, data):
                        del self.seen[: index + 1]
                        return data
                chunk = await anext(self._stream)
                self.chunks.append(chunk)
                self.seen += [(e.event, json.loads(e.data)) for e in self._parser.feed(chunk) if e.dispatched]

    async def value(self, expected: Any = ...) -> Any:
        """The next number of an update."""

        def is_it(event: str, data: Any) -> bool:
            return event == "update" and (expected is ... or _value(data) == expected)

        return _value(await self.until(is_it))

    async def problem(self) -> Any:
        """What is said of a widget in trouble: when it begins, or at once to those who come later."""
        return (await self.until(lambda event, data: bool(data.get("problem"))))["problem"]

    async def event(self, name: str) -> Any:
        return await self.until(lambda event, data: event == name)


def _value(data: Any) -> Any:
    return data["update"]["point"][1]["value"]


@asynccontextmanager
async def watching(board: Board, *names: str) -> AsyncIterator[Viewer]:
    async with aclosing(board.watch(names, b"")) as stream:  # type: ignore[type-var]
        yield Viewer(stream)


async def test_a_source_is_asked_once_an_interval_however_many_look() -> None:
    asked: list[int] = []

    def source() -> int:
        asked.append(1)
        return len(asked)

    one = board(n=Number(source, interval=QUICK))
    streams = [one.watch(("n",), b"") for _ in range(50)]
    viewers = [Viewer(stream) for stream in streams]
    started = time.monotonic()
    for viewer in viewers:
        await viewer.event("state")
    last = len(asked) + 4
    await asyncio.gather(*(viewer.value(last) for viewer in viewers))
    for stream in streams:
        await stream.aclose()  # type: ignore[attr-defined]
    lasted = time.monotonic() - started  # until the last had left, it was asked

    assert last <= len(asked) <= lasted / QUICK + 2
    # Encoded once: all got the very same object.
    assert len({id(viewer.chunks[-1]) for viewer in viewers}) < 10


async def test_nobody_looks_and_nothing_is_asked() -> None:
    asked: list[int] = []
    one = board(n=Number(lambda: asked.append(1) or 1, interval=QUICK))

    assert not asked
    async with watching(one, "n") as viewer:
        await viewer.value()
    assert one.watched == {}
    before = len(asked)
    await asyncio.sleep(QUICK * 3)  # the time over which "not at all" is judged

    assert len(asked) - before <= 1  # a call may have been under way


async def test_a_widget_that_nobody_may_see_is_not_asked() -> None:
    asked: list[str] = []
    one = board(
        open=Number(lambda: asked.append("open") or 1, interval=QUICK),
        closed=Number(lambda: asked.append("closed") or 1, interval=QUICK),
    )

    async with watching(one, "open") as viewer:
        await viewer.value()
        await viewer.value()

    assert set(asked) == {"open"}


async def test_coming_and_going_does_not_ask_more_often() -> None:
    asked: list[int] = []
    one = board(n=Number(lambda: asked.append(1) or 1, interval=60))

    def known(event: str, data: Any) -> bool:  # the answer may be there before the viewer is
        return event == "update" or any(points for _, points in (data.get("state") or {}).get("series", ()))

    async with watching(one, "n") as viewer:
        await viewer.until(known)
    for _ in range(5):
        async with watching(one, "n") as viewer:
            state = await viewer.event("state")

    assert len(asked) == 1
    assert state["state"]["series"] == [["value", [1]]]


async def test_a_newcomer_gets_what_is_known_at_once() -> None:
    one = board(line=TimeSeries(lambda: 5, interval=60, history=lambda: [(time.time() - 5, 3), (time.time() - 1, 4)]))

    async with watching(one, "line") as first, asyncio.timeout(30):
        await first.event("state")
        while True:
            async with watching(one, "line") as second:
                state = (await second.event("state"))["state"]
            if len(state["times"]) == 3:
                break
            await asyncio.sleep(0.01)

    assert state["series"] == [["", [3, 4, 5]]]


async def test_a_slow_source_never_overlaps_itself_and_says_that_it_is_late() -> None:
    running: list[int] = []
    most: list[int] = []

    def slow() -> int:
        running.append(1)
        most.append(len(running))
        time.sleep(0.4)
        running.pop()
        return len(most)

    one = board(n=Number(slow, interval=QUICK, timeout=0.1))
    async with watching(one, "n") as viewer:
        assert (await viewer.problem())["kind"] == "timeout"
    async with watching(one, "n") as viewer:  # its thread may still run
        healed = await viewer.until(lambda event, data: event == "state" and data["problem"] is None)

    assert healed["state"]["times"]
    assert max(most) == 1


async def test_a_source_that_hangs_is_said_to_those_who_come_later_too() -> None:
    release = threading.Event()
    asked = asyncio.Event()
    here = asyncio.get_running_loop()

    def hangs() -> int:
        here.call_soon_threadsafe(asked.set)
        release.wait(20)
        return 1

    one = board(n=Number(hangs, interval=QUICK, timeout=0.5))
    try:
        async with watching(one, "n") as viewer, asyncio.timeout(30):
            await viewer.event("state")
            await asked.wait()
        async with watching(one, "n") as viewer:  # who has loaded the page again, since nothing came
            assert (await viewer.problem())["kind"] == "timeout"
    finally:
        release.set()


async def test_sources_that_hang_dont_keep_the_others_waiting() -> None:
    release = threading.Event()

    def hangs() -> int:
        release.wait(20)
        return 1

    hanging = {f"n{index}": Number(hangs, interval=QUICK, timeout=0.2) for index in range(THREADS + 2)}
    one = board(**hanging, good=Number(lambda: 7, interval=QUICK))
    try:
        async with watching(one, *hanging) as viewer:
            for _ in hanging:
                assert (await viewer.problem())["kind"] == "timeout"
            async with watching(one, "good") as late:
                assert await late.value() == 7
    finally:
        release.set()


def exits() -> int:
    raise SystemExit(2)


async def exits_too() -> int:
    raise SystemExit(2)


async def is_cancelled() -> int:
    raise asyncio.CancelledError


@pytest.mark.parametrize("source", [exits, exits_too, is_cancelled])
async def test_a_source_that_would_end_the_process_has_failed_like_others(source: Any) -> None:
    one = board(bad=Number(source, interval=QUICK), good=Number(lambda: 7, interval=QUICK))

    async with watching(one, "bad", "good") as viewer:
        assert (await viewer.problem())["kind"] == "error"
        for _ in range(3):
            await viewer.value(7)


async def test_an_async_source_that_is_late_is_cancelled() -> None:
    ended = asyncio.Event()
    here = asyncio.get_running_loop()

    async def slow() -> int:
        try:
            await asyncio.sleep(60)
        finally:
            here.call_soon_threadsafe(ended.set)
        return 1

    one = board(n=Number(slow, interval=QUICK, timeout=0.1))
    async with watching(one, "n") as viewer:
        await viewer.problem()
        async with asyncio.timeout(30):
            await ended.wait()


async def test_a_failing_source_says_so_once_and_heals_and_the_others_go_on(
    caplog: pytest.LogCaptureFixture, settings: Any
) -> None:
    settings.DEBUG = False
    fails = True

    def source() -> int:
        if fails:
            raise ValueError("the secret")
        return 7

    one = board(bad=Number(source, interval=QUICK), good=Number(lambda: 1, interval=QUICK))
    with caplog.at_level(logging.ERROR, "sse_django"):
        async with watching(one, "bad", "good") as viewer:
            problem = await viewer.problem()
            await viewer.value(1)
            await viewer.value(1)
            await viewer.value(1)
            async with watching(one, "bad") as late:
                assert (await late.event("state"))["problem"] == problem
            fails = False
            healed = await viewer.until(lambda event, data: event == "state" and data["widget"] == "bad")

    assert problem == {"kind": "error", "detail": None}
    assert healed["problem"] is None
    assert healed["state"]["series"] == [["value", [7]]]
    assert b"secret" not in b"".join(viewer.chunks)
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "the widget 'bad' of the dashboard 'Test' failed" in caplog.text
    assert "ValueError: the secret" in caplog.text


async def test_an_async_source_that_queries_as_sync_code_does_is_told_what_to_do_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def source() -> int:
        return Product.objects.count()

    async with watching(board(n=Number(source, interval=QUICK)), "n") as viewer:
        await viewer.problem()
    until(lambda: bool(caplog.records), 30, "the log has been told")
    assert NOTE in logging.Formatter().format(caplog.records[0])


async def test_with_debug_the_error_is_told(settings: Any) -> None:
    settings.DEBUG = True
    one = board(bad=Number(lambda: "text", interval=QUICK))

    async with watching(one, "bad") as viewer:
        problem = await viewer.problem()

    assert problem["detail"].startswith("TypeError: a number (int, float")


async def test_nothing_is_asked_in_a_test_that_has_not_asked_for_it() -> None:
    asked: list[int] = []
    one = board(may_start=False, n=Number(lambda: asked.append(1) or 1, interval=QUICK))

    async with watching(one, "n") as viewer:
        await viewer.event("state")
        await asyncio.sleep(QUICK * 2)  # the time over which "nothing" is judged

    assert not asked


async def test_the_first_viewers_language_is_nobody_elses() -> None:
    seen: list[str] = []
    one = board(n=Number(lambda: seen.append(translation.get_language()) or 1, interval=QUICK))

    with translation.override("de"):
        async with watching(one, "n") as viewer:
            await viewer.value()

    assert set(seen) == {"en-us"}


@pytest.mark.django_db(transaction=True)
async def test_queries_of_sync_and_async_sources_leave_no_connection_behind() -> None:
    opened: list[Any] = []

    def sync() -> int:
        count = Product.objects.count()
        opened.append(connections["default"])
        return count

    async def native() -> int:
        return await Product.objects.acount()

    one = board(
        a=Number(sync, interval=QUICK), b=Number(native, interval=QUICK), c=Number(Product.objects, interval=QUICK)
    )
    async with watching(one, "a", "b", "c") as viewer:
        for name in ("a", "b", "c"):
            await viewer.until(lambda event, data, name=name: event == "update" and data["widget"] == name)

    assert opened
    assert all(one is not connection and one.connection is None for one in opened)
    await asyncio.to_thread(
        until, lambda: "sse-dashboard" not in {thread.name for thread in threading.enumerate()}, 30, "no thread is left"
    )


async def test_a_viewer_who_falls_behind_gets_everything_anew() -> None:
    values = iter(range(10_000))
    one = board(n=Number(lambda: next(values), interval=QUICK, points=5))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(one._ring, "_max_events", 2)
        async with watching(one, "n") as slow, watching(one, "n") as quick:
            await slow.event("state")
            await quick.value(6)
            state = await slow.event("state")

    assert state["state"]["series"][0][1][-1] >= 5


async def test_several_tasks_have_one_event() -> None:
    one = board(p=Progress(lambda: {"a": (1, 2), "b": 0.5}, interval=QUICK))

    async with watching(one, "p") as viewer:
        await viewer.event("state")
        async with watching(one, "p") as later:
            told = await later.until(lambda event, data: bool(data.get("state") or data.get("update")))

    value = (told.get("state") or told["update"])["value"]
    assert [task["name"] for task in value] == ["a", "b"]


@pytest.fixture
def _memory(settings: Any) -> Iterator[None]:
    """Channels in memory, and feeds that are forgotten afterwards."""
    settings.SSE_DJANGO = {"BACKENDS": {"default": {"BACKEND": "sse_django.backends.memory.MemoryBackend"}}}
    reset_backends()
    with live_backend(), isolated_feeds():
        yield
    reset_backends()


@pytest.mark.usefixtures("_memory")
async def test_a_source_is_asked_at_once_when_something_is_published_in_its_channel() -> None:
    published = False
    one = board(n=Number(lambda: int(published), interval=600, on="orders"))

    async with watching(one, "n") as viewer:
        assert await viewer.value() == 0
        published = True
        await apublish("orders", {"id": 1})
        await viewer.value(1)


@pytest.mark.usefixtures("_memory")
async def test_a_burst_in_a_channel_is_a_few_calls() -> None:
    asked: list[int] = []
    one = board(n=Number(lambda: asked.append(1) or len(asked), interval=600, on=["orders", "stock"]))

    async with watching(one, "n") as viewer:
        started = time.monotonic()
        await viewer.event("state")
        for number in range(200):
            await apublish("orders", {"id": number})
        await asyncio.to_thread(until, lambda: len(asked) >= 2, 10, "it is asked again")

        assert len(asked) <= 2 + (time.monotonic() - started) / 0.25


@pytest.mark.usefixtures("_memory")
@pytest.mark.django_db(transaction=True)
async def test_a_feed_is_its_rows_and_its_events() -> None:
    class CategoryFeed(ModelFeed):
        model = Category
        fields = ["id", "name"]

    table = Table(CategoryFeed)
    one = board(count=Number(CategoryFeed), rows=table, log=Log(CategoryFeed, line=lambda event: event.data["name"]))

    async def write() -> None:
        for number in range(1000):
            await Category.objects.acreate(name=f"Rye {number}")
            await asyncio.sleep(0.05)

    async with watching(one, "count", "rows", "log") as viewer:
        writing = asyncio.create_task(write())
        line = await viewer.until(lambda event, data: data["widget"] == "log" and event == "update")
        await viewer.until(lambda event, data: data["widget"] == "count" and event == "update" and _value(data) >= 2)
        rows = await viewer.until(lambda event, data: data["widget"] == "rows" and event == "update")
        writing.cancel()
        await asyncio.wait({writing})

    assert (table.headings(), table.interval) == (["ID", "Name"], 30.0)
    assert line["update"]["lines"][0]["text"].startswith("Rye ")
    assert rows["update"]["value"]["rows"][0][1][1].startswith("Rye ")


@pytest.mark.usefixtures("_memory")
def test_a_feed_whose_channels_depend_on_its_rows_is_asked_by_its_interval() -> None:
    class OwnFeed(ModelFeed):
        model = Category
        fields = ["name"]

        def channels_for(self, row: Any) -> list[str]:
            return [f"owner:{row.pk}"]

        def channels(self, request: Any) -> list[str]:
            return []

    assert (Number(OwnFeed).interval, Number(OwnFeed).on) == (5.0, ())
    with pytest.raises(ImproperlyConfigured, match="the channels of OwnFeed depend on its rows"):
        Log(OwnFeed)


async def test_sync_sources_have_a_bounded_number_of_threads() -> None:
    running: list[int] = []
    most: list[int] = []
    together = threading.Event()

    def slow() -> int:
        running.append(1)
        most.append(len(running))
        if len(running) > 1:
            together.set()
        together.wait(5)
        time.sleep(0.05)
        running.pop()
        return 1

    one = board(**{f"n{index}": Number(slow, interval=QUICK) for index in range(30)})
    names = list(one._widgets)
    async with watching(one, *names) as viewer:
        for name in names:
            await viewer.until(lambda event, data, name=name: data["widget"] == name and bool(data["at"]))

    assert 1 < max(most) <= 8
