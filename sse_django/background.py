"""One event loop in a daemon thread, for what must outlive a request where the server has none (WSGI). Knows no Django.

Made at first use and anew after a fork; nothing is started at import.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading

logger = logging.getLogger("sse_django")

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_pid: int | None = None


def background_loop() -> asyncio.AbstractEventLoop:
    """The process's background loop, running."""
    global _loop, _pid
    with _lock:
        if _loop is None or _pid != os.getpid() or _loop.is_closed():
            loop = asyncio.new_event_loop()
            started = threading.Event()
            loop.call_soon(started.set)
            threading.Thread(target=_run, args=(loop,), name="sse-background-loop", daemon=True).start()
            started.wait()
            _loop, _pid = loop, os.getpid()
        return _loop


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    while not loop.is_closed():
        try:
            loop.run_forever()
        except (SystemExit, KeyboardInterrupt):
            # asyncio lets these two of a task's end the loop. It runs what is written by others, and one of them that says
            # sys.exit(), as argparse does, is no reason for all others to stand still.
            logger.exception("a task asked the process to exit; this loop is everybody's, and goes on")
        else:
            return
