"""The hub on a log that a test can trim, break, stop and rewrite: nothing missed, nothing twice, or a reset."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from sse_django import history
from sse_django import hub as hub_module
from sse_django.exceptions import Gone
from sse_django.hub import Hub, Reader
from sse_django.ring import Block, Ring


@dataclass(frozen=True)
class Message:
    channels: tuple[str, ...]
    data: str | None
    event: str | None = None
    retry: int | None = None
    comment: str | None = None


@dataclass(frozen=True)
class Stored:
    cursor: str
    message: Message


class FakeLog:
    """Cursors are `<epoch>.<seq>`."""

    def __init__(self) -> None:
        self.lock = threading.Condition()
        self.events: list[tuple[int, Message]] = []
        self.epoch, self.seq, self.floor = 0, 0, 0
        self.down = False
        self.reads = 0

    def publish(self, data: str, *channels: str) -> None:
        with self.lock:
            self.seq += 1
            self.events.append((self.seq, Message(channels or ("a",), data)))
            self.lock.notify_all()

    def trim_to(self, floor: int) -> None:
        with self.lock:
            self.floor = floor
            self.events = [e for e in self.events if e[0] > floor]

    def rotate(self) -> None:
        with self.lock:
            self.epoch += 1
            self.lock.notify_all()

    def _head(self) -> str:
        return f"{self.epoch}.{self.seq}"

    def _check(self) -> None:
        if self.down:
            raise ConnectionError("the engine is down")

    def head(self) -> str:
        with self.lock:
            self._check()
            return self._head()

    def read(self, after: str, channels: Collection[str] | None, limit: int) -> tuple[list[Stored], str]:
        with self.lock:
            self._check()
            self.reads += 1
            epoch, seq = (int(part) for part in after.split("."))
            if epoch != self.epoch:
                raise Gone("epoch", self._head())
            if seq < self.floor:
                raise Gone("trimmed", self._head())
            if seq > self.seq:
                raise Gone("ahead", self._head())
            found = [e for e in self.events if e[0] > seq and (channels is None or set(channels) & set(e[1].channels))]
            page = [Stored(f"{self.epoch}.{n}", message) for n, message in found[:limit]]
            return page, page[-1].cursor if len(found) > limit else self._head()

    def wait(self, after: str, timeout: float) -> None:
        with self.lock:
            if self.down:
                raise ConnectionError("the engine is down")
            if self._head() == after:
                self.lock.wait(timeout)

    def trim(self) -> int:
        return 0

    def interrupt(self) -> None:
        with self.lock:
            self.lock.notify_all()

    def close(self) -> None:
        pass


@contextmanager
def running(log: FakeLog) -> Iterator[Hub]:
    hub = Hub(log, "test")
    hub.start()
    try:
        yield hub
    finally:
        hub.stop()


def read(reader: Reader, count: int, timeout: float = 30) -> list[str]:
    """The wire of the next `count` blocks."""
    got: list[str] = []
    deadline = time.monotonic() + timeout
    while len(got) < count:
        ready = threading.Event()
        chunk = reader.take(ready.set)
        if chunk is not None:
            got += [block.wire.decode() for block in chunk.blocks]
        else:
            assert ready.wait(max(0, deadline - time.monotonic())), f"only {got}"
    return got


def data(blocks: list[str]) -> list[str]:
    return [line.removeprefix("data: ") for block in blocks for line in block.split("\n") if line.startswith("data: ")]


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_fresh_reader_gets_the_head_and_then_what_is_published_after() -> None:
    log = FakeLog()
    log.publish("before")
    with running(log) as hub:
        reader = hub.open(("a",), None)
        assert read(reader, 1) == ["id: 0.1\n\n"]
        log.publish("after")
        assert read(reader, 1) == ["data: after\nid: 0.2\n\n"]


def test_a_resumed_reader_is_served_from_the_ring_without_the_engine() -> None:
    log = FakeLog()
    with running(log) as hub:
        first = hub.open(("a",), None)
        read(first, 1)
        for n in range(10):
            log.publish(str(n))
        read(first, 10)
        reads = log.reads
        assert data(read(hub.open(("a",), "0.4"), 6)) == ["4", "5", "6", "7", "8", "9"]
        assert log.reads <= reads + 1  # the hub's own


def test_a_resumed_reader_gets_what_the_ring_never_had_from_the_engine() -> None:
    log = FakeLog()
    for n in range(1200):
        log.publish(str(n), "a" if n % 2 else "b")
    with running(log) as hub:
        assert data(read(hub.open(("a",), "0.0"), 600)) == [str(n) for n in range(1, 1200, 2)]
        reader = hub.open(("a", "b"), "0.1190")
        assert data(read(reader, 10)) == [str(n) for n in range(1190, 1200)]
        log.publish("live", "b", "a")
        assert data(read(reader, 1)) == ["live"]


def test_only_the_readers_of_a_channel_wake() -> None:
    log = FakeLog()
    with running(log) as hub:
        a, b = hub.open(("a",), None), hub.open(("b",), None)
        read(a, 1), read(b, 1)
        until(lambda: b._joined)
        woken = threading.Event()
        assert b.take(woken.set) is None
        log.publish("1", "a")
        assert data(read(a, 1)) == ["1"]
        assert not woken.is_set()
        assert b.caught_up() == "0.1"  # and yet it is looked through to here


@pytest.mark.parametrize("asked", [False, True], ids=["asleep", "asked for a ping"])
def test_a_quiet_reader_does_not_fall_behind_while_others_are_busy(
    asked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "Ring", lambda *args: Ring(*args, max_events=10))
    log = FakeLog()
    with running(log) as hub:
        quiet, busy = hub.open(("quiet",), None), hub.open(("busy",), None)
        read(quiet, 1), read(busy, 1)
        until(lambda: quiet._joined)
        woken = threading.Event()
        assert quiet.take(woken.set) is None
        for n in range(100):
            log.publish(str(n), "busy")
        assert data(read(busy, 100)) == [str(n) for n in range(100)]
        log.trim_to(95)
        if asked:
            assert quiet.take(woken.set) is None
            assert quiet._joined, "nothing has come in its channel: the engine need not be asked"
            assert quiet.caught_up() == "0.100"
        log.publish("at last", "quiet")
        assert woken.wait(30)
        assert read(quiet, 1) == ["data: at last\nid: 0.101\n\n"]


def test_a_slow_reader_catches_up_from_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "Ring", lambda *args: Ring(*args, max_events=10))
    log = FakeLog()
    with running(log) as hub:
        slow, fast = hub.open(("a",), None), hub.open(("a",), None)
        read(slow, 1), read(fast, 1)
        for n in range(100):
            log.publish(str(n))
        read(fast, 100)
        assert data(read(slow, 100)) == [str(n) for n in range(100)]


@pytest.mark.parametrize(("cursor", "reason"), [("0.5", "trimmed"), ("7.1", "epoch"), ("0.99", "ahead")])
def test_a_cursor_the_log_cannot_answer_from_is_a_reset_and_then_it_goes_on(cursor: str, reason: str) -> None:
    log = FakeLog()
    for n in range(20):
        log.publish(str(n))
    log.trim_to(10)
    with running(log) as hub:
        reader = hub.open(("a",), cursor)
        assert read(reader, 1) == [f'event: stream-reset\ndata: {{"reason":"{reason}"}}\nid: 0.20\n\n']
        log.publish("next")
        assert data(read(reader, 1)) == ["next"]


def test_everybody_is_told_when_the_log_itself_breaks() -> None:
    log = FakeLog()
    with running(log) as hub:
        readers = [hub.open((name,), None) for name in ("a", "b")]
        for reader in readers:
            read(reader, 1)
        log.rotate()
        for reader in readers:
            assert data(read(reader, 1)) == ['{"reason":"epoch"}']
        log.publish("again", "a", "b")
        for reader in readers:
            assert data(read(reader, 1)) == ["again"]


def test_an_engine_that_is_down_costs_a_delay_and_nothing_else() -> None:
    log = FakeLog()
    log.down = True
    with running(log) as hub:
        early = hub.open(("a",), None)
        until(lambda: hub._down)
        log.down = False
        read(early, 1)
        log.publish("1")
        assert data(read(early, 1)) == ["1"]
        log.down = True
        until(lambda: hub._down)
        late = hub.open(("a",), "0.0")
        log.publish("2")
        log.down = False
        assert data(read(early, 1)) == ["2"]
        assert data(read(late, 2)) == ["1", "2"]


def test_a_log_trimmed_while_nobody_reads_resets_nobody_who_comes_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "IDLE", 0.05)
    log = FakeLog()
    with running(log) as hub:
        first = hub.open(("a",), None)
        read(first, 1)
        until(lambda: hub.ring is not None)
        first.close("disconnected")
        until(lambda: hub.ring is None)
        for n in range(20):
            log.publish(str(n))
        log.trim_to(10)
        reader = hub.open(("a",), "0.15")
        assert data(read(reader, 5)) == ["15", "16", "17", "18", "19"]
        log.publish("next")
        assert data(read(reader, 1)) == ["next"]


def test_a_reset_is_not_told_again_to_those_who_come_after_a_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "IDLE", 0.05)
    log = FakeLog()
    with running(log) as hub:
        first = hub.open(("a",), None)
        read(first, 1)
        for n in range(5):
            log.publish(str(n))
        read(first, 5)
        log.rotate()
        assert data(read(first, 1)) == ['{"reason":"epoch"}']
        until(lambda: hub.reset is not None)
        first.close("disconnected")
        until(lambda: hub.ring is None)
        reader = hub.open(("a",), None)
        assert read(reader, 1) == ["id: 1.5\n\n"]
        for n in range(3):
            log.publish(f"next {n}")
            assert data(read(reader, 1)) == [f"next {n}"]


def test_a_page_that_comes_just_before_a_ping_is_not_overtaken_by_it() -> None:
    hub = Hub(FakeLog(), "test")
    reader = hub.open(("a",), "0.1")
    assert reader.take(lambda: None) is None
    with hub.lock:
        reader.give([Block(0, "0.2", ("a",), b"data: 2\nid: 0.2\n\n", None, "2")], "0.9")
    assert reader.caught_up() == "0.1"
    assert data(read(reader, 1)) == ["2"]


def test_closing_wakes_the_consumer_and_forgets_the_reader() -> None:
    log = FakeLog()
    with running(log) as hub:
        reader = hub.open(("a", "b"), None)
        read(reader, 1)
        woken = threading.Event()
        assert reader.take(woken.set) is None
        reader.close("kicked")
        reader.close("disconnected")
        assert woken.is_set()
        assert (reader.closed, hub.readers) == ("kicked", 0)


def test_readers_that_come_and_go_at_random_miss_nothing_and_get_nothing_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "Ring", lambda *args: Ring(*args, max_events=50))
    monkeypatch.setattr(hub_module, "PAGE", 7)
    monkeypatch.setattr(history, "PAGE", 7)
    log = FakeLog()
    total, dice = 3000, random.Random(1)
    expected = {"a": [], "b": []}  # type: dict[str, list[str]]
    plan = [tuple(c for c in ("a", "b") if dice.random() < 0.6) or ("a",) for _ in range(total)]
    for n, channels in enumerate(plan):
        for channel in channels:
            expected[channel].append(str(n))
    failures: list[str] = []

    def follow(channels: tuple[str, ...], seed: int) -> None:
        chance = random.Random(seed)
        want = [str(n) for n, c in enumerate(plan) if set(c) & set(channels)]
        got: list[str] = []
        cursor = "0.0"
        while len(got) < len(want):
            reader = hub.open(channels, cursor)
            for _ in range(chance.randrange(1, 40)):
                if len(got) == len(want):
                    break
                try:
                    blocks = read(reader, 1, timeout=10)
                except AssertionError as error:
                    failures.append(f"{channels} stuck at {len(got)} of {len(want)}: {error}")
                    return
                got += data(blocks)
                cursor = reader.cursor or cursor
            reader.close("disconnected")
        if got != want:
            failures.append(f"{channels} got {len(got)} of {len(want)}, in another order or twice")

    with running(log) as hub:
        threads = [
            threading.Thread(target=follow, args=(channels, seed))
            for seed, channels in enumerate([("a",), ("b",), ("a", "b"), ("b", "a")] * 4)
        ]
        for thread in threads:
            thread.start()
        for n, channels in enumerate(plan):
            log.publish(str(n), *channels)
        for thread in threads:
            thread.join(60)
    assert failures == []
