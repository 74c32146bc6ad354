"""NatsBackend on a NATS server."""

import itertools
import shutil
import time
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from sse_django.backends import Message
from sse_django.backends.nats import NatsBackend
from sse_django.backends.nats.connection import ERRORS
from sse_django.exceptions import Gone, PublishError
from sse_django.testing.contract import PATIENCE, page_events, publish, texts, within
from tests.backends.processes import AcrossProcesses
from tests.engines.hanging import hanging
from tests.engines.nats import Nats

numbers = itertools.count()


class TestNats(AcrossProcesses):
    @pytest.fixture(autouse=True)
    def _empty_log(self, nats: Nats) -> None:
        self.engine = nats
        self.stream = f"log-{next(numbers)}"

    def make_backend(self, **options: Any) -> NatsBackend:
        return NatsBackend("default", {"servers": [self.engine.url], "stream": self.stream, **options})

    def save(self, backend: Any) -> Any:
        saved = self.engine.store.with_name("saved")
        shutil.rmtree(saved, ignore_errors=True)
        self.engine.end()
        shutil.copytree(self.engine.store, saved)
        self.engine.start()
        assert within(lambda: answers(backend))
        return saved

    def restore(self, backend: Any, saved: Any) -> None:
        self.engine.kill()
        shutil.rmtree(self.engine.store)
        shutil.copytree(saved, self.engine.store)
        self.engine.start()
        assert within(lambda: answers(backend))

    def test_a_crash_and_a_restart_lose_nothing_and_are_errors_meanwhile(self) -> None:
        backend = self.new(timeout=1.0)
        start = backend.head()
        publish(backend, "a", key="1")
        self.engine.kill()
        try:
            with pytest.raises(PublishError):
                publish(backend, "never")
            with pytest.raises(ERRORS):
                backend.read(start, None, 1)
            with pytest.raises(ERRORS):
                backend.wait(start, PATIENCE)
        finally:
            self.engine.start()
        assert within(lambda: answers(backend))
        publish(backend, "again", key="1")
        publish(backend, "b")
        assert texts(page_events(backend, start)) == ["a", "b"]

    def test_an_engine_that_hangs_is_an_error_in_time(self) -> None:
        backend = self.new(timeout=1.0)
        start = backend.head()
        begun = time.monotonic()
        with hanging(self.engine.process.pid):
            with pytest.raises(PublishError):
                publish(backend, "perhaps")
            with pytest.raises(TimeoutError):
                backend.read(start, None, 1)
            backend.close()
            with pytest.raises(TimeoutError):
                backend.head()
        assert time.monotonic() - begun < PATIENCE * 2 / 3
        assert within(lambda: answers(backend))

    def test_a_deleted_stream_is_another_log(self) -> None:
        backend: Any = self.new()
        publish(backend, "a")
        cursor = backend.head()
        with backend._connection.use() as call:
            call(lambda client: client.request(f"$JS.API.STREAM.DELETE.{self.stream}", timeout=PATIENCE))
        publish(backend, "b")
        head = backend.head()
        with pytest.raises(Gone, match="epoch"):
            backend.read(cursor, None, 10)
        publish(backend, "c")
        assert texts(page_events(backend, head)) == ["c"]

    def test_an_event_deleted_by_hand_is_no_silent_gap(self) -> None:
        backend: Any = self.new()
        start = backend.head()
        publish(backend, *"abcd")
        with backend._connection.use() as call:
            call(
                lambda client: client.request(
                    f"$JS.API.STREAM.MSG.DELETE.{self.stream}", b'{"seq": 3}', timeout=PATIENCE
                )
            )
        with pytest.raises(Gone):
            page_events(backend, start)
        events, looked = backend.read(start, None, 2)
        assert texts(events) == ["a", "b"]
        with pytest.raises(Gone):
            backend.read(looked, None, 2)

    def test_a_message_of_somebody_else_is_an_event_in_no_channel(self) -> None:
        backend: Any = self.new()
        start = backend.head()
        publish(backend, "a")
        for payload in (b"hello", b"{}", b"[]", b"\xff"):
            with backend._connection.use() as call:
                call(
                    lambda client, payload=payload: client.request(f"{self.stream}.strange", payload, timeout=PATIENCE)
                )
        cursor = backend.head()
        publish(backend, "b")
        assert texts(backend.read(start, {"orders"}, 10)[0]) == ["a", "b"]
        assert texts(backend.read(start, None, 10)[0]) == ["a", "", "", "", "", "b"]
        assert texts(backend.read(cursor, None, 10)[0]) == ["b"]

    def test_names_around_an_event_count_towards_its_size(self) -> None:
        backend: Any = self.new()
        head = backend.head()
        channels = tuple("ü" * 190 + str(index) for index in range(100))
        with pytest.raises(ValueError, match="channels"):
            backend.publish([Message(channels, "x" * backend.max_bytes)])
        assert backend.head() == head

    def test_a_log_that_nobody_reads_is_bounded(self) -> None:
        backend = self.new(max_events=10)
        start = backend.head()
        for _ in range(12):
            backend.publish([Message(("orders",), "x")] * 100)
        with pytest.raises(Gone, match="trimmed"):
            backend.read(start, None, 1)

    def test_another_epoch_is_noticed_in_a_log_that_is_never_quiet(self) -> None:
        """What is new is read without asking how far the log reaches; now and then it has to be asked."""
        backend: Any = self.new()
        writer: Any = self.new()
        after = backend.head()

        def publish_and_read(count: int) -> None:
            nonlocal after
            for n in range(count):
                publish(writer, str(n))
                backend.wait(after, PATIENCE)
                _, after = backend.read(after, None, 10)

        publish_and_read(20)
        writer.rotate_epoch()
        with pytest.raises(Gone, match="epoch"):
            publish_and_read(10_000)

    def test_an_event_costs_its_readers_one_look(self) -> None:
        """Told of while it is stored, and again when it is: the second time is no news to those who have found it."""
        backend: Any = self.new()
        writer: Any = self.new()
        after = backend.head()
        publish(writer, "first")  # whose cursor has nothing before it
        backend.wait(after, PATIENCE)
        _, after = backend.read(after, None, 10)
        looks = []
        look = backend._look
        backend._look = lambda *args: looks.append(args) or look(*args)
        for n in range(5):
            publish(writer, str(n))
            found: list[str] = []
            while not found:
                backend.wait(after, PATIENCE)
                events, after = backend.read(after, None, 10)
                found = texts(events)
            assert found == [str(n)]
            backend.wait(after, 0.1)  # nothing wakes it
        rung = [args for args in looks if args[2] is not None]
        assert len(looks) == len(rung) <= 5 + 5 + 5  # each event, each wait that ends, and where a look came too soon


def answers(backend: Any) -> bool:
    try:
        backend.head()
    except Exception:
        return False
    return True


def test_a_stream_name_is_checked() -> None:
    with pytest.raises(ImproperlyConfigured, match="stream"):
        NatsBackend("default", {"stream": "a.b"})
