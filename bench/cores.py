"""The server on one core and the client on another, where the system allows it and has two."""

from __future__ import annotations

import os

#: Looking without sleeping spares the server the wake-up of its reader, but needs a core of its own.
MAY_SPIN = (os.cpu_count() or 1) > 1


def pin(core: int) -> None:
    """Keep this process on one core: the first for the server, the second for the client."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[core % len(cores)]})
