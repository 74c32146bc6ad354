"""How a task sleeps until another task or thread wakes it. Knows no Django."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

Wake = Callable[[], None]


def make_wake(future: asyncio.Future[Any], result: object = None) -> Wake:
    """A function for any thread that finishes a future of the running loop, once."""
    loop = future.get_loop()
    thread = threading.get_ident()

    def settle() -> None:
        if not future.done():
            future.set_result(result)

    def wake() -> None:
        if threading.get_ident() == thread:
            settle()
            return
        try:
            loop.call_soon_threadsafe(settle)
        except RuntimeError:  # the loop is closed, so nobody sleeps there any more
            pass

    return wake
