"""Waiting for a thing itself, with a limit, rather than sleeping and hoping."""

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from tests.live.servers import Server

T = TypeVar("T")


def until(condition: Callable[[], T], timeout: float, what: str) -> T:
    """Ask until the answer is true and return it. Raises AssertionError, naming `what`, after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s: {what}")
        time.sleep(0.01)
    return answer


def on_this_machine(seconds: float) -> float:
    """What a promise of so many seconds comes to now: longer, where more wants to run than there are cores to run it."""
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1), _slowed())


def _slowed() -> float:
    """How many times as long as it should a moment's work takes: the load of the last minute knows nothing of this second."""
    begun, worked = time.monotonic(), time.thread_time()
    while time.thread_time() - worked < 0.02:
        pass
    return (time.monotonic() - begun) / 0.02


def stays(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Raises AssertionError, naming `what`, unless the condition holds all through the next `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert condition(), f"did not stay so for {seconds} s: {what}"
        time.sleep(0.05)


def stands_still(server: "Server", stream: str, seconds: float = 0.2) -> bool:
    """Whether a stream that has begun, and would go on, made nothing for so long: its send is blocked."""
    before = server.progress(stream)
    time.sleep(seconds)  # the time over which "still" is judged
    return 0 < before == server.progress(stream)
