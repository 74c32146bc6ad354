"""The look at a table: what it sees, what it costs, when it is taken."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sse_django.admin.live import fingerprint as module
from sse_django.admin.live import watch
from sse_django.admin.live.fingerprint import fingerprint
from sse_django.admin.live.notices import follow
from sse_django.hubs import get_hub, start_hub
from sse_django.outbox import captures
from sse_django.testing import live_backend
from tests.admin_live.orders.models import Order
from tests.live.waiting import stays, until

pytestmark = pytest.mark.django_db


def look() -> str:
    return fingerprint(Order, "default")


def fill(count: int) -> None:
    Order.objects.bulk_create(Order(number=str(i)) for i in range(count))


def test_it_sees_what_sends_no_signal() -> None:
    fill(5)
    seen = [look()]
    Order.objects.filter(number="3").update(total=99)
    seen.append(look())
    Order.objects.bulk_create([Order(number="new")])
    seen.append(look())
    Order.objects.filter(number="new")._raw_delete("default")
    seen.append(look())
    with connection.cursor() as cursor:
        cursor.execute("UPDATE orders_order SET status = 'paid' WHERE number = '1'")
    seen.append(look())
    assert seen[1] == seen[3]
    assert len(set(seen)) == 4
    assert look() == seen[-1]


def test_it_costs_two_queries_however_large_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WHOLE", 20)
    monkeypatch.setattr(module, "NEWEST", 5)
    for count in (0, 10, 30):
        fill(count)
        with CaptureQueriesContext(connection) as queries:
            look()
        assert len(queries) == (2 if count else 1)
    assert "LIMIT 5" in queries[1]["sql"]


def test_of_a_large_table_it_sees_the_newest_rows_and_the_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WHOLE", 20)
    monkeypatch.setattr(module, "NEWEST", 5)
    fill(30)
    before = look()
    Order.objects.filter(number="29").update(total=99)
    assert look() != before
    before = look()
    Order.objects.filter(number="3").update(total=99)
    assert look() == before  # and that is said in the docs
    Order.objects.filter(number="3")._raw_delete("default")
    assert look() != before


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "TURN", 0.02)
    monkeypatch.setattr(watch, "IDLE", 0.3)


@contextmanager
def all_published() -> Iterator[list[Any]]:
    published: list[Any] = []
    captures.append(published)
    yield published
    captures.remove(published)


class Table:
    """Something to look at that isn't a database."""

    def __init__(self) -> None:
        self.state = 1
        self.looks = 0

    def look(self) -> int:
        self.looks += 1
        return self.state


def running() -> bool:
    return any(thread.name == "sse-admin-live" for thread in threading.enumerate())


@contextmanager
def watched(table: Table) -> Iterator[list[Any]]:
    """Somebody reads the list's channel; what is published meanwhile."""
    follower = follow(Order, "default")
    with live_backend(), all_published() as events:
        hub = get_hub("default")
        reader = hub.open((follower.channel,), None)
        start_hub(hub)
        until(lambda: hub.ring is not None, 30, "the log is followed")
        watch.watch(follower, table.look, 0.05)  # it waits for a reader, but not for as long as a busy machine may take
        yield events
        reader.close("disconnected")
        until(lambda: not running(), 10, "the thread ends")


def names(events: list[Any]) -> list[str]:
    return [message.event for message, _ in events]


@pytest.mark.django_db(transaction=True)
def test_it_is_taken_while_somebody_watches_and_no_longer(quick: None) -> None:
    table = Table()
    with watched(table) as events:
        until(lambda: table.looks > 3, 10, "it is looked at")
        assert names(events) == ["check"]  # it isn't known what pages show that are open already
        table.state = 2
        until(lambda: len(events) == 2, 10, "it is told")
        before = table.looks
        until(lambda: table.looks > before + 3, 10, "it is looked at again")
        assert names(events) == ["check", "check"]
    looks = table.looks
    stays(lambda: table.looks == looks, 0.3, "nobody looks")


@pytest.mark.django_db(transaction=True)
def test_a_change_that_was_told_is_told_once_more_for_what_may_have_followed_it_in_silence(quick: None) -> None:
    """Even if the table looks as before: a page may have been read in between."""
    table = Table()
    with watched(table) as events:
        until(lambda: len(events) == 1, 10, "the first look")
        Order.objects.create(number="A1")
        until(lambda: names(events) == ["check", "change", "check"], 10, "it is told")
        before = table.looks
        until(lambda: table.looks > before + 3, 10, "it is looked at again")
        assert len(events) == 3


