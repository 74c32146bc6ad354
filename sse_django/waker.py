"""How a task sleeps until another task or thread wakes it. Knows no Django."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

Wake = Callable[[], None]

#: Sleepers that are woken in one turn of a loop.
BATCH = 100


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


class Sleeper:
    """Something of one loop that sleeps. Called from any thread, it has `end` called in its loop."""

    __slots__ = ("loop",)

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop

    def __call__(self) -> None:
        wake_all([self])

    def end(self) -> None:
        """Wake it; in its loop."""
        raise NotImplementedError


class TaskSleep(Sleeper):
    """The sleep of one task. It is woken by a call into its loop, so a task may ask to be woken before it sleeps."""

    __slots__ = ("future",)

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.future: asyncio.Future[None] | None = None

    def begin(self) -> asyncio.Future[None]:
        """What the task awaits."""
        self.future = self.loop.create_future()
        return self.future

    def end(self) -> None:
        """Wake the task; in its loop."""
        future = self.future
        if future is not None and not future.done():
            future.set_result(None)


def wake_all(wakes: Iterable[Callable[[], object]]) -> None:
    """Call them, the sleepers of one loop by one call into it."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Sleeper]] = {}
    for wake in wakes:
        if isinstance(wake, Sleeper):
            sleepers = by_loop.get(wake.loop)
            if sleepers is None:
                sleepers = by_loop[wake.loop] = []
            sleepers.append(wake)
        else:
            wake()
    for loop, sleepers in by_loop.items():
        try:
            loop.call_soon_threadsafe(_end_all, loop, iter(sleepers))
        except RuntimeError:  # the loop is closed; nobody sleeps there
            pass


def _end_all(loop: asyncio.AbstractEventLoop, sleepers: Iterator[Sleeper]) -> None:
    # A batch a turn of the loop: it does other things meanwhile, and the tasks that are woken at once, each with objects that
    # live until its turn, are too few to have the garbage collector called.
    count = 0
    for sleeper in islice(sleepers, BATCH):
        count += 1
        try:
            sleeper.end()
        except Exception as error:  # the others are woken nevertheless
            loop.call_exception_handler({"message": "a sleeper could not be woken", "exception": error})
    if count == BATCH:
        loop.call_soon(_end_all, loop, sleepers)
