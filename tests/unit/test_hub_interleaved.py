"""The hub's threads and its readers' consumers in thousands of orders, none of them left to chance.

All run in one thread. Wherever a real one could be interrupted by another (the hub's lock is freed, the engine answers, a
consumer is woken), one that is not in the midst of something itself may take a turn. A seed is an order, and a failure is
repeatable.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from types import TracebackType

import pytest

from sse_django import history
from sse_django import hub as hub_module
from sse_django.hub import Hub
from sse_django.ring import Block, Ring
from tests.unit.test_hub import FakeLog, Stored

#: Pages and a ring so small that readers fall out of it all the time.
PAGE, RING = 3, 6
CHANNELS = (("a",), ("b",), ("a", "b"))


class TurningLock:
    """A lock that gives others a turn whenever it has been freed."""

    def __init__(self, pause: Callable[[], None]) -> None:
        self._pause = pause
        self._held = False

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        assert not self._held, "it would wait for itself"
        self._held = True
        return True

    def release(self) -> None:
        self._held = False
        self._pause()

    def _is_owned(self) -> bool:
        return self._held

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()


class TurningLog(FakeLog):
    """An engine that takes its time: others have a turn before it looks, and before its answer has arrived."""

    def __init__(self, pause: Callable[[], None]) -> None:
        super().__init__()
        self._pause = pause

    def head(self) -> str:
        self._pause()
        head = super().head()
        self._pause()
        return head

    def read(self, after: str, channels: Collection[str] | None, limit: int) -> tuple[list[Stored], str]:
        self._pause()
        answer = super().read(after, channels, limit)
        self._pause()
        return answer

    def wait(self, after: str, timeout: float) -> None:
        self._pause()


class Consumer:
    """Takes when it is awake, and looks at each block for something missed, twice or out of order."""

    def __init__(self, world: World, channels: tuple[str, ...]) -> None:
        self._world = world
        self.channels = channels
        self.at: str | None = None  # what its browser would send as Last-Event-ID
        self.resets = 0
        self.connect()

    def connect(self) -> None:
        self.awake = True
        self.reader = self._world.hub.open(self.channels, self.at)

    def wake(self) -> None:
        self.awake = True
        self._world.pause()

    def turn(self) -> None:
        chance = self._world.random.random()
        if chance < 0.05:
            self.reader.close("disconnected")
            self.connect()
        elif not self.awake:
            if chance < 0.2 and (cursor := self.reader.caught_up()) is not None:
                self.look(Block(0, cursor, (), b"", None, None))
        else:
            self.awake = False
            chunk = self.reader.take(self.wake)
            if chunk is not None:
                self.awake = True
                for block in chunk.blocks:
                    self.look(block)

    def look(self, block: Block) -> None:
        if block.event == "stream-reset":
            self.resets += 1
        elif self.at is not None:
            missed = self._world.between(self.channels, self.at, block.cursor)
            expected = [] if block.data is None else [block.data]
            assert missed == expected, (
                f"{self.channels} at {self.at} was given {block.data} with {block.cursor}, not {missed}"
            )
        self.at = block.cursor


class World:
    """Everybody's turns."""

    def __init__(self, seed: int, *, breaks: bool) -> None:
        self.random = random.Random(seed)
        self._breaks = breaks
        self._busy: list[object] = []
        self._alone = True  # while the world is made, and while it comes to rest
        self.log = TurningLog(self.pause)
        self.hub = Hub(self.log, "turns")
        self.hub.lock = TurningLock(self.pause)  # type: ignore[assignment]
        self.hub.work = threading.Condition(self.hub.lock)
        self.said: list[tuple[int, str, tuple[str, ...]]] = []
        self.consumers = [Consumer(self, self.random.choice(CHANNELS)) for _ in range(3)]
        self._alone = False

    def pause(self) -> None:
        if not self._alone and self.random.random() < 0.3:
            self.turn()

    def turn(self) -> None:
        """Somebody's who is not in the midst of one."""
        actors: list[tuple[object, Callable[[], None]]] = [
            ("publisher", self._publish),
            ("hub", self._step),
            ("history", self._serve),
            *((consumer, consumer.turn) for consumer in self.consumers),
        ]
        free = [(actor, act) for actor, act in actors if actor not in self._busy]
        if not free:
            return
        actor, act = self.random.choice(free)
        self._busy.append(actor)
        try:
            act()
        finally:
            self._busy.remove(actor)

    def _publish(self) -> None:
        if self._breaks and self.random.random() < 0.1:
            if self.random.random() < 0.5:
                self.log.trim_to(self.log.seq)
            else:
                self.log.rotate()
            return
        channels = self.random.choice(CHANNELS)
        said = f"said {len(self.said)}"
        self.log.publish(said, *channels)
        self.said.append((self.log.seq, said, channels))

    def _step(self) -> None:
        self.hub._step()

    def _serve(self) -> None:
        lookups = self.hub._history._lookups
        batch = list(lookups)
        lookups.clear()
        if batch:
            self.hub._history._serve(batch)

    def between(self, channels: tuple[str, ...], after: str, until: str) -> list[str]:
        first, last = (int(cursor.split(".")[1]) for cursor in (after, until))
        return [said for seq, said, heard in self.said if first < seq <= last and set(heard) & set(channels)]

    def rest(self) -> None:
        """Nothing more is said: everybody gets what there is."""
        self._alone = True
        for _ in range(40):
            self._step()
            self._serve()
            for consumer in self.consumers:
                while consumer.awake:
                    consumer.awake = False
                    chunk = consumer.reader.take(consumer.wake)
                    for block in chunk.blocks if chunk is not None else ():
                        consumer.awake = True
                        consumer.look(block)


@contextmanager
def small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr(hub_module, "PAGE", PAGE)
        patch.setattr(history, "PAGE", PAGE)
        patch.setattr(history, "PATIENCE", 0.0)
        patch.setattr(hub_module, "Ring", lambda *args: Ring(*args, max_events=RING))
        yield


@pytest.mark.parametrize("breaks", [False, True], ids=["whole", "trimmed-and-rotated"])
@pytest.mark.parametrize("seed", range(4))
def test_in_whatever_order_they_take_turns_nothing_is_missed_or_comes_twice(
    seed: int, breaks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small(monkeypatch):
        for each in range(100):
            world = World(seed * 100 + each, breaks=breaks)
            for _ in range(150):
                world.turn()
            world.rest()
            for consumer in world.consumers:
                assert consumer.at is not None, f"seed {seed * 100 + each}: it was never given a cursor"
                missed = world.between(consumer.channels, consumer.at, world.log.head())
                assert missed == [], f"seed {seed * 100 + each}: {consumer.channels} sleeps at {consumer.at}, for ever"
                assert breaks or not consumer.resets
