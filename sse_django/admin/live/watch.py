"""Looks at watched tables now and then, and tells when one has changed. One thread a process, only while somebody watches here.

That somebody does is seen by the hub's readers. What a look sees is compared with what every page is known to show, or to have
been told of since; where that isn't known, it is told. So after a change that sent a signal the next look tells once more: a
page may have been read just before a change that sent none. Of several processes the first to look spares the others that.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any

from django.utils.crypto import salted_hmac

from sse_django import hubs
from sse_django.admin.live.notices import CHANNELS, PROCESS, Follower
from sse_django.connections import close_own
from sse_django.hub import Stored

logger = logging.getLogger("sse_django")

#: Seconds without anybody watching after which a table is forgotten. More than a stream takes to open.
IDLE = 30.0
#: A look may cost this part of the time: a table that takes a second is looked at every 20.
SHARE = 0.05
#: Seconds between two questions whether somebody watches.
TURN = 0.5
#: Seconds after a change was told in which pages ask for the list: a look in this process would only hold them up.
BUSY = 0.3


class Watch:
    """A table that somebody may be watching.

    Attributes:
        seen: a state of the table that no page is older than without having been told so; None if there is none yet.
        told: whether pages have been told of a change since that state, and may show something else.
        told_at: when they were last told of one.
    """

    def __init__(self, follower: Follower, look: Callable[[], object], interval: float) -> None:
        self.follower = follower
        self.look = look
        self.interval = interval
        self.way = way_of(look)
        self.seen: str | None = None
        self.told = False
        self.told_at = 0.0
        self.due = time.monotonic() + interval
        self.wanted = 0.0  # when somebody was last known to watch, or about to

    def turn(self, now: float) -> None:
        """Look, if somebody watches and it is time."""
        if not hubs.get_hub(self.follower.alias).reads(self.follower.channel):
            return
        self.wanted = now
        if now < self.due or now < min(self.told_at + BUSY, self.due + self.interval):
            return
        before, told = self.seen, self.told
        self.told = False  # before the look: what is told during it may not be in it
        if not self.see():
            self.told = self.told or told
        elif told or self.seen != before:
            self.follower.tell_check({"look": self.way, "seen": self.seen})
        close_own({})

    def see(self) -> bool:
        """Look now. Whether that worked."""
        began = time.monotonic()
        try:
            self.seen = self._mark(self.look())
        except Exception:
            logger.warning("a look at %s failed; the next one may not", self.follower.model._meta.label, exc_info=True)
            return False
        finally:
            took = time.monotonic() - began
            self.due = began + took + max(self.interval, took / SHARE)
        return True

    def hear(self, event: str | None, data: dict[str, Any]) -> None:
        """What pages have been told, in the order of the log."""
        if event != "check":
            self.told, self.told_at = True, time.monotonic()
        elif data.get("by") != PROCESS and data.get("look") == self.way:
            # Seen before it was told, and all who hear it ask for the list afterwards: our own look would tell the same again.
            self.seen, self.told = data["seen"], False

    def _mark(self, state: object) -> str:
        # Keyed, and of this log alone: it goes to browsers, and to the other processes.
        value = f"{self.follower.alias}:{self.follower.channel}:{self.way}:{_text(state)}"
        return salted_hmac("sse_django.admin.live.watch", value, algorithm="sha256").hexdigest()[:32]


def _text(state: object) -> str:
    """The state's `repr`; that of a set depends on the process, so its members have an order."""
    if isinstance(state, (set, frozenset)):
        return f"{{{', '.join(sorted(map(_text, state)))}}}"
    if isinstance(state, (list, tuple)):
        return f"[{', '.join(map(_text, state))}]"
    if isinstance(state, dict):
        return f"{{{', '.join(f'{_text(key)}: {_text(value)}' for key, value in state.items())}}}"
    return repr(state)


def way_of(look: Callable[[], object]) -> str:
    """Names a way of looking, in every process alike. Two admins of one model may differ in theirs."""
    function: Any = getattr(look, "__func__", look)
    if not hasattr(function, "__qualname__"):  # a partial, say
        function = type(function)
    name = f"{function.__module__}.{function.__qualname__}"
    return salted_hmac("sse_django.admin.live.look", name, algorithm="sha256").hexdigest()[:16]


_lock = threading.Lock()
#: By log, channel and way of looking: the pages of each are to be told.
_watches: dict[tuple[str, str, str], Watch] = {}
_thread: threading.Thread | None = None
_pid = 0


def watch(follower: Follower, look: Callable[[], object], interval: float) -> None:
    """Look at a table while somebody reads its channel. Call it before its stream begins.

    What the pages show that are open already, rendered here or elsewhere, isn't known: the first look tells them in any case.

    Args:
        follower: whose channel it is.
        look: what the table looks like, compared by its `repr`.
        interval: seconds between two looks.
    """
    global _thread, _pid
    if not hubs.may_start():
        return
    with _lock:
        if _pid != os.getpid():  # after a fork there is no thread
            _pid, _thread = os.getpid(), None
            _watches.clear()
        each = Watch(follower, look, interval)
        each = _watches.setdefault((follower.alias, follower.channel, each.way), each)
        if interval < each.interval:
            each.interval, each.due = interval, min(each.due, time.monotonic() + interval)
        each.wanted = time.monotonic()
        if _thread is None:
            _thread = threading.Thread(target=_run, name="sse-admin-live", daemon=True)
            _thread.start()


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
        time.sleep(TURN)


def _heard(stored: Stored) -> None:
    """In the hub's thread, with every event of its log."""
    message = stored.message
    if not message.channels[0].startswith(CHANNELS):
        return
    watches = [each for each in list(_watches.values()) if each.follower.channel in message.channels]
    if watches:
        data = json.loads(message.data or "{}")
        for each in watches:
            each.hear(message.event, data)


hubs.on_event.append(_heard)
