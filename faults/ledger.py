"""What a publisher knows of its events, in a file that survives its kill -9: a line before each transaction, one after it.

A number is `committed` or `rolled-back`, or else nobody can know: its commit raised, or the publisher died before it had
written the line. Such a number may have been delivered once, or not at all.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

COMMITTED, ROLLED_BACK, UNKNOWN = "committed", "rolled-back", "unknown"


class Event(NamedTuple):
    """A publisher's number, and its own number of an event."""

    p: int
    n: int


class Fate(NamedTuple):
    """What became of an event, and when its transaction began (`time.monotonic()`, one clock for all processes)."""

    status: str
    began: float


def channels_of(event: Event) -> list[str]:
    """Where an event goes: to all, to those who read its publisher, or to both as one event."""
    own = f"publisher:{event.p}"
    return {0: [own], 1: ["faults", own]}.get(event.n % 5, ["faults"])


def is_for(event: Event, publisher: int) -> bool:
    """Whether a client that reads this publisher is to get it."""
    return event.n % 5 != 0 or event.p == publisher


class Ledger:
    """The writing side, for one process at a time."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_APPEND | os.O_RDWR)

    def write(self, word: str, numbers: Collection[int]) -> None:
        """One line, by one write: whole or not there."""
        if numbers:
            os.write(self._file, f"{time.monotonic():.6f} {word} {' '.join(map(str, numbers))}\n".encode())

    def close(self) -> None:
        os.close(self._file)


def read(path: Path, publisher: int) -> Iterator[tuple[Event, Fate]]:
    """All events of a publisher that were ever begun."""
    began: dict[int, float] = {}
    status: dict[int, str] = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        at, word, *numbers = line.split()
        for n in map(int, numbers):
            if word == "began":
                began[n] = float(at)
            else:
                status[n] = word
    for n, at_ in began.items():
        yield Event(publisher, n), Fate(status.get(n, UNKNOWN), at_)
