"""One subscription's place in a log: a number in the hub's ring, or a page of the engine until it gets there. Knows no Django.

It keeps no queue. Its consumer takes what comes after its place, and is woken when there is more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from sse_django.log import cursor_block
from sse_django.ring import Block, Chunk

if TYPE_CHECKING:
    from sse_django.hub import Hub


class Reader:
    """Its consumer is a task or a thread; the hub's threads feed and wake it.

    Attributes:
        channels: what it reads.
        cursor: up to where its consumer has been given everything; None until that is known.
        closed: why it is to end, or None.
    """

    __slots__ = (
        "_at",
        "_hub",
        "_inbox",
        "_joined",
        "asked",
        "channels",
        "closed",
        "cursor",
        "late",
        "looked",
        "since",
        "sleeper",
    )

    def __init__(self, hub: Hub, channels: tuple[str, ...], after: str | None) -> None:
        self._hub = hub
        self._inbox: deque[Chunk] | None = None  # pages of the engine; most readers never have a second one
        self._at = 0  # its number in the ring
        self._joined = False  # whether it is in the ring
        self.sleeper: Callable[[], object] | None = None  # what wakes the consumer, while it sleeps
        self.asked = False  # whether the history thread has it
        self.late = False  # whether it waits for the ring to reach its cursor: then the history thread leaves it alone
        self.looked = after  # up to where pages of the engine have been given: `cursor` and what is in the inbox
        self.since = 0.0  # when it began to wait for the ring to reach its cursor
        self.channels = channels
        self.cursor = after
        self.closed: str | None = None

    def echo(self, cursor: str) -> None:
        """Have its consumer begin with the cursor that it brought."""
        with self._hub.lock:
            self._put(Chunk([cursor_block(cursor)]), first=True)

    def take(self, wake: Callable[[], object], stay: bool = False) -> Chunk | None:
        """The next chunk; or None, and `wake` is called, once and from any thread, when there may be one.

        A reader that is closed gets None and no call: look at `closed` before you sleep. One that is to `stay` may be taken for
        asleep, if there is nothing after its chunk: then it has a `sleeper`, and need not ask again.
        """
        hub = self._hub
        with hub.lock:
            if self._joined and self._inbox is None and self.closed is None:
                ring, at = hub.ring, self._at
                if ring is not None:
                    if self.sleeper is not None:  # nothing of its channels has come, however far the ring has moved on
                        self._at, self.cursor, self.sleeper = ring.newest, ring.newest_cursor, wake
                        return None
                    if at == ring.newest:  # nearly always the second question after an event
                        self.sleeper = wake
                        return None
                    if at == ring.asked_at and self.channels == ring.asked_for:  # and the first: all are told the same
                        answer = ring.answer
                        self._at, self.cursor = answer.number, answer.cursor
                        self.sleeper = wake if stay and answer.number == ring.newest else None
                        return answer
            chunk = self._take()
            self.sleeper = wake if chunk is None and self.closed is None else None
            return chunk

    def caught_up(self) -> str | None:
        """The newest cursor that this reader was looked through to: its own where more is to come."""
        with self._hub.lock:
            ring = self._hub.ring
            if self.sleeper is not None and self._joined and ring is not None:  # it sleeps, so nothing has come since
                self._at, self.cursor = ring.newest, ring.newest_cursor
            return self.cursor

    def close(self, reason: str) -> None:
        """End it, from any thread; the first reason stays."""
        if self.closed is None:
            self.closed = reason
        self._hub.detach(self)
        self.wake()

    def wake(self) -> None:
        """Wake the consumer, if it sleeps."""
        wake, self.sleeper = self.sleeper, None
        if wake is not None:
            wake()

    # -- under the hub's lock

    def _take(self) -> Chunk | None:
        if self.closed is not None:
            return None
        if self._inbox is not None:
            chunk = self._inbox.popleft()
            if not self._inbox:
                self._inbox = None
            self.cursor = chunk.cursor
            return chunk
        hub = self._hub
        ring = hub.ring
        if not self._joined:
            hub.look_up(self)
            return None
        assert ring is not None
        at = self._at
        if at == ring.newest:
            return None
        if at < hub.reset_at and hub.reset is not None:
            self._at, self.cursor = hub.reset_at, hub.reset.cursor
            return hub.reset
        if at < ring.floor:  # slow: the ring has moved on
            self._joined, self.looked = False, self.cursor
            hub.look_up(self)
            return None
        found = ring.take(self.channels, at)
        if found is None:
            self._at, self.cursor = ring.newest, ring.newest_cursor
        else:
            self._at, self.cursor = found.number, found.cursor
        return found

    def _put(self, chunk: Chunk, *, first: bool = False) -> None:
        if self._inbox is None:
            self._inbox = deque()
        if first:
            self._inbox.appendleft(chunk)
        else:
            self._inbox.append(chunk)

    @property
    def at(self) -> int:
        """Its number in the ring."""
        return self._at

    def join(self, number: int) -> None:
        """Go on from this number in the ring."""
        self._at, self._joined, self.asked, self.late = number, True, False, False

    def give(self, blocks: list[Block], cursor: str) -> None:
        """A page of the engine."""
        self.asked = False
        if blocks:
            self._put(Chunk(blocks))
        self.looked = cursor
        if self._inbox is None:  # else its consumer has not been given that yet
            self.cursor = cursor

    @staticmethod
    def rouse(readers: Iterable[Reader], number: int) -> list[Callable[[], object]]:
        """The ring got an event of theirs; what wakes the consumers that sleep. Each is woken once."""
        wakes = []
        for reader in readers:
            wake = reader.sleeper
            if wake is not None and reader._joined:
                reader._at = number - 1  # it slept, so it had seen all before
                reader.sleeper = None
                wakes.append(wake)
        return wakes

    def waker(self) -> Callable[[], object] | None:
        """What wakes the consumer, if it sleeps; it is woken once."""
        wake, self.sleeper = self.sleeper, None
        return wake
