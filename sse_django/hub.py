"""One reader per process and log: a thread that reads the backend, fills the ring and wakes whom it concerns.

A `Reader` is a number in the ring. It joins there once the ring knows its cursor; until then the `History` thread gives it
pages of the engine. Where neither can answer it is told by a `stream-reset`. An engine that is down costs a delay: both
threads try again. Knows no Django.
"""

from __future__ import annotations

import logging
import os
import random
import threading
import time
from collections.abc import Callable, Sequence

from sse_django.exceptions import Gone
from sse_django.history import History
from sse_django.log import Log, Message, Stored, encode, reset_chunk
from sse_django.reader import Reader
from sse_django.ring import Chunk, Ring
from sse_django.waker import wake_all

logger = logging.getLogger("sse_django")

__all__ = ["Hub", "Log", "Message", "Reader", "Stored"]

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


class Hub:
    """The reader of one log. `start` is called by whoever opens a reader; threads end when nobody has read for a while.

    Args:
        log: the backend.
        name: for threads and the log.
        on_event: called in the hub's thread with each event (control channels).

    `lock` guards the ring, the readers and their places, `work` tells the threads of something to do.
    """

    def __init__(self, log: Log, name: str, on_event: Callable[[Stored], None] | None = None) -> None:
        self._log = log
        self._name = name
        self._on_event = on_event
        self._pid = os.getpid()
        self.lock = threading.Lock()
        self.work = threading.Condition(self.lock)
        self.ring: Ring | None = None
        self.reset: Chunk | None = None
        self.reset_at = -1
        self.stopping = False
        self._history = History(self, log)
        self.look_up = self._history.look_up
        self._readers: dict[str, set[Reader]] = {}
        self._count = 0
        self._threads: list[threading.Thread] = []
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
            self.work.notify_all()
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

    def reads(self, channel: str) -> bool:
        """Whether anybody reads a channel here."""
        return channel in self._readers

    # -- threads

    def start(self) -> None:
        """Have the threads run."""
        with self.lock:
            if self._threads:
                return
            self.stopping = False
            self._idle_since = time.monotonic()
            self._threads = [
                threading.Thread(target=self._follow, name=f"sse-hub-{self._name}", daemon=True),
                threading.Thread(target=self._history.attend, name=f"sse-history-{self._name}", daemon=True),
            ]
            for thread in self._threads:
                thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """End the threads and close what they hold of the engine; readers stay and wait."""
        with self.lock:
            self.stopping = True
            self.work.notify_all()
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
            while not self._count and not self.stopping:
                self.work.wait()

    def _follow(self) -> None:
        failures = 0
        trim_at = time.monotonic() + TRIM * random.random()
        try:
            while not self.stopping:
                self._rest()
                try:
                    self._step()
                    # A bounded amount; again while there is more.
                    if time.monotonic() > trim_at and not self._log.trim():
                        trim_at = time.monotonic() + TRIM * random.uniform(0.5, 1.5)
                    failures = 0
                    self._up()
                except Exception as error:
                    failures += 1
                    self.failed(error, failures)
        finally:
            self._log.close()

    def _step(self) -> None:
        if self.ring is None:
            cursor = self._log.head()
            with self.lock:
                self.ring = Ring(cursor)
                self.reset, self.reset_at = None, -1  # numbers begin again
                wakes = self._history.arrive()
            wake_all(wakes)
        cursor = self.ring.newest_cursor
        try:
            events, looked = self._log.read(cursor, None, PAGE)
        except Gone as gone:
            self._begin_anew(gone)
            return
        if events:
            self._append(events)
        if len(events) < PAGE:
            self._history.requeue()
            self._log.wait(looked, WAIT)

    def _append(self, events: Sequence[Stored]) -> None:
        wakes: list[Callable[[], object]] = []
        encoded = [(stored, encode(stored)) for stored in events]
        with self.lock:
            assert self.ring is not None
            for stored, wire in encoded:
                message = stored.message
                number = self.ring.append(stored.cursor, message.channels, wire, message.event, message.data).number
                for channel in message.channels:
                    wakes += Reader.rouse(self._readers.get(channel, ()), number)
            wakes += self._history.arrive()
        wake_all(wakes)
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
            self._history.forget_late()
            readers = {reader for group in self._readers.values() for reader in group}
            for reader in readers:
                reader.join(min(reader.at, number - 1))
            wakes = [wake for reader in readers if (wake := reader.waker()) is not None]
        wake_all(wakes)

    # -- the engine's health

    def _up(self) -> None:
        if self._down:
            self._down = False
            logger.warning("the log of %r answers again", self._name)

    def failed(self, error: Exception, failures: int) -> None:
        """The engine has not answered one of the threads, which waits here before it tries again."""
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
        while not self.stopping and time.monotonic() < deadline:
            time.sleep(min(0.05, pause))
