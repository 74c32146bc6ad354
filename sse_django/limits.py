"""Caps on streams: per process, per user, and for how long a server may sit on a chunk. None is off and costs nothing."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

from sse_django import shutdown
from sse_django.background import background_loop
from sse_django.conf import get_settings


class Limited(Protocol):
    """What is limited."""

    @property
    def sending_since(self) -> float | None: ...

    @property
    def user(self) -> str | None: ...

    def close(self, reason: str) -> None: ...
    def cut(self) -> None: ...


def too_many(newcomer: Limited) -> bool:
    """Whether one more stream is over a cap: the process's, or its user's."""
    conf = get_settings()
    if conf.MAX_STREAMS is not None and shutdown.open_streams() >= conf.MAX_STREAMS:
        return True
    if conf.MAX_STREAMS_PER_USER is None or (user := newcomer.user) is None:
        return False
    theirs = sum(1 for stream in shutdown.streams() if getattr(stream, "user", None) == user)
    return theirs >= conf.MAX_STREAMS_PER_USER


class WriteWatch:
    """Cuts streams whose client doesn't read. It looks from the background loop, while WRITE_TIMEOUT is set."""

    _loop: asyncio.AbstractEventLoop | None = None

    @classmethod
    def ensure(cls) -> None:
        """Have it look, if the setting asks for it."""
        if get_settings().WRITE_TIMEOUT is not None:
            loop = background_loop()
            if cls._loop is not loop:
                cls._loop = loop
                loop.call_soon_threadsafe(cls._look)

    @classmethod
    def _look(cls) -> None:
        timeout = get_settings().WRITE_TIMEOUT
        streams = shutdown.streams()
        if timeout is None or not streams:
            cls._loop = None
            return
        late = time.monotonic() - timeout
        for stream in streams:
            since = getattr(stream, "sending_since", None)
            if since is not None and since < late:
                stream.close("slow")
                stream.cut()
        asyncio.get_running_loop().call_later(min(1.0, timeout / 4), cls._look)
