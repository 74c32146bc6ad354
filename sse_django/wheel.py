"""One timer per loop that wakes thousands of silent readers for their pings. Knows no Django.

A reader is looked at when its ping might be due and, if it has sent something since, put where it might be due next. So
neither a reader nor an event costs a timer.
"""

from __future__ import annotations

import asyncio
import weakref
from typing import Protocol

#: Seconds between two looks.
TICK = 0.25


class Pinged(Protocol):
    """What a wheel carries."""

    last_sent: float
    ping_interval: float | None

    def ping(self) -> None:
        """Send one now, which moves `last_sent`, if nothing is on its way."""


class Wheel:
    """The pings of one loop."""

    _by_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Wheel] = weakref.WeakKeyDictionary()

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._slots: dict[int, set[Pinged]] = {}
        self._where: dict[Pinged, int] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._tick = 0

    @classmethod
    def here(cls) -> Wheel:
        """The one of the running loop."""
        loop = asyncio.get_running_loop()
        wheel = cls._by_loop.get(loop)
        if wheel is None:
            wheel = cls._by_loop[loop] = cls(loop)
        return wheel

    def add(self, member: Pinged) -> None:
        """Ping a member whenever it has been silent for its interval."""
        if member.ping_interval is not None:
            self._put(member)
            if self._timer is None:
                self._tick = int(self._loop.time() / TICK)
                self._timer = self._loop.call_later(TICK, self._turn)

    def remove(self, member: Pinged) -> None:
        """It has ended."""
        slot = self._where.pop(member, None)
        if slot is not None and slot in self._slots:
            self._slots[slot].discard(member)

    def _put(self, member: Pinged) -> None:
        assert member.ping_interval is not None
        # The last tick that is not late.
        slot = max(int((member.last_sent + member.ping_interval) / TICK), int(self._loop.time() / TICK) + 1)
        self._where[member] = slot
        self._slots.setdefault(slot, set()).add(member)

    def _turn(self) -> None:
        now = self._loop.time()
        current = int(now / TICK)
        while self._tick <= current:
            for member in self._slots.pop(self._tick, ()):
                assert member.ping_interval is not None
                if now - member.last_sent >= member.ping_interval - TICK:
                    member.ping()  # one that is busy sending says nothing, and is asked again at the next tick
                self._put(member)
            self._tick += 1
        self._timer = self._loop.call_later(TICK, self._turn) if self._where else None
