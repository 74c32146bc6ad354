"""Looks at watched tables now and then, and tells when one has changed. One thread a process, only while somebody watches here.

That somebody does is seen by the hub's readers. When a change is told, here or in another process, the table is looked at right
then, before the pages read it again: so what was told isn't found once more by the next look, nor by each process. (Not where a
page began after that change: it isn't told, and would never hear of what else such a look takes for known.)
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sse_django import hubs
from sse_django.admin.live.notices import CHANNELS, PROCESS, Follower
from sse_django.backends.cursor import Cursor, parse_cursor
from sse_django.connections import close_own
from sse_django.exceptions import Gone
from sse_django.hub import Stored

logger = logging.getLogger("sse_django")

#: Seconds without anybody watching after which a table is forgotten. More than a stream takes to open.
IDLE = 30.0
#: A look may cost this part of the time: a table that takes a second is looked at every 20.
SHARE = 0.05
#: Seconds after a look before the next one out of turn.
SOON = 0.2
#: Seconds between two questions whether somebody watches.
TURN = 0.5


@dataclass(eq=False)
class Watch:
    """A table that somebody may be watching."""

    follower: Follower
    look: Callable[[], object]
    interval: float
    seen: object = None
    due: float = 0.0
    rested: float = 0.0  # from when it may be looked at out of turn
    wanted: float = 0.0  # when somebody was last known to watch, or about to
    stale: threading.Event = field(default_factory=threading.Event)  # a change was told, here or elsewhere
    pages: Cursor | None = None  # the newest place in the log from which a page is told

    def follows_from(self, text: str | None) -> None:
        """A page is told what comes after this cursor."""
        cursor = _parse(text)
        if cursor is not None and not (self.pages is not None and _is_after(self.pages, cursor)):
            self.pages = cursor

    def is_told_to_all(self, text: str) -> bool:
        """Whether all pages are told of the event at this cursor; some may have begun after it."""
        cursor = _parse(text)
        return cursor is not None and (self.pages is None or _is_after(cursor, self.pages))

    def turn(self, now: float) -> None:
        """Look, if somebody watches and it is time."""
        if not hubs.get_hub(self.follower.alias).reads(self.follower.channel):
            return
        self.wanted = now
        told = self.stale.is_set()
        self.stale.clear()
        if told and now >= self.rested:
            self.see()  # before the pages have asked for what they were told of: what is seen now is no news to them
        elif now >= self.due:
            # Never seen: the page was rendered in another process, and this one doesn't know what it shows.
            before = self.seen
            if self.see() and self.seen != before:
                self.follower.tell_check()
        close_own({})

    def see(self) -> bool:
        """Look now. Whether that worked."""
        began = time.monotonic()
        try:
            self.seen = self.look()
        except Exception:
            logger.warning("a look at %s failed; the next one may not", self.follower.model._meta.label, exc_info=True)
            return False
        finally:
            took = time.monotonic() - began
            self.due = began + took + max(self.interval, took / SHARE)
            self.rested = began + took + max(SOON, took / SHARE)
        return True


def _parse(text: str | None) -> Cursor | None:
    try:
        return parse_cursor(text, text) if text else None
    except Gone:  # of another kind of log, whose places have no order for us
        return None


def _is_after(one: Cursor, other: Cursor) -> bool:
    return one.epoch == other.epoch and one.seq > other.seq


_lock = threading.Lock()
#: By log, channel and way of looking: two admins of one model may differ in theirs, and the pages of both are to be told.
_watches: dict[tuple[str, str, object], Watch] = {}
_thread: threading.Thread | None = None
_pid = 0
_wake = threading.Event()


def watch(follower: Follower, look: Callable[[], object], interval: float, *, cursor: str | None, page: bool) -> None:
    """Look at a table while somebody reads its channel. Call it before a page is read from the database, and before its stream.

    Args:
        follower: whose channel it is.
        look: what the table looks like, compared with `==`.
        interval: seconds between two looks.
        cursor: from where the page is told of changes.
        page: whether it is a page that is about to be read: then what it shows is looked at now, if that isn't known here.
    """
    global _thread, _pid
    if not hubs.may_start():
        return
    with _lock:
        if _pid != os.getpid():  # after a fork there is no thread
            _pid, _thread = os.getpid(), None
            _watches.clear()
        key = follower.alias, follower.channel, getattr(look, "__func__", look)
        each = _watches.setdefault(key, Watch(follower, look, interval))
        if interval < each.interval:
            each.interval, each.due = interval, min(each.due, time.monotonic() + interval)
        each.wanted = time.monotonic()
        each.follows_from(cursor)
        if _thread is None:
            _thread = threading.Thread(target=_run, name="sse-admin-live", daemon=True)
            _thread.start()
    if page and each.seen is None:
        each.see()


def _run() -> None:
    global _thread
    while True:
        now = time.monotonic()
        with _lock:
            for key in [key for key, each in _watches.items() if now - each.wanted > IDLE or not hubs.may_start()]:
                del _watches[key]
            if not _watches:
                _thread = None
                return
            watches = list(_watches.values())
        for each in watches:
            try:
                each.turn(now)
            except Exception:  # the other tables are to be looked at nevertheless
                logger.exception("%s can't be looked at", each.follower.model._meta.label)
        _wake.wait(TURN)
        _wake.clear()


def _heard(stored: Stored) -> None:
    """In the hub's thread, with every event of its log."""
    message = stored.message
    if not message.channels[0].startswith(CHANNELS):
        return
    if message.event == "check" and message.data is not None and json.loads(message.data).get("by") == PROCESS:
        return
    for each in list(_watches.values()):
        if each.follower.channel in message.channels and each.is_told_to_all(stored.cursor):
            each.stale.set()
            _wake.set()


hubs.on_event.append(_heard)