def turn(each: watch.Watch, later: float) -> None:
    """In a thread of its own, as it closes its connections."""
    thread = threading.Thread(target=each.turn, args=[time.monotonic() + later])
    thread.start()
    thread.join(10)


@pytest.mark.django_db(transaction=True)
def test_a_silent_change_after_one_that_was_told_before_the_page_is_told(quick: None) -> None:
    """The page hears of neither: its place in the log is after the one, and the other isn't in the log."""
    table = Table()
    each = watch.Watch(follow(Order, "default"), table.look, 5.0)
    each.see()
    each.hear("change", {"rows": {}})
    with live_backend(), all_published() as events:
        reader = get_hub("default").open((each.follower.channel,), None)
        table.state = 2
        turn(each, 5)
        assert [message.event for message, _ in events] == ["check"]
        turn(each, 10)
        assert len(events) == 1
        reader.close("disconnected")


@pytest.mark.django_db(transaction=True)
def test_a_look_gives_way_to_pages_that_ask_just_now_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "BUSY", 60.0)
    table = Table()
    each = watch.Watch(follow(Order, "default"), table.look, 600.0)
    with live_backend():
        reader = get_hub("default").open((each.follower.channel,), None)
        each.due = time.monotonic()
        each.hear("change", {"rows": {}})
        turn(each, 0)
        assert table.looks == 0
        turn(each, 60)
        assert table.looks == 1
        each.due = time.monotonic() - 600
        each.hear("change", {"rows": {}})
        turn(each, 0)
        assert table.looks == 2
        reader.close("disconnected")


def test_what_another_process_has_found_is_not_told_again() -> None:
    table = Table()
    here, there = (watch.Watch(follow(Order, "default"), table.look, 5.0) for _ in range(2))
    here.see()
    table.state = 2
    there.see()
    here.hear("change", {"rows": {}})
    assert here.told
    here.hear("check", {"by": "another", "look": "in another way", "seen": there.seen})
    assert here.told
    assert here.seen != there.seen
    here.hear("check", {"by": "another", "look": there.way, "seen": there.seen})
    assert not here.told
    assert here.seen == there.seen
    here.see()
    assert here.seen == there.seen


@pytest.mark.django_db(transaction=True)
def test_two_admins_of_a_model_each_look_in_their_way(quick: None) -> None:
    """One that never sees a change doesn't blind the other."""
    blind, table = Table(), Table()

    def look_blindly() -> int:
        return blind.look()

    with watched(table) as events:
        watch.watch(follow(Order, "default"), look_blindly, 60)
        watch.watch(follow(Order, "default"), table.look, 60)
        until(lambda: len(events) == 1, 10, "the first look")
        table.state = 2
        until(lambda: len(events) == 2, 10, "it is told")


def test_what_a_look_sees_is_the_same_in_every_process() -> None:
    """The order of a set isn't, and where a value lies in memory is not what it is."""
    code = (
        "import django; django.setup()\n"
        "from sse_django.admin.live.watch import _text\n"
        "print(_text([{'one', 'two', 'three', 'four'}, {'key': {'five', 'six', 'seven'}}, 8]))"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "DJANGO_SETTINGS_MODULE": "tests.settings"},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in "12"
    }
    assert len(texts) == 1


def test_a_value_of_any_type_looks_like_itself() -> None:
    class Place:
        def __init__(self) -> None:
            self.x = 1

    class Named(Place):
        def __str__(self) -> str:
            return f"place {self.x}"

    for kind in (Place, Named):
        moved = kind()
        moved.x = 2
        assert repr(module._plain(kind())) == repr(module._plain(kind())) != repr(module._plain(moved))


def test_a_look_that_fails_is_logged_and_the_next_may_work(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> Any:
        raise ValueError("no table")

    each = watch.Watch(follow(Order, "default"), fail, 5.0)
    assert not each.see()
    assert "a look at orders.Order failed" in caplog.text
    each.look = lambda: 1
    assert each.see()


def test_a_slow_look_is_taken_more_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([90.0, 100.0, 102.0])
    with monkeypatch.context() as patched:  # it's everybody's clock
        patched.setattr("sse_django.admin.live.watch.time.monotonic", lambda: next(clock))
        each = watch.Watch(follow(Order, "default"), lambda: 1, 5.0)
        each.see()
    assert each.due == 102.0 + 40.0


def test_nothing_is_looked_at_in_tests_that_havent_asked_for_it() -> None:
    table = Table()
    watch.watch(follow(Order, "default"), table.look, 0.05)
    assert table.looks == 0
    assert not running()
