"""Looks at watched tables now and then, and tells when one has changed. One thread a process, only while somebody watches here.

That somebody does is seen by the hub's readers. Where several processes look at a table, the first that finds a change tells
it, and the others take the new state for granted, so that it isn't told once by each.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import connections

from sse_django import hubs
from sse_django.admin.live.notices import PROCESS, Follower
from sse_django.hub import Stored

logger = logging.getLogger("sse_django")

#: Seconds without anybody watching after which the thread ends. More than a stream takes to open.
IDLE = 30.0
#: A look may cost this part of the time: a table that takes a second is looked at every 20.
SHARE = 0.05
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
    stale: threading.Event = field(default_factory=threading.Event)  # another process has told of a change

    @property
    def watched(self) -> bool:
        """Whether somebody reads here."""
        return hubs.get_hub(self.follower.alias).reads(self.follower.channel)

    def turn(self, now: float) -> None:
        """Look, if it is time."""
        if not self.watched:
            self.seen = None
        elif self.stale.is_set():
            self.stale.clear()
            self._look()
        elif now >= self.due:
            before = self.seen
            if self._look() and before is not None and self.seen != before:
                self.follower.tell_check()

    def _look(self) -> bool:
        began = time.monotonic()
        try:
            self.seen = self.look()
        except Exception:
            logger.warning("a look at %s failed; the next one may not", self.follower.model._meta.label, exc_info=True)
            return False
        finally:
            took = time.monotonic() - began
            self.due = began + took + max(self.interval, took / SHARE)
            connections.close_all()  # of this thread
        return True


_lock = threading.Lock()
_watches: dict[tuple[str, str], Watch] = {}
_thread: threading.Thread | None = None
_pid = 0
_wake = threading.Event()


def watch(follower: Follower, look: Callable[[], object], interval: float) -> None:
    """Look at a table while somebody reads its channel. Call it when somebody is about to.

    Args:
        follower: whose channel it is.
        look: what the table looks like, compared with `==`.
        interval: seconds between two looks.
    """
    global _thread, _pid
    if not hubs.may_start():
        return
    with _lock:
        if _pid != os.getpid():  # after a fork there is no thread
            _pid, _thread = os.getpid(), None
            _watches.clear()
        _watches[follower.alias, follower.channel] = _watches.get((follower.alias, follower.channel)) or Watch(
            follower, look, interval
        )
        if _thread is None:
            _thread = threading.Thread(target=_run, name="sse-admin-live", daemon=True)
            _thread.start()


def _run() -> None:
    global _thread
    idle_since = time.monotonic()
    while True:
        now = time.monotonic()
        with _lock:
            watches = list(_watches.values())
        for each in watches:
            each.turn(now)
        if any(each.watched for each in watches):
            idle_since = now
        with _lock:
            if len(_watches) == len(watches) and (now - idle_since > IDLE or not hubs.may_start()):
                _watches.clear()
                _thread = None
                return
        _wake.wait(TURN)
        _wake.clear()


def _heard(stored: Stored) -> None:
    """In the hub's thread, with every event of its log."""
    message = stored.message
    if message.event != "check" or message.data is None:
        return
    for each in list(_watches.values()):
        if each.follower.channel in message.channels and json.loads(message.data).get("by") != PROCESS:
            each.stale.set()
            _wake.set()


hubs.on_event.append(_heard)
