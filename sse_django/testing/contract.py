"""What every backend promises, as tests: subclass `BackendContract` for yours, and run it against the real engine.

    class TestMyBackend(BackendContract):
        @pytest.fixture(autouse=True)
        def _engine(self, my_engine):
            self.engine = my_engine              # with an empty log

        def make_backend(self, **options):
            return MyBackend("default", {"url": self.engine.url, **options})

It works under pytest and unittest. A `transactional` backend is tested by `TransactionalContract`.
"""

from __future__ import annotations

import threading
import time
import unittest
from collections.abc import Callable, Collection
from typing import Any
from unittest import mock

from django.db import connections, transaction

from sse_django.backends.base import BaseBackend, Message, StoredEvent
from sse_django.exceptions import Gone

#: Seconds after which something that must happen is taken not to.
PATIENCE = 15.0


class BackendContract:
    """The promises of `sse_django.backends.base.BaseBackend`. Each test begins with an empty log."""

    #: Whether a second instance, as in another process, reads the same log.
    shared = True

    def make_backend(self, **options: Any) -> BaseBackend:
        """A new instance on this test's log, with these OPTIONS beside those that the engine needs."""
        raise NotImplementedError

    def save(self, backend: BaseBackend) -> Any:
        """What the engine has stored, for `restore`: a backup, or what had reached the disk."""
        raise unittest.SkipTest("no save() and restore(): losing acknowledged events is not tested")

    def restore(self, backend: BaseBackend, saved: Any) -> None:
        """Put the engine back to there, so that it goes on with numbers that it has used already."""
        raise NotImplementedError

    def new(self, **options: Any) -> BaseBackend:
        """`make_backend`, closed at the end of the test."""
        backend = self.make_backend(**options)
        vars(self).setdefault("_made", []).append(backend)
        return backend

    def teardown_method(self) -> None:
        """Under pytest."""
        for backend in vars(self).pop("_made", []):
            backend.close()

    def tearDown(self) -> None:
        """Under unittest."""
        self.teardown_method()

    # -- order

    def test_a_new_log_has_a_head_with_nothing_after_it(self) -> None:
        backend = self.new()
        head = backend.head()
        assert backend.head() == head
        assert backend.read(head, None, 10) == ([], head)
        assert backend.read(head, {"orders"}, 10) == ([], head)

    def test_events_are_read_in_the_order_of_publishing(self) -> None:
        backend = self.new()
        start = backend.head()
        publish(backend, "a", "b")
        backend.publish([Message(("orders",), text) for text in "cdefg"])
        publish(backend, "h")
        events, looked = backend.read(start, None, 100)
        assert texts(events) == list("abcdefgh")
        assert looked == events[-1].cursor == backend.head()
        assert len({event.cursor for event in events}) == 8

    def test_an_event_is_read_as_it_was_published(self) -> None:
        backend = self.new()
        start = backend.head()
        sent = [
            Message(("orders", "user:1"), '{"n":1}', event="created", retry=0, comment="hello"),
            Message(("orders",), "", event="empty"),
            Message(("orders",), None, event="none", retry=5000),
            Message(("orders",), None, comment="only a comment"),
            Message(("orders",), "grüße 世界 🦆 \u2028\x0b\x7f 'quoted' \"twice\" \\ % %s {} \\u0000"),
            Message(("orders",), "line\r\nline\rline\n"),
            Message(("straße", "世界", "a" * 200), " spaces "),
        ]
        backend.publish(sent)
        events, _ = backend.read(start, None, 100)
        assert [event.message for event in events] == sent

    def test_a_reader_goes_on_from_every_place(self) -> None:
        backend = self.new()
        start = backend.head()
        publish(backend, *"abcdefg")
        events, _ = backend.read(start, None, 100)
        for index, event in enumerate(events):
            assert texts(backend.read(event.cursor, None, 100)[0]) == list("abcdefg"[index + 1 :])
        assert texts(backend.read(start, None, 100)[0]) == list("abcdefg")

    def test_pages_miss_nothing_and_repeat_nothing(self) -> None:
        backend = self.new()
        start = backend.head()
        for index in range(23):
            publish(backend, str(index), channels=("even",) if index % 2 == 0 else ("odd",))
        for limit in (1, 2, 5, 22, 23, 24):
            for channels, wanted in ((None, range(23)), ({"odd"}, range(1, 23, 2)), ({"even", "odd"}, range(23))):
                assert page_through(backend, start, channels, limit) == [str(index) for index in wanted]

    def test_fewer_events_than_the_limit_means_that_the_log_was_looked_through(self) -> None:
        backend = self.new()
        start = backend.head()
        for index in range(30):
            publish(backend, str(index), channels=("busy",))
        publish(backend, "quiet", channels=("quiet",))
        for index in range(30):
            publish(backend, str(index), channels=("busy",))
        events, looked = backend.read(start, {"quiet"}, 2)
        assert texts(events) == ["quiet"]
        assert looked == backend.head()
        assert backend.read(looked, {"quiet"}, 2) == ([], looked)
        assert backend.read(start, {"nobody"}, 2) == ([], looked)

    # -- channels

    def test_an_event_in_several_channels_is_one_event(self) -> None:
        backend = self.new()
        start = backend.head()
        backend.publish([Message(("a", "b", "c"), "x")])
        for channels in ({"a"}, {"c"}, {"a", "b"}, {"a", "b", "c", "d"}, None):
            events, _ = backend.read(start, channels, 10)
            assert texts(events) == ["x"]
            assert events[0].message.channels == ("a", "b", "c")
        assert backend.read(start, {"d"}, 10)[0] == []

    def test_channels_are_told_apart_exactly(self) -> None:
        """No pattern, no prefix, no folding of case or accents, whatever the engine's own comparison does."""
        backend = self.new()
        start = backend.head()
        names = [
            "order",
            "orders",
            "Orders",
            "o%",
            "o_ders",
            "o*",
            "o?ders",
            "[o]rders",
            "o!_ders",
            "ördérs",
            ">",
            "a.b",
            "a.*",
        ]
        for name in names:
            publish(backend, name, channels=(name,))
        for name in names:
            assert texts(backend.read(start, {name}, 100)[0]) == [name]

    # -- what the log can't answer

    def test_a_cursor_below_what_is_kept_is_gone(self) -> None:
        backend = self.new(max_events=5)
        start = backend.head()
        publish(backend, *"abcdefghijkl")
        events, _ = backend.read(start, None, 100)
        head = backend.head()
        assert trim_all(backend) == 7
        assert backend.head() == head
        for cursor in [start, *(event.cursor for event in events[:6])]:
            assert gone(backend, cursor) == ("trimmed", head)
        # Nothing after the last one that went is missing.
        for index in range(6, 12):
            assert texts(backend.read(events[index].cursor, None, 100)[0]) == list("abcdefghijkl"[index + 1 :])

    def test_a_quiet_channel_does_not_fall_behind_because_others_are_busy(self) -> None:
        backend = self.new(max_events=5)
        cursor = backend.head()
        for _ in range(5):
            publish(backend, *"abcdefgh", channels=("busy",))
            events, cursor = backend.read(cursor, {"quiet"}, 100)
            assert events == []
            trim_all(backend)
        publish(backend, "at last", channels=("quiet",))
        assert texts(backend.read(cursor, {"quiet"}, 100)[0]) == ["at last"]

    def test_a_log_trimmed_empty_does_not_start_over(self) -> None:
        backend = self.new(max_age=0.001)
        start = backend.head()
        publish(backend, *"abc")
        head = backend.head()
        assert within(lambda: trim_all(backend) and backend.read(head, None, 1) == ([], head))
        within(lambda: trim_all(backend) == 0)
        assert backend.head() == head
        assert gone(backend, start) == ("trimmed", head)
        publish(backend, "d")
        assert texts(backend.read(head, None, 100)[0]) == ["d"]

    def test_what_is_young_and_few_is_kept(self) -> None:
        backend = self.new(max_events=10, max_age=3600.0)
        start = backend.head()
        publish(backend, *"abcdefghij")
        assert backend.trim() == 0
        assert len(backend.read(start, None, 100)[0]) == 10
        unlimited = self.new(max_events=None, max_age=None)
        assert unlimited.trim() == 0

    def test_rotating_the_epoch_makes_every_cursor_gone(self) -> None:
        backend = self.new()
        start = backend.head()
        publish(backend, *"abc")
        before = backend.head()
        backend.rotate_epoch()
        head = backend.head()
        for cursor in (start, before):
            assert gone(backend, cursor) == ("epoch", head)
        assert backend.read(head, None, 10) == ([], head)
        publish(backend, "d")
        assert texts(backend.read(head, None, 10)[0]) == ["d"]
        backend.rotate_epoch()
        assert gone(backend, head)[0] == "epoch"

    def test_a_cursor_of_something_else_is_gone(self) -> None:
        backend = self.new()
        publish(backend, "a")
        head = backend.head()
        for cursor in (
            "",
            "0",
            "12",
            "nonsense",
            "$",
            "0-0",
            "-1",
            "' OR 1=1",
            "x" * 500,
            "9" * 40,
            head + "0",
            "0" + head,
        ):
            assert gone(backend, cursor)[1] == head

    def test_events_that_the_engine_lost_are_not_taken_for_those_that_have_their_numbers_now(self) -> None:
        backend = self.new()
        publish(backend, *"abc")
        kept = backend.head()
        saved = self.save(backend)
        publish(backend, *"def")
        lost = [event.cursor for event in backend.read(kept, None, 10)[0]]
        self.restore(backend, saved)
        backend = self.new()
        assert backend.head() == kept
        for cursor in lost:
            assert gone(backend, cursor) == ("ahead", kept)
        publish(backend, *"ghijk")
        head = backend.head()
        for cursor in lost:
            assert gone(backend, cursor) == ("ahead", head)
        assert texts(backend.read(kept, None, 10)[0]) == list("ghijk")

    # -- keys and sizes

    def test_a_repeated_key_is_one_event(self) -> None:
        backend = self.new()
        start = backend.head()
        publish(backend, "a", key="1")
        publish(backend, "again", key="1")
        backend.publish(
            [Message(("orders",), text, key=key) for text, key in (("x", "1"), ("b", "2"), ("y", "2"), ("c", None))]
        )
        publish(backend, "d", key="A-key")
        publish(backend, "e", key="a-key")
        publish(backend, "f", key="a-key ")
        publish(backend, "g", key="ü" * 200)
        publish(backend, "z", key="ü" * 200)
        assert texts(backend.read(start, None, 100)[0]) == list("abcdefg")

    def test_a_key_published_by_several_at_once_is_one_event(self) -> None:
        backend = self.new()
        start = backend.head()
        barrier = threading.Barrier(4)

        def publisher() -> None:
            for round_ in range(5):
                barrier.wait(PATIENCE)
                publish(backend, str(round_), key=f"round-{round_}")

        in_threads(backend, *[publisher] * 4)
        assert sorted(texts(page_events(backend, start))) == ["0", "1", "2", "3", "4"]

    def test_a_key_can_be_used_again_once_its_event_has_gone(self) -> None:
        backend = self.new(max_events=2)
        publish(backend, "a", key="1")
        publish(backend, *"bcd")
        assert trim_all(backend) == 2
        cursor = backend.head()
        publish(backend, "again", key="1")
        assert texts(backend.read(cursor, None, 10)[0]) == ["again"]

    def test_an_event_that_is_too_large_is_refused_before_anything_is_sent(self) -> None:
        backend = self.new()
        start = backend.head()
        limit = backend.max_bytes
        if limit is None:
            raise unittest.SkipTest("this backend has no limit")
        largest = "ü" * (limit // 2)
        publish(backend, largest)
        for data in (largest + "ü", "x" * (limit + 1)):
            with raises(ValueError) as refusal:
                backend.publish([Message(("orders",), "small"), Message(("orders",), data)])
            assert str(limit) in str(refusal.exception)
        assert texts(page_events(backend, start)) == [largest]

    # -- many at once

    def test_concurrent_publishers_and_a_reader_agree_on_one_order(self) -> None:
        backend = self.new()
        start = backend.head()
        publishers, each = 4, 40
        seen: list[str] = []

        def publisher(name: int) -> Callable[[], None]:
            def run() -> None:
                for index in range(each):
                    publish(backend, f"{name}:{index}")

            return run

        def reader() -> None:
            assert within(step)
            assert backend.read(backend.head(), None, 10)[0] == []

        cursor = start

        def step() -> bool:
            nonlocal cursor
            events, cursor = backend.read(cursor, None, 7)
            seen.extend(texts(events))
            if not events:
                backend.wait(cursor, 0.5)
            return len(seen) == publishers * each

        in_threads(backend, reader, *map(publisher, range(publishers)))
        assert len(set(seen)) == len(seen) == publishers * each
        for name in range(publishers):
            assert [text for text in seen if text.startswith(f"{name}:")] == [
                f"{name}:{index}" for index in range(each)
            ]
        assert texts(page_events(backend, start)) == seen

    def test_trimming_beside_a_reader_skips_nothing_silently(self) -> None:
        """A reader that is not told of a gap has seen every event."""
        backend = self.new(max_events=20)
        start = backend.head()
        done = threading.Event()
        reasons: set[str] = set()

        def publisher() -> None:
            try:
                for index in range(150):
                    publish(backend, str(index))
                    if index % 10 == 0:
                        backend.trim()
            finally:
                done.set()

        def reader() -> None:
            cursor, expected = start, 0
            while True:
                finished = done.is_set()
                try:
                    events, cursor = backend.read(cursor, None, 3)
                except Gone as error:
                    reasons.add(error.reason)
                    cursor, expected = error.head, -1
                    continue
                for event in events:
                    number = int(event.message.data or "")
                    assert expected in (number, -1)
                    expected = number + 1
                if finished and not events:
                    return

        in_threads(backend, reader, publisher)
        assert reasons <= {"trimmed"}

    # -- waiting

    def test_waiting_ends_when_something_is_published(self) -> None:
        backend = self.new()
        head = backend.head()
        waiter = Waiter(backend, head)

        in_threads(backend, waiter, lambda: publish(backend, "a"))
        assert waiter.waited < PATIENCE / 2

    def test_waiting_ends_when_another_process_publishes(self) -> None:
        if not self.shared:
            raise unittest.SkipTest("this backend is one process's")
        backend, other = self.new(), self.new()
        head = backend.head()
        waiter = Waiter(backend, head)

        in_threads(backend, waiter, lambda: publish(other, "a"))
        assert waiter.waited < PATIENCE / 2
        assert texts(backend.read(head, None, 10)[0]) == ["a"]

    def test_waiting_where_something_is_there_already_ends_at_once(self) -> None:
        backend = self.new()
        head = backend.head()
        publish(backend, "a")
        begun = time.monotonic()
        backend.wait(head, PATIENCE)
        assert time.monotonic() - begun < PATIENCE / 2

    def test_waiting_ends_by_its_timeout(self) -> None:
        backend = self.new()
        begun = time.monotonic()
        backend.wait(backend.head(), 0.05)
        assert time.monotonic() - begun < PATIENCE / 2

    def test_publishing_makes_no_event_loop(self) -> None:
        """It is sync all the way; a driver that knows asyncio only has one loop for the process, made at the first call."""
        backend = self.new()
        start = backend.head()
        publish(backend, "first")
        with mock.patch("asyncio.new_event_loop", side_effect=AssertionError("an event loop for a publish")):
            publish(backend, *"abc")
        assert texts(page_events(backend, start)) == ["first", "a", "b", "c"]

    def test_after_close_a_thread_goes_on_as_before(self) -> None:
        backend = self.new()
        start = backend.head()
        publish(backend, "a")
        backend.wait(backend.head(), 0.01)
        backend.close()
        backend.close()
        publish(backend, "b")
        assert texts(backend.read(start, None, 10)[0]) == ["a", "b"]

    def test_two_instances_are_one_log(self) -> None:
        if not self.shared:
            raise unittest.SkipTest("this backend is one process's")
        one, two = self.new(), self.new()
        start = one.head()
        assert two.head() == start
        publish(one, "a")
        publish(two, "b", key="1")
        publish(one, "x", key="1")
        events, looked = one.read(start, None, 10)
        assert texts(events) == ["a", "b"]
        assert two.read(start, None, 10) == (events, looked)


class TransactionalContract(BackendContract):
    """What `transactional = True` promises besides. Runs outside any transaction (pytest-django: `transaction=True`)."""

    #: Whether two transactions may have published at the same time.
    overlapping = True

    def using(self, backend: BaseBackend) -> str:
        """The alias in DATABASES whose transactions `publish` joins."""
        return str(getattr(backend, "using", "default"))

    def test_a_rollback_leaves_nothing(self) -> None:
        backend = self.new()
        start = backend.head()
        publish(backend, "a")
        for _ in range(3):
            try:
                with transaction.atomic(using=self.using(backend)):
                    publish(backend, "never")
                    raise _RollBackError
            except _RollBackError:
                pass
        with transaction.atomic(using=self.using(backend)):
            publish(backend, "b")
            try:
                with transaction.atomic(using=self.using(backend)):
                    publish(backend, "never")
                    raise _RollBackError
            except _RollBackError:
                pass
            publish(backend, "c")
        assert texts(backend.read(start, None, 10)[0]) == ["a", "b", "c"]

    def test_nobody_sees_an_event_before_the_commit(self) -> None:
        backend = self.new()
        start = backend.head()
        published, looked = threading.Event(), threading.Event()

        def publisher() -> None:
            with transaction.atomic(using=self.using(backend)):
                publish(backend, "a")
                published.set()
                assert looked.wait(PATIENCE)

        def reader() -> None:
            assert published.wait(PATIENCE)
            try:
                assert backend.read(start, None, 10) == ([], start)
                assert backend.head() == start
            finally:
                looked.set()

        in_threads(backend, publisher, reader)
        assert texts(backend.read(start, None, 10)[0]) == ["a"]

    def test_transactions_that_commit_in_the_other_order_are_both_delivered(self) -> None:
        if not self.overlapping:
            raise unittest.SkipTest("this database has one writer at a time")
        backend = self.new()
        start = backend.head()
        first_published, second_committed = threading.Event(), threading.Event()
        between: list[tuple[list[StoredEvent], str]] = []

        def first() -> None:
            with transaction.atomic(using=self.using(backend)):
                publish(backend, "first")
                first_published.set()
                assert second_committed.wait(PATIENCE)

        def second() -> None:
            assert first_published.wait(PATIENCE)
            try:
                with transaction.atomic(using=self.using(backend)):
                    publish(backend, "second")
                between.append(backend.read(start, None, 10))
            finally:
                second_committed.set()

        in_threads(backend, first, second)
        events, cursor = between[0]
        assert texts(events) == ["second"]
        assert texts(backend.read(cursor, None, 10)[0]) == ["first"]
        assert texts(backend.read(start, None, 10)[0]) == ["second", "first"]

    def test_a_repeated_key_leaves_the_transaction_usable(self) -> None:
        backend = self.new()
        start = backend.head()
        publish(backend, "a", key="1")
        with transaction.atomic(using=self.using(backend)):
            publish(backend, "x", key="1")
            publish(backend, "b", key="2")
            publish(backend, "y", key="2")
            publish(backend, "c")
        assert texts(backend.read(start, None, 10)[0]) == ["a", "b", "c"]

    def test_a_key_that_was_rolled_back_is_free(self) -> None:
        backend = self.new()
        start = backend.head()
        try:
            with transaction.atomic(using=self.using(backend)):
                publish(backend, "never", key="1")
                raise _RollBackError
        except _RollBackError:
            pass
        publish(backend, "a", key="1")
        assert texts(backend.read(start, None, 10)[0]) == ["a"]

    def test_reading_inside_a_transaction_holds_nobody_up(self) -> None:
        """A page that takes `head()` in its transaction, while others publish and read."""
        if not self.overlapping:
            raise unittest.SkipTest("this database has one writer at a time")
        backend = self.new()
        start = backend.head()
        publish(backend, "a")
        taken, done = threading.Event(), threading.Event()

        def page() -> None:
            with transaction.atomic(using=self.using(backend)):
                backend.head()
                backend.read(start, None, 10)
                taken.set()
                assert done.wait(PATIENCE)

        def others() -> None:
            assert taken.wait(PATIENCE)
            try:
                publish(backend, "b")
                assert texts(backend.read(start, None, 10)[0]) == ["a", "b"]
            finally:
                done.set()

        in_threads(backend, page, others)

    def test_waiting_ends_when_a_transaction_commits(self) -> None:
        backend = self.new()
        head = backend.head()
        waiter = Waiter(backend, head)

        def publisher() -> None:
            with transaction.atomic(using=self.using(backend)):
                publish(backend, *"abc")

        in_threads(backend, waiter, publisher)
        assert waiter.waited < PATIENCE / 2


class Waiter:
    """A thread's work: `wait` until there is something after a cursor, and the seconds that it took."""

    def __init__(self, backend: BaseBackend, cursor: str) -> None:
        self._backend, self._cursor = backend, cursor
        self.waited = 0.0

    def __call__(self) -> None:
        begun = time.monotonic()
        while self._backend.head() == self._cursor and time.monotonic() < begun + PATIENCE:
            self._backend.wait(self._cursor, PATIENCE)
        self.waited = time.monotonic() - begun


class _RollBackError(Exception):
    pass


def publish(backend: BaseBackend, *data: str, channels: tuple[str, ...] = ("orders",), key: str | None = None) -> None:
    """Each text as an event, in a call of its own."""
    for text in data:
        backend.publish([Message(channels, text, key=key)])


def texts(events: Collection[StoredEvent]) -> list[str]:
    """Their data."""
    return [event.message.data or "" for event in events]


def page_events(
    backend: BaseBackend, cursor: str, channels: Collection[str] | None = None, limit: int = 500
) -> list[StoredEvent]:
    """All that follows a cursor."""
    found: list[StoredEvent] = []
    while True:
        events, looked = backend.read(cursor, channels, limit)
        assert len(events) <= limit
        found += events
        if looked == cursor:
            return found
        cursor = looked


def page_through(backend: BaseBackend, cursor: str, channels: Collection[str] | None, limit: int) -> list[str]:
    """The data of all that follows a cursor."""
    return texts(page_events(backend, cursor, channels, limit))


def trim_all(backend: BaseBackend) -> int:
    """Trim until there is nothing to trim; how many went."""
    total = 0
    while dropped := backend.trim():
        total += dropped
    return total


raises = unittest.TestCase().assertRaises


def gone(backend: BaseBackend, cursor: str) -> tuple[str, str]:
    """Why a cursor is gone, and where to go on; the same with and without a filter, and however much is asked for."""
    answers = set()
    for channels, limit in ((None, 100), ({"orders"}, 1)):
        try:
            backend.read(cursor, channels, limit)
        except Gone as error:
            answers.add((error.reason, error.head))
        else:
            raise AssertionError(f"the log answered from {cursor!r}")
    (answer,) = answers
    return answer


def within(condition: Callable[[], object]) -> bool:
    """Whether it comes true in PATIENCE seconds. Asked again and again: it does the waiting."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.001)
    return True


def in_threads(backend: BaseBackend, *functions: Callable[[], object]) -> None:
    """Run them at once, each in a thread that closes what it opened; raises what one of them raised."""
    errors: list[BaseException] = []

    def run(function: Callable[[], object]) -> None:
        try:
            function()
        except BaseException as error:
            errors.append(error)
        finally:
            backend.close()
            connections.close_all()

    threads = [threading.Thread(target=run, args=(function,), daemon=True) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(2 * PATIENCE)
        assert not thread.is_alive(), "a thread did not end"
    for error in errors:
        raise error
