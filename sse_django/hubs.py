"""The process's hubs: one per backend alias, made at first use and anew after a fork.

While Django's test environment is set up, a hub doesn't start by itself: its threads would hold connections to a test database
that is to be dropped, and see nothing of a TestCase's transaction. `live_hubs()` lets them.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.core import mail

from sse_django.backends import get_backend
from sse_django.hub import Hub
from sse_django.log import Stored

_lock = threading.Lock()
_hubs: dict[str, Hub] = {}
_pid = os.getpid()
_live = 0

#: Called in a hub's thread with every event of its log: how kicks reach every process.
on_event: list[Callable[[Stored], None]] = []


def get_hub(alias: str) -> Hub:
    """The hub of a backend. It reads nothing before `start_hub`."""
    global _pid
    with _lock:
        if _pid != os.getpid():
            _hubs.clear()
            _pid = os.getpid()
        hub = _hubs.get(alias)
        if hub is None:
            hub = _hubs[alias] = Hub(get_backend(alias), alias, _control)
        return hub


def start_hub(hub: Hub) -> None:
    """Start it, unless this is a test that has not asked for it."""
    if may_start():
        hub.start()


def may_start() -> bool:
    """Whether what reads by itself may begin: not in a test that has not asked for it."""
    return bool(_live) or not hasattr(mail, "outbox")  # setup_test_environment() makes the outbox


@contextmanager
def live_hubs() -> Iterator[None]:
    """Let hubs start, in tests; stop them and close their connections at the end."""
    global _live
    _live += 1
    try:
        for hub in list(_hubs.values()):
            if hub.readers:
                hub.start()
        yield
    finally:
        _live -= 1
        if not _live:
            stop_hubs()


def stop_hubs() -> None:
    """Stop and forget all hubs."""
    with _lock:
        hubs = list(_hubs.values())
        _hubs.clear()
    for hub in hubs:
        hub.stop()


def _control(stored: Stored) -> None:
    for receiver in on_event:
        receiver(stored)
