"""Where a log can be, for a measurement: engines started from their wheels as the tests of faults start them, and ended."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.channels.processes import ROOT

MEMORY = "memory"
#: Those that several processes share.
SHARED = ("valkey", "nats", "postgres", "sqlite")
#: What else goes into OPTIONS: seconds between two looks of a database without LISTEN, as it is by default.
POLL = 0.1
OPTIONS: Mapping[str, Mapping[str, Any]] = {"sqlite": {"poll_interval": POLL}}
TITLES = {
    MEMORY: "memory",
    "valkey": "Valkey",
    "nats": "NATS",
    "postgres": "PostgreSQL, `LISTEN`",
    "sqlite": f"SQLite, polled every {POLL:g} s",
}


@contextmanager
def engine(name: str) -> Iterator[dict[str, Any]]:
    """Django's settings for it, migrated; empty for memory."""
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
            yield settings_of(running.config(), OPTIONS.get(name, {}))
        finally:
            running.stop()


def settings_of(config: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """With more OPTIONS for the log."""
    given = config.get("SSE_DJANGO") or {
        "BACKENDS": {"default": {"BACKEND": "sse_django.backends.database.DatabaseBackend"}}
    }
    backend = given["BACKENDS"]["default"]
    changed = {**backend, "OPTIONS": {**backend.get("OPTIONS", {}), **options}}
    return {**config, "SSE_DJANGO": {"BACKENDS": {"default": changed}}}
