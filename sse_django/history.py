"""Those whose place is not in the ring: where newcomers begin, and what latecomers missed. Knows no Django.

A thread of its own asks the engine, so that one who comes back from far behind holds nobody up. A reader that has been given
everything up to the end of the log waits for the ring to reach that cursor, and goes on there.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from sse_django.exceptions import Gone
from sse_django.log import Log, cursor_block, encode, reset_chunk
from sse_django.reader import Reader
from sse_django.ring import Block
from sse_django.waker import wake_all

if TYPE_CHECKING:
    from sse_django.hub import Hub

#: Events per read of the engine.
PAGE = 500
#: Seconds without newcomers after which the engine is left alone, its connection closed.
IDLE = 30.0
#: Seconds after which a reader that waits for the ring to reach its cursor looks at the engine again.
PATIENCE = 1.0


class History:
    """The history thread's work. What is in here is guarded by the hub's lock."""

    def __init__(self, hub: Hub, log: Log) -> None:
        self._hub = hub
        self._log = log
        self._lookups: deque[Reader] = deque()
        self._late: dict[str, list[Reader]] = {}  # readers whose cursor the ring has not reached yet

    # -- under the lock

    def look_up(self, reader: Reader) -> None:
        """Have the thread find where it goes on."""
        if not reader.asked and not reader.late and reader.closed is None:
            reader.asked = True
            self._lookups.append(reader)
            self._hub.work.notify_all()

    def forget_late(self) -> None:
        """Nobody waits for the ring any more: they are all in it."""
        self._late = {}

    def arrive(self) -> list[Callable[[], object]]:
        """Put those into the ring whose cursor it has reached; what wakes them."""
        wakes: list[Callable[[], object]] = []
        ring = self._hub.ring
        if self._late and ring is not None:
            for cursor in list(self._late):
                number = ring.find(cursor)
                if number is not None:
                    for reader in self._late.pop(cursor):
                        reader.join(number)
                        if (wake := reader.waker()) is not None:
                            wakes.append(wake)
        return wakes

    # -- outside it

    def requeue(self) -> None:
        """Readers whose cursor never came by (it came and went while they were being placed) look again."""
        if not self._late:
            return
        with self._hub.lock:
            now = time.monotonic()
            for cursor, readers in list(self._late.items()):
                stuck = [r for r in readers if now - r.since > PATIENCE]
                if stuck:
                    self._late[cursor] = [r for r in readers if r not in stuck]
                    if not self._late[cursor]:
                        del self._late[cursor]
                    for reader in stuck:
                        reader.late = False
                        self.look_up(reader)

    def attend(self) -> None:
        """The thread."""
        hub = self._hub
        failures = 0
        try:
            while True:
                with hub.lock:
                    while not self._lookups and not hub.stopping:
                        if not hub.work.wait(IDLE):
                            self._log.close()
                    if hub.stopping:
                        return
                    batch = list(self._lookups)
                    self._lookups.clear()
                try:
                    self._serve(batch)
                    failures = 0
                except Exception as error:
                    failures += 1
                    with hub.lock:
                        self._lookups.extendleft(r for r in reversed(batch) if r.asked and r.closed is None)
                    hub.failed(error, failures)
        finally:
            self._log.close()

    def _serve(self, batch: list[Reader]) -> None:
        fresh = [reader for reader in batch if reader.asked and reader.looked is None and reader.closed is None]
        if fresh:
            head = self._log.head()
            blocks = [cursor_block(head)]
            with self._hub.lock:
                wakes = [self._placed(reader, blocks, head) for reader in fresh]
            wake_all([wake for wake in wakes if wake is not None])
        for reader in batch:
            if reader.asked and reader.closed is None and reader.looked is not None:
                self._page(reader, reader.looked)

    def _page(self, reader: Reader, cursor: str) -> None:
        with self._hub.lock:
            number = ring.find(cursor) if (ring := self._hub.ring) is not None else None
            wake = None
            if number is not None:
                reader.join(number)
                # Under the lock: who is in the ring and sleeps counts as one who has seen all that is in it.
                wake = reader.waker()
        if number is not None:
            if wake is not None:
                wake()
            return
        try:
            events, looked = self._log.read(cursor, reader.channels, PAGE)
        except Gone as gone:
            self._place(reader, reset_chunk(gone, 0).blocks, gone.head)
            return
        blocks = [Block(0, e.cursor, e.message.channels, encode(e), e.message.event, e.message.data) for e in events]
        self._place(reader, blocks, looked, full=len(events) >= PAGE)

    def _place(self, reader: Reader, blocks: list[Block], cursor: str, *, full: bool = False) -> None:
        """Give a reader what was found, and let it go on in the ring from there if that is possible."""
        with self._hub.lock:
            wake = self._placed(reader, blocks, cursor, full=full)
        if wake is not None:
            wake()

    def _placed(
        self, reader: Reader, blocks: list[Block], cursor: str, *, full: bool = False
    ) -> Callable[[], object] | None:
        """As `_place`, under the lock; what wakes the reader's consumer, if it sleeps."""
        if not reader.asked:  # it was put into the ring meanwhile, by a reset
            return None
        reader.give(blocks, cursor)
        number = ring.find(cursor) if (ring := self._hub.ring) is not None else None
        if number is not None:
            reader.join(number)
        elif not full:
            # The end of the log, and the ring has not come so far: it will.
            reader.late = True
            reader.since = time.monotonic()
            self._late.setdefault(cursor, []).append(reader)
        elif not blocks:
            self.look_up(reader)
        return reader.waker()
