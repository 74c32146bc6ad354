"""Where a log can be, for a measurement: engines started from their wheels as the tests of faults start them, and ended."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.channels.processes import ROOT

MEMORY = "memory"
#: Those that several processes share.
SHARED = ("sqlite", "postgres", "valkey", "nats")


@contextmanager
def engine(name: str) -> Iterator[dict[str, Any]]:
    """Django's settings for it, migrated."""
    if name == MEMORY:
        yield {}
        return
    from faults.engines import make

    with tempfile.TemporaryDirectory(prefix="sse-bench-") as folder:
        running = make(name, Path(folder), lossy=False)
        try:
            running.start()
            if name in ("sqlite", "postgres"):
                subprocess.run(
                    [sys.executable, "-m", "django", "migrate", "--verbosity", "0"],
                    cwd=ROOT,
                    env=running.env,
                    check=True,
                )
            yield running.config()
        finally:
            running.stop()
