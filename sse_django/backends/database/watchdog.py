"""A limit on every statement of ours, where the drivers know none: a server that hangs, or is cut off, sends no error.

When the time is up the connection's socket is shut down, which the driver sees as a lost connection. One thread a process
looks now and then: a limit is for a dead engine, not for precision.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import Error

#: Seconds between two looks while anything is running.
PRECISION = 0.25


class Watchdog:
    """`with watchdog.limit(connection, seconds) as again:` around a connection's statements; `again()` sets the clock back."""

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._running: dict[int, tuple[float, int]] = {}  # by a number of its own: the end, the descriptor
        self._count = 0
        self._pid = 0

    @contextmanager
    def limit(self, connection: Any, seconds: float) -> Iterator[Callable[[], None]]:
        """Shut the socket of a Django connection down if the block takes longer, and close the connection after it.

        Else whoever asks it next whether it is usable might wait for the same server: PyMySQL connects again to find out.
        """
        descriptor = _descriptor(connection.connection)
        if descriptor is None:
            yield _nothing
            return
        with self._lock:
            if self._pid != os.getpid():
                self._pid = os.getpid()
                self._running.clear()
                threading.Thread(target=self._watch, name="sse-watchdog", daemon=True).start()
            self._count += 1
            number = self._count
            if not self._running:
                self._lock.notify()
            self._running[number] = (time.monotonic() + seconds, descriptor)

        def again() -> None:
            with self._lock:
                if number in self._running:
                    self._running[number] = (time.monotonic() + seconds, descriptor)

        try:
            yield again
        finally:
            with self._lock:
                was_cut = self._running.pop(number, None) is None
            if was_cut and not connection.in_atomic_block:
                _close(connection)

    def _watch(self) -> None:
        while True:
            with self._lock:
                if not self._running:
                    self._lock.wait()  # once: what woke it is over before it looks, mostly, and the next would wake it again
                now = time.monotonic()
                for number, (end, descriptor) in list(self._running.items()):
                    if now > end:
                        del self._running[number]
                        _shut_down(descriptor)
            time.sleep(PRECISION)


def _nothing() -> None:
    """There is no clock."""


def _descriptor(raw: Any) -> int | None:
    """The socket of a driver's connection; SQLite has none, and its waits have a limit."""
    if raw is None:
        return None
    source = raw if hasattr(raw, "fileno") else getattr(raw, "_sock", None)  # psycopg and mysqlclient; PyMySQL
    if source is None:
        return None
    try:
        return int(source.fileno())
    except Exception:  # closed: the statement will say so
        return None


def _close(connection: Any) -> None:
    try:
        connection.close()
    except Error:  # its socket is shut down
        pass


def _shut_down(descriptor: int) -> None:
    try:
        with socket.socket(fileno=os.dup(descriptor)) as ours:
            ours.shutdown(socket.SHUT_RDWR)
    except OSError:  # closed already
        pass


watchdog = Watchdog()
