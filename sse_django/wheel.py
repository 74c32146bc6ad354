"""One timer per loop that wakes thousands of silent readers for their pings. Knows no Django.

A reader is looked at when its ping might be due and, if it has sent something since, put where it might be due next. So
neither a reader nor an event costs a timer.
"""

from __future__ import annotations

import asyncio
import contextvars
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

    def __init__(self) -> None:
        # It has no name for its loop, which would never be let go of: see _by_loop.
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
            wheel = cls._by_loop[loop] = cls()
        return wheel

    def add(self, member: Pinged) -> None:
        """Ping a member whenever it has been silent for its interval."""
        if member.ping_interval is not None:
            loop = asyncio.get_running_loop()
            self._put(member, loop.time())
            if self._timer is None:
                self._tick = int(loop.time() / TICK)
                self._wait(loop)

    def remove(self, member: Pinged) -> None:
        """It has ended."""
        slot = self._where.pop(member, None)
        if slot is not None and slot in self._slots:
            self._slots[slot].discard(member)
            if not self._slots[slot]:
                del self._slots[slot]
        if self._timer is not None and not self._where:
            self._timer.cancel()
            self._timer = None

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        # In no request's context: it would live as long as anybody reads.
        self._timer = loop.call_later(TICK, self._turn, context=contextvars.Context())

    def _put(self, member: Pinged, now: float) -> None:
        assert member.ping_interval is not None
        # The last tick that is not late.
        slot = max(int((member.last_sent + member.ping_interval) / TICK), int(now / TICK) + 1)
        self._where[member] = slot
        self._slots.setdefault(slot, set()).add(member)

    def _turn(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        current = int(now / TICK)
        while self._tick <= current:
            for member in self._slots.pop(self._tick, ()):
                assert member.ping_interval is not None
                if now - member.last_sent >= member.ping_interval - TICK:
                    member.ping()  # one that is busy sending says nothing, and is asked again at the next tick
                if member in self._where:
                    self._put(member, now)
            self._tick += 1
        self._timer = None
        if self._where:
            self._wait(loop)
