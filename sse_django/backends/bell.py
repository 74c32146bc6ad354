"""How a publish wakes the readers of its own process, at once and without the engine.

A reader sleeps on the condition; or in `select` with a descriptor from `open`, where it listens on a socket as well; or on an
event loop, by `calling`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Bell:
    """Rings since the process began are counted, so that one between a look at the log and the sleep after it is not missed."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._pipes: set[int] = set()
        self._callbacks: set[Callable[[], object]] = set()
        self.rings = 0

    def ring(self) -> int:
        """Wake all who sleep. From any thread. Returns how often it has rung."""
        with self._condition:
            self.rings += 1
            for pipe in self._pipes:
                try:
                    os.write(pipe, b"!")
                except BlockingIOError:  # full: it wakes anyway
                    pass
            for callback in self._callbacks:
                callback()
            self._condition.notify_all()
            return self.rings

    def sleep(self, seen: int, timeout: float) -> None:
        """Until it rings, or has since `seen`, or for `timeout` seconds."""
        with self._condition:
            self._condition.wait_for(lambda: self.rings != seen, timeout)

    @contextmanager
    def calling(self, callback: Callable[[], object]) -> Iterator[None]:
        """Have it called at every ring, by the thread that rings, which it must not keep."""
        with self._condition:
            self._callbacks.add(callback)
        try:
            yield
        finally:
            with self._condition:
                self._callbacks.discard(callback)

    def open(self) -> tuple[int, int]:
        """Descriptors: one to select and read, one to give back to `shut` with it."""
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        os.set_blocking(writing, False)
        with self._condition:
            self._pipes.add(writing)
        return reading, writing

    def shut(self, reading: int, writing: int) -> None:
        """Close what `open` gave."""
        with self._condition:
            self._pipes.discard(writing)
        os.close(reading)
        os.close(writing)
