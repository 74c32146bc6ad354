"""While a test's streams are open, requests don't close the test's database connections (as in Django's own test clients)."""

from __future__ import annotations

import threading

from django.core.signals import request_finished, request_started
from django.db import close_old_connections

_lock = threading.Lock()
_open = 0


def keep_connections() -> None:
    """A stream begins."""
    global _open
    with _lock:
        _open += 1
        if _open == 1:
            request_started.disconnect(close_old_connections)
            request_finished.disconnect(close_old_connections)


def release_connections() -> None:
    """It has ended."""
    global _open
    with _lock:
        _open -= 1
        if _open == 0:
            request_started.connect(close_old_connections)
            request_finished.connect(close_old_connections)
