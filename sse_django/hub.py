"""One reader per process and log, and the places of all who read along. Knows no Django.

A thread reads the backend and fills the ring; a second one looks up where newcomers begin and what latecomers missed. A
`Reader` is a number in the ring. It joins there as soon as the ring knows its cursor, and until then gets pages from the
engine; where neither can answer it is told by a `stream-reset`. An engine that is down costs a delay: both threads try again.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable
from typing import Any, Protocol

from sse_django.events import format_sse_event
from sse_django.exceptions import Gone
from sse_django.ring import Block, Chunk, Ring

logger = logging.getLogger("sse_django")

#: Events per read of the engine.
PAGE = 500
#: Seconds that the engine is asked to wait for something new before it is asked again.
WAIT = 1.0
#: Seconds to wait after a failure: doubled from the first to the second, with jitter.
BACKOFF = (0.05, 2.0)
#: Seconds without readers after which the engine is left alone, its connections closed, until there is one again.
IDLE = 30.0
#: Seconds between two trims by one process, on the average.
TRIM = 30.0
#: Seconds after which a reader that waits for the ring to reach its cursor looks at the engine again.
PATIENCE = 1.0


class Message(Protocol):
    """The fields of an event in the log."""

    @property
    def channels(self) -> tuple[str, ...]: ...
    @property
    def data(self) -> str | None: ...
    @property
    def event(self) -> str | None: ...
    @property
    def retry(self) -> int | None: ...
    @property
    def comment(self) -> str | None: ...


class Stored(Protocol):
    """An event in the log."""

    @property
    def cursor(self) -> str: ...
    @property
    def message(self) -> Message: ...


class Log(Protocol):
    """What the hub needs of a backend; `backends.base.BaseBackend` says what each does."""

    def head(self) -> str: ...
    def read(self, after: str, channels: Collection[str] | None, limit: int) -> tuple[Any, str]: ...
    def wait(self, after: str, timeout: float) -> None: ...
    def interrupt(self) -> None: ...
    def trim(self) -> int: ...
    def close(self) -> None: ...


class Reader:
    """One subscription's place. Its consumer is a task or a thread; the hub's threads feed and wake it.

    Attributes:
        channels: what it reads.
        cursor: up to where its consumer has been given everything; None until that is known.
        closed: why it is to end, or None.
    """

    __slots__ = (
        "_at",
        "_hub",
        "_inbox",
        "_joined",
        "_wake",
        "asked",
        "channels",
        "closed",
        "cursor",
        "late",
        "looked",
        "since",
    )

    def __init__(self, hub: Hub, channels: tuple[str, ...], after: str | None) -> None:
        self._hub = hub
        self._inbox: deque[Chunk] = deque()
        self._at = 0  # its number in the ring
        self._joined = False  # whether it is in the ring
        self._wake: Callable[[], object] | None = None  # set while the consumer sleeps
        self.asked = False  # whether the history thread has it
        self.late = False  # whether it waits for the ring to reach its cursor: then the history thread leaves it alone
        self.looked = after  # up to where pages of the engine have been given: `cursor` and what is in the inbox
        self.since = 0.0  # when it began to wait for the ring to reach its cursor
        self.channels = channels
        self.cursor = after
        self.closed: str | None = None

    def echo(self, cursor: str) -> None:
        """Have its consumer begin with the cursor that it brought."""
        self._inbox.appendleft(Chunk([cursor_block(cursor)]))

    def take(self, wake: Callable[[], object]) -> Chunk | None:
        """The next chunk; or None, and `wake` is called, once and from any thread, when there may be one.

        A reader that is closed gets None and no call: look at `closed` before you sleep.
        """
        with self._hub.lock:
            chunk = self._take()
            self._wake = wake if chunk is None and self.closed is None else None
            return chunk

    def caught_up(self) -> str | None:
        """The newest cursor that this reader was looked through to: its own where more is to come."""
        with self._hub.lock:
            ring = self._hub.ring
            if self._wake is not None and self._joined and ring is not None:  # it sleeps, so nothing has come since
                self._at, self.cursor = ring.newest, ring.newest_cursor
            return self.cursor

    def close(self, reason: str) -> None:
        """End it, from any thread; the first reason stays."""
        if self.closed is None:
            self.closed = reason
        self._hub.detach(self)
        self.wake()

    def wake(self) -> None:
        """Wake the consumer, if it sleeps."""
        wake, self._wake = self._wake, None
        if wake is not None:
            wake()

    # -- under the hub's lock

    def _take(self) -> Chunk | None:
        if self.closed is not None:
            return None
        if self._inbox:
            chunk = self._inbox.popleft()
            self.cursor = chunk.last.cursor
            return chunk
        if not self._joined:
            self._hub.look_up(self)
            return None
        ring = self._hub.ring
        assert ring is not None
        if self._at < self._hub.reset_at and self._hub.reset is not None:
            self._at, self.cursor = self._hub.reset_at, self._hub.reset.last.cursor
            return self._hub.reset
        if self._at < ring.floor:  # slow: the ring has moved on
            self._joined, self.looked = False, self.cursor
            self._hub.look_up(self)
            return None
        found = ring.take(self.channels, self._at)
        if found is None:
            self._at, self.cursor = ring.newest, ring.newest_cursor
        else:
            self._at, self.cursor = found.last.number, found.last.cursor
        return found

    def join(self, number: int) -> None:
        """Go on from this number in the ring."""
        self._at, self._joined, self.asked, self.late = number, True, False, False

    def leave(self) -> None:
        """Be told of a reset by the page to come instead."""
        self._joined = False

    def give(self, blocks: list[Block], cursor: str) -> None:
        """A page of the engine."""
        self.asked = False
        if blocks:
            self._inbox.append(Chunk(blocks))
        self.cursor = self.looked = cursor

    def came(self, number: int) -> bool:
        """The ring got an event of ours; whether the consumer has to be woken. One that slept had seen all before it."""
        if not self._joined or self._wake is None:
            return False
        self._at = max(self._at, number - 1)
        return True

    @property
    def waker(self) -> Callable[[], object]:
        """What wakes the consumer; it is woken once."""
        wake, self._wake = self._wake, None
        return wake if wake is not None else _nobody


class Hub:
    """The reader of one log. `start` is called by whoever opens a reader; threads end when nobody has read for a while.

    Args:
        log: the backend.
        name: for threads and the log.
        on_event: called in the hub's thread with each event (control channels).
    """

    def __init__(self, log: Log, name: str, on_event: Callable[[Stored], None] | None = None) -> None:
        self._log = log
        self._name = name
        self._on_event = on_event
        self._pid = os.getpid()
        self.lock = threading.Lock()
        self.ring: Ring | None = None
        self.reset: Chunk | None = None
        self.reset_at = -1
        self._readers: dict[str, set[Reader]] = {}
        self._count = 0
        self._lookups: deque[Reader] = deque()
        self._late: dict[str, list[Reader]] = {}  # readers whose cursor the ring has not reached yet
        self._work = threading.Condition(self.lock)
        self._threads: list[threading.Thread] = []
        self._stopping = False
        self._idle_since = time.monotonic()
        self._down = False

    # -- readers

    def open(self, channels: tuple[str, ...], after: str | None) -> Reader:
        """A reader of these channels after a cursor; after what is there now, if that is None."""
        reader = Reader(self, channels, after)
        with self.lock:
            for channel in channels:
                self._readers.setdefault(channel, set()).add(reader)
            self._count += 1
            self._work.notify_all()
            if after is not None and self.ring is not None and (number := self.ring.find(after)) is not None:
                reader.join(number)
            else:
                self.look_up(reader)
        return reader

    def detach(self, reader: Reader) -> None:
        """It reads no more."""
        with self.lock:
            found = False
            for channel in reader.channels:
                readers = self._readers.get(channel)
                if readers is not None and reader in readers:
                    found = True
                    readers.discard(reader)
                    if not readers:
                        del self._readers[channel]
            if found:
                self._count -= 1
                self._idle_since = time.monotonic()

    @property
    def readers(self) -> int:
        """How many there are."""
        return self._count

    def look_up(self, reader: Reader) -> None:
        """Under the lock: have the history thread find where it goes on."""
        if not reader.asked and not reader.late and reader.closed is None:
            reader.asked = True
            self._lookups.append(reader)
            self._work.notify_all()

    # -- threads

    def start(self) -> None:
        """Have the threads run."""
        with self.lock:
            if self._threads:
                return
            self._stopping = False
            self._idle_since = time.monotonic()
            self._threads = [
                threading.Thread(target=self._follow, name=f"sse-hub-{self._name}", daemon=True),
                threading.Thread(target=self._attend, name=f"sse-history-{self._name}", daemon=True),
            ]
            for thread in self._threads:
                thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """End the threads and close what they hold of the engine; readers stay and wait."""
        with self.lock:
            self._stopping = True
            self._work.notify_all()
            threads = self._threads
        self._log.interrupt()
        for thread in threads:
            thread.join(timeout)
        with self.lock:
            self._threads = []

    def _rest(self) -> None:
        """Sleep for as long as nobody reads."""
        if self._count or time.monotonic() - self._idle_since < IDLE:
            return
        self._log.close()
        with self.lock:
            if not self._count:
                self.ring = None  # the log may be trimmed past it meanwhile, which must not reset those who come later
            while not self._count and not self._stopping:
                self._work.wait()

    def _follow(self) -> None:
        failures = 0
        trim_at = time.monotonic() + TRIM * random.random()
        try:
            while not self._stopping:
                self._rest()
                try:
                    self._step()
                    if (
                        time.monotonic() > trim_at and not self._log.trim()
                    ):  # a bounded amount; again while there is more
                        trim_at = time.monotonic() + TRIM * random.uniform(0.5, 1.5)
                    failures = 0
                    self._up()
                except Exception as error:
                    failures += 1
                    self._fail(error, failures)
        finally:
            self._log.close()

    def _step(self) -> None:
        if self.ring is None:
            cursor = self._log.head()
            with self.lock:
                self.ring = Ring(cursor)
                self._late_arrive()
        assert self.ring is not None
        cursor = self.ring.newest_cursor
        try:
            events, looked = self._log.read(cursor, None, PAGE)
        except Gone as gone:
            self._begin_anew(gone)
            return
        if events:
            self._append(events)
        if len(events) < PAGE:
            self._requeue_late()
            self._log.wait(looked, WAIT)

    def _append(self, events: Iterable[Stored]) -> None:
        sleepers: list[Callable[[], object]] = []
        with self.lock:
            assert self.ring is not None
            for stored in events:
                message = stored.message
                block = self.ring.append(stored.cursor, message.channels, encode(stored), message.event, message.data)
                for channel in message.channels:
                    sleepers.extend(r.waker for r in self._readers.get(channel, ()) if r.came(block.number))
            self._late_arrive()
        wake_all(sleepers)
        if self._on_event is not None:
            for stored in events:
                self._on_event(stored)

    def _begin_anew(self, gone: Gone) -> None:
        """The log can't say what came after our own place: nobody's place in the ring is good any more."""
        logger.warning("the log of %r can't go on from here (%s); all its readers are told", self._name, gone.reason)
        with self.lock:
            assert self.ring is not None
            number = self.ring.newest + 1
            self.ring = Ring(gone.head, number)
            self.reset, self.reset_at = reset_chunk(gone, number), number
            self._late = {}
            readers = {reader for group in self._readers.values() for reader in group}
            for reader in readers:
                reader.join(min(reader._at, number - 1))
            sleepers = [reader.waker for reader in readers]
        wake_all(sleepers)

    # -- those whose place is not in the ring

    def _attend(self) -> None:
        failures = 0
        try:
            while True:
                with self.lock:
                    while not self._lookups and not self._stopping:
                        if not self._work.wait(IDLE):
                            self._log.close()
                    if self._stopping:
                        return
                    batch = list(self._lookups)
                    self._lookups.clear()
                try:
                    self._serve(batch)
                    failures = 0
                except Exception as error:
                    failures += 1
                    with self.lock:
                        self._lookups.extendleft(r for r in reversed(batch) if r.asked and r.closed is None)
                    self._fail(error, failures)
        finally:
            self._log.close()

    def _serve(self, batch: list[Reader]) -> None:
        fresh = [reader for reader in batch if reader.asked and reader.looked is None and reader.closed is None]
        if fresh:
            head = self._log.head()
            for reader in fresh:
                self._place(reader, [cursor_block(head)], head)
        for reader in batch:
            if reader.asked and reader.closed is None and reader.looked is not None:
                self._page(reader, reader.looked)

    def _page(self, reader: Reader, cursor: str) -> None:
        with self.lock:
            number = self.ring.find(cursor) if self.ring is not None else None
            if number is not None:
                reader.join(number)
                reader.wake()
                return
        try:
            events, looked = self._log.read(cursor, reader.channels, PAGE)
        except Gone as gone:
            self._place(reader, reset_chunk(gone, 0).blocks, gone.head)
            return
        blocks = [Block(0, e.cursor, e.message.channels, encode(e), e.message.event, e.message.data) for e in events]
        self._place(reader, blocks, looked, full=len(events) >= PAGE)

    def _place(self, reader: Reader, blocks: list[Block], cursor: str, *, full: bool = False) -> None:
        """Give a reader what was found, and let it go on in the ring from there if that is possible."""
        with self.lock:
            if not reader.asked:  # it was put into the ring meanwhile, by a reset
                return
            reader.give(blocks, cursor)
            number = self.ring.find(cursor) if self.ring is not None else None
            if number is not None:
                reader.join(number)
            elif not full:
                # The end of the log, and the ring has not come so far: it will.
                reader.late = True
                reader.since = time.monotonic()
                self._late.setdefault(cursor, []).append(reader)
            elif not blocks:
                self.look_up(reader)
            wake = reader.waker
        wake_all([wake])

    def _late_arrive(self) -> None:
        if self._late and self.ring is not None:
            for cursor in [c for c in self._late if self.ring.find(c) is not None]:
                number = self.ring.find(cursor)
                assert number is not None
                for reader in self._late.pop(cursor):
                    reader.join(number)
                    reader.wake()

    def _requeue_late(self) -> None:
        """Readers whose cursor never came by (it came and went while they were being placed) look again."""
        if not self._late:
            return
        with self.lock:
            now = time.monotonic()
            for cursor, readers in list(self._late.items()):
                stuck = [r for r in readers if now - r.since > PATIENCE]
                if stuck:
                    self._late[cursor] = [r for r in readers if r not in stuck]
                    if not self._late[cursor]:
                        del self._late[cursor]
                    for reader in stuck:
                        reader.late = False
                        self.look_up(reader)

    # -- the engine's health

    def _up(self) -> None:
        if self._down:
            self._down = False
            logger.warning("the log of %r answers again", self._name)

    def _fail(self, error: Exception, failures: int) -> None:
        if not self._down:
            self._down = True
            logger.warning(
                "the log of %r does not answer (%s: %s); trying again", self._name, type(error).__name__, error
            )
        else:
            logger.debug("the log of %r does not answer", self._name, exc_info=error)
        self._log.close()
        pause = min(BACKOFF[1], BACKOFF[0] * 2 ** min(failures, 10)) * random.uniform(0.5, 1.0)
        deadline = time.monotonic() + pause
        while not self._stopping and time.monotonic() < deadline:
            time.sleep(min(0.05, pause))


def _nobody() -> None:
    """Nobody sleeps there."""


def encode(stored: Stored) -> bytes:
    """The bytes of an event, the cursor as its id."""
    message = stored.message
    return format_sse_event(
        data_str=message.data, event=message.event, id=stored.cursor, retry=message.retry, comment=message.comment
    )


def cursor_block(cursor: str) -> Block:
    """An id alone: a browser remembers it and fires nothing."""
    return Block(0, cursor, (), format_sse_event(id=cursor), None, None)


def reset_chunk(gone: Gone, number: int) -> Chunk:
    """What a reader is told when the log can't answer from its cursor."""
    data = json.dumps({"reason": gone.reason}, separators=(",", ":"))
    wire = format_sse_event(event="stream-reset", data_str=data, id=gone.head)
    return Chunk([Block(number, gone.head, (), wire, "stream-reset", data)])


def wake_all(wakes: list[Callable[[], object]]) -> None:
    """Call them, those of one loop by one call into it."""
    by_loop: dict[asyncio.AbstractEventLoop, list[TaskSleep]] = {}
    for wake in wakes:
        if isinstance(wake, TaskSleep):
            by_loop.setdefault(wake.loop, []).append(wake)
        else:
            wake()
    for loop, sleeps in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle, sleeps)
        except RuntimeError:  # the loop is closed; nobody sleeps there
            pass


def _settle(sleeps: list[TaskSleep]) -> None:
    for sleep in sleeps:
        sleep.end()


class TaskSleep:
    """The sleep of one task. It is woken by a call into its loop, so a task may ask to be woken before it sleeps."""

    __slots__ = ("future", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.future: asyncio.Future[None] | None = None

    def __call__(self) -> None:
        wake_all([self])

    def begin(self) -> asyncio.Future[None]:
        """What the task awaits."""
        self.future = self.loop.create_future()
        return self.future

    def end(self) -> None:
        """Wake the task; in its loop."""
        future = self.future
        if future is not None and not future.done():
            future.set_result(None)
