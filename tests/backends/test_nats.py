"""NatsBackend on a NATS server."""

import itertools
import shutil
import time
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from sse_django.backends import Message
from sse_django.backends.cursor import parse_cursor
from sse_django.backends.nats import NatsBackend
from sse_django.backends.nats.connection import ERRORS, Refusal
from sse_django.backends.nats.stream import Stream
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

    def test_an_event_costs_its_readers_no_question(self) -> None:
        """It is pushed; the server is asked at the beginning, and once a second how far the log reaches."""
        backend, writer = self.new(), self.new()
        following = Following(backend)
        publish(writer, "first")
        assert following.find(1) == ["first"]
        begun = time.monotonic()
        for n in range(50):
            publish(writer, str(n))
            assert following.find(1) == [str(n)]
        assert following.questions <= 10 + 4 * (time.monotonic() - begun)  # also where the machine is slow

    def test_an_event_is_pushed_as_it_is_read(self) -> None:
        backend: Any = self.new()
        following = Following(backend)
        publish(backend, "first")
        following.find(1)
        backend.publish([Message(("a", "b"), '{"n":1}', event="created", retry=0, comment="hello")])
        with backend._connection.use() as call:  # its tag is when it was stored
            call(lambda client: client.request(f"{self.stream}.strange", b"hello", timeout=PATIENCE))
        following.find(2)
        with backend._connection.use() as call:
            entries = call(lambda client: backend._stream.entries(client, 1, 10))
        assert within(lambda: list(backend._tail._entries) == entries)

    def test_what_is_not_pushed_is_asked_for(self) -> None:
        backend, writer = self.new(), self.new()
        following = Following(backend)
        publish(writer, *"ab")
        assert following.find(2) == ["a", "b"]
        tail = following.tail()
        tail._sent -= 1  # as if a message had not come
        publish(writer, *"cde")
        assert following.find(3) == ["c", "d", "e"]
        assert following.tail() is not tail
        publish(writer, "f")
        assert following.find(1) == ["f"]

    def test_a_consumer_that_has_gone_is_replaced(self) -> None:
        backend, writer = self.new(), self.new()
        following = Following(backend)
        publish(writer, "a")
        assert following.find(1) == ["a"]
        tail = following.tail()
        tail._subscription._cb = silence  # nothing comes, and nothing says so
        seen = []

        def replaced() -> bool:
            publish(writer, "x")
            seen.extend(following.find(1))
            return following.tail() is not tail

        assert within(replaced)
        assert set(seen) == {"x"}

    def test_nothing_is_pushed_to_who_no_longer_reads(self, monkeypatch: pytest.MonkeyPatch) -> None:
        backend, writer = self.new(), self.new()
        following = Following(backend)
        publish(writer, "a")
        assert following.find(1) == ["a"]
        tail = following.tail()
        monkeypatch.setattr("sse_django.backends.nats.tail.UNREAD", 0.0)
        publish(writer, "b")
        assert within(lambda: tail._ended and tail._subscription is None)
        monkeypatch.undo()
        assert following.find(1) == ["b"]
        publish(writer, "c")
        assert following.find(1) == ["c"]

    def test_a_stream_that_several_servers_keep_is_asked_for_what_was_pushed(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Stream, "copies", property(lambda stream: 3, lambda stream, copies: None), raising=False)
        asked = []
        entries = Stream.entries

        def ask(*args: Any) -> Any:
            asked.append(args)
            return entries(*args)

        monkeypatch.setattr(Stream, "entries", ask)
        backend, writer = self.new(), self.new()
        following = Following(backend)
        for n in range(20):
            publish(writer, str(n))
            assert following.find(1) == [str(n)]
        assert len(asked) >= 19  # the first one has nothing before it

    def test_what_only_one_of_several_servers_has_is_not_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It was pushed by a copy that is ahead of the others, or has not lost what they have."""
        monkeypatch.setattr(Stream, "copies", property(lambda stream: 3, lambda stream, copies: None), raising=False)
        backend, writer = self.new(), self.new()
        following = Following(backend)
        publish(writer, *"ab")
        assert following.find(2) == ["a", "b"]
        tail = following.tail()
        with tail._lock:
            tail._entries.append(tail._entries[-1]._replace(seq=3, tag="lost"))
            tail._last = 3
        backend.wait(following.after, 0.1)
        assert backend.read(following.after, None, 10) == ([], following.after)
        publish(writer, "c")
        assert following.find(1) == ["c"]
        assert following.tail() is not tail

    def test_a_server_that_refuses_to_push_is_asked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def refuse(*args: Any) -> None:
            raise Refusal(code=400, description="maximum consumers limit reached")

        monkeypatch.setattr(Stream, "push", refuse)
        backend, writer = self.new(), self.new()
        following = Following(backend)
        publish(writer, *"ab")
        assert following.find(2) == ["a", "b"]
        publish(writer, "c")
        assert following.find(1) == ["c"]

    def test_a_reader_is_told_that_numbers_it_has_seen_are_of_other_events_now(self) -> None:
        backend: Any = self.new()
        following = Following(backend)
        publish(backend, *"abc")
        assert following.find(3) == ["a", "b", "c"]
        saved = self.save(backend)
        publish(backend, *"def")
        assert following.find(3) == ["d", "e", "f"]
        assert following.tail() is not None
        self.restore(backend, saved)
        publish(backend, *"ghijk")
        with pytest.raises(Gone, match="ahead"):
            following.find(1)


class Following:
    """A reader as the hub is one: it waits, and reads what there is. The server may be away at times."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self.after = backend.head()
        self.questions = 0
        look = backend._look

        def asked(*args: Any) -> Any:
            self.questions += 1
            return look(*args)

        backend._look = asked

    def find(self, count: int) -> list[str]:
        found: list[str] = []

        def step() -> bool:
            try:
                self._backend.wait(self.after, 0.5)
                events, self.after = self._backend.read(self.after, None, 10)
                found.extend(texts(events))
            except ERRORS:
                pass
            return len(found) >= count

        assert within(step)
        return found

    def tail(self) -> Any:
        """What pushes to it now, once it waits for more."""
        assert within(lambda: self._backend.wait(self.after, 0.1) or self._pushed())
        return self._backend._tail

    def _pushed(self) -> bool:
        tail = self._backend._tail
        return tail is not None and tail.after(parse_cursor(self.after, ""), 1) is not None


async def silence(message: Any) -> None:
    pass


def answers(backend: Any) -> bool:
    try:
        backend.head()
    except Exception:
        return False
    return True


def test_a_stream_name_is_checked() -> None:
    with pytest.raises(ImproperlyConfigured, match="stream"):
        NatsBackend("default", {"stream": "a.b"})
