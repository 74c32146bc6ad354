"""What became of each stream, written where the test can see it even after the server is gone.

Every line of the file named by SSE_TEST_TRACE is one JSON object: when, which stream, what happened.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

_file = os.open(os.environ.get("SSE_TEST_TRACE") or os.devnull, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

progress: dict[str, int] = {}
"""How many items each stream has made, read through the view /progress/ of the same process."""


def trace(stream: str, what: str, **more: object) -> None:
    """Append a line; one write of this size to a file opened for appending isn't mixed with another's."""
    line = json.dumps({"at": time.time(), "stream": stream, "what": what, "pid": os.getpid(), **more})
    os.write(_file, line.encode() + b"\n")


@contextmanager
def traced(stream: str) -> Iterator[None]:
    """Trace a generator's body: `started`, the exception that ended it if there was one, `finally`."""
    trace(stream, "started")
    progress[stream] = 0
    try:
        yield
    except BaseException as exc:
        trace(stream, type(exc).__name__)
        raise
    finally:
        trace(stream, "finally", items=progress[stream])
