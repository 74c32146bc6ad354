"""An engine that hangs: its process is stopped, its sockets stay open, and nothing answers."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.live.waiting import until


@contextmanager
def hanging(pid: int) -> Iterator[None]:
    """Stop a process, wait until all its threads have, and let it go on afterwards."""
    os.kill(pid, signal.SIGSTOP)
    try:
        until(lambda: _stopped(pid), 10, "the process has stopped")
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _stopped(pid: int) -> bool:
    states = [stat.read_text().rpartition(")")[2].split()[0] for stat in Path(f"/proc/{pid}/task").glob("*/stat")]
    return all(state == "T" for state in states)
