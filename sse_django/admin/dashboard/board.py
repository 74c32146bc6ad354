"""What one process knows of one dashboard: the tracks of its widgets, who looks at which, and the bytes for all of them.

Each change is encoded once and put into a ring; a viewer is a number in it and the names of the widgets that it may see. The
first viewer of a widget starts its source, the last one stops it. Made anew after a fork.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from django.conf import settings

from sse_django import syncquery
from sse_django.admin.dashboard.runner import Runner, TookTooLong
from sse_django.admin.dashboard.tracks import Points, Track
from sse_django.admin.dashboard.widget import Widget
from sse_django.background import background_loop
from sse_django.events import format_sse_event
from sse_django.payloads import dump_json
from sse_django.ring import Ring
from sse_django.waker import TaskSleep, wake_all

logger = logging.getLogger("sse_django")

#: Seconds for which changes are collected before viewers are woken: sources of the same interval answer together.
TOGETHER = 0.02
#: How much a viewer may be behind before it gets everything anew.
KEPT_EVENTS, KEPT_BYTES = 1000, 4 * 1024 * 1024


class Board:
    """One dashboard in one process.

    Args:
        title: for the log.
        widgets: by name.
        may_start: whether sources may be asked at all (not in tests that haven't asked for it).
    """

    def __init__(self, title: str, widgets: Mapping[str, Widget], may_start: Callable[[], bool]) -> None:
        self._title = title
        self._widgets = widgets
        self._may_start = may_start
        self._lock = threading.Lock()
        self._ring = Ring("0", max_events=KEPT_EVENTS, max_bytes=KEPT_BYTES)
        self._places = {name: _Place(widget, self) for name, widget in widgets.items()}
        self._watched: Counter[str] = Counter()
        self._sleepers: set[TaskSleep] = set()
        self._waking = False

    # -- viewers

    @property
    def watched(self) -> dict[str, int]:
        """How many look at each widget."""
        with self._lock:
            return dict(+self._watched)

    async def watch(self, names: tuple[str, ...], greeting: bytes) -> AsyncIterator[bytes]:
        """The events of these widgets for one viewer, all there is first; endless."""
        sleep = TaskSleep(asyncio.get_running_loop())
        self._join(names)
        try:
            chunk, number = self._everything(names)
            yield greeting + chunk
            while True:
                taken, number = self._take(names, number, sleep)
                if taken is None:
                    await sleep.begin()
                else:
                    yield taken
        finally:
            self._leave(names, sleep)

    def _join(self, names: tuple[str, ...]) -> None:
        with self._lock:
            self._watched.update(names)
            if self._may_start():
                for name in names:
                    self._places[name].runner.start()

    def _leave(self, names: tuple[str, ...], sleep: TaskSleep) -> None:
        with self._lock:
            self._sleepers.discard(sleep)
            self._watched.subtract(names)
            for name in names:
                if self._watched[name] <= 0:
                    del self._watched[name]
                    self._places[name].runner.stop()

    def _everything(self, names: tuple[str, ...]) -> tuple[bytes, int]:
        with self._lock:
            return b"".join([self._places[name].state() for name in names]), self._ring.newest

    def _take(self, names: tuple[str, ...], number: int, sleep: TaskSleep) -> tuple[bytes | None, int]:
        with self._lock:
            if number >= self._ring.floor:
                chunk = self._ring.take(names, number)
                if chunk is not None:
                    return chunk.wire, chunk.number
                self._sleepers.add(sleep)
                return None, self._ring.newest
        return self._everything(names)  # too slow: what it missed is in there

    # -- what sources say, on the background loop

    def tell(self, name: str, event: str, **data: Any) -> None:
        """Under the lock: an event for all who look at a widget."""
        wire = wire_event(event, widget=name, **data)
        self._ring.append(str(self._ring.newest + 1), (name,), wire, event, None)
        if not self._waking:
            self._waking = True
            loop = background_loop()
            loop.call_soon_threadsafe(loop.call_later, TOGETHER, self._wake)

    def _wake(self) -> None:
        with self._lock:
            self._waking = False
            sleepers = list(self._sleepers)
            self._sleepers.clear()
        wake_all(list[Callable[[], object]](sleepers))

    @property
    def lock(self) -> threading.Lock:
        """Guards all of it."""
        return self._lock

    @property
    def title(self) -> str:
        """For the log."""
        return self._title


class _Place:
    """One widget's: its track, its runner, its trouble, and its state as bytes."""

    def __init__(self, widget: Widget, board: Board) -> None:
        self._widget = widget
        self._board = board
        self._track: Track = widget.track()
        self._problem: dict[str, Any] | None = None
        self._at: float | None = None  # of the newest value
        self._state: bytes | None = None
        self.runner = Runner(widget, got=self.got, failed=self.failed, backfilled=self.backfilled)

    def state(self) -> bytes:
        """Under the board's lock: the event for a newcomer, made once for all who come before the next change."""
        if self._state is None:
            self._state = wire_event("state", widget=self._widget.name, **self._described())
        return self._state

    def _described(self) -> dict[str, Any]:
        return {"at": self._at, "problem": self._problem, "state": self._track.state(time.time())}

    def got(self, value: Any, at: float) -> None:
        """The source has answered."""
        with self._board.lock:
            healed = self._problem is not None
            self._problem, self._at, self._state = None, at, None
            change = self._track.accept(value, at)
            if healed:
                self._board.tell(self._widget.name, "state", **self._described())
            elif change is not None:
                self._board.tell(self._widget.name, "update", at=at, update=change)
        if healed:
            logger.info("the widget %r of the dashboard %r answers again", self._widget.name, self._board.title)

    def failed(self, error: BaseException) -> None:
        """The source has not: the viewers are told that, and with DEBUG what it was."""
        syncquery.explain(error)
        again = self._problem is not None
        detail = f"{type(error).__name__}: {error}" if settings.DEBUG else None
        problem = {"kind": "timeout" if isinstance(error, TookTooLong) else "error", "detail": detail}
        with self._board.lock:
            if problem != self._problem:
                self._problem, self._state = problem, None
                self._board.tell(self._widget.name, "problem", at=time.time(), problem=problem)
        logger.log(
            logging.DEBUG if again else logging.ERROR,
            "the widget %r of the dashboard %r failed; it is asked again every %g s",
            self._widget.name,
            self._board.title,
            self._widget.interval,
            exc_info=error,
        )

    def backfilled(self, points: Any) -> None:
        """The history has come."""
        with self._board.lock:
            assert isinstance(self._track, Points)
            self._track.backfill(points, time.time())
            self._state = None
            self._board.tell(self._widget.name, "state", **self._described())


def wire_event(event: str, **data: Any) -> bytes:
    """An event of a dashboard."""
    return format_sse_event(event=event, data_str=dump_json(data).decode())
