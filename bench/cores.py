"""The server on one core and the client on another, ahead of other programs, where the system allows it and has two."""

from __future__ import annotations

import os
from contextlib import suppress

#: A reader that never sleeps sees an event at once, but needs a core of its own.
MAY_SPIN = (os.cpu_count() or 1) > 1


def pin(core: int) -> None:
    """Keep this process on one core: the first for the server, the second for the client."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[core % len(cores)]})
    if hasattr(os, "nice"):
        with suppress(OSError):  # root's privilege
            os.nice(-5)
