"""What connections cost that nothing is published to: memory, threads, and the pings."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from bench.channels.processes import Clients, Server

#: Seconds between the pings of every server measured here.
INTERVAL = 15.0


@dataclass(frozen=True)
class Idle:
    """Of `clients` connections to one server."""

    kib: float  # each
    threads: int  # of the process, above those before the first connection
    pings: float  # percent of a core
    pinged: float  # pings a connection and interval


def measure(name: str, clients: int, intervals: float = 2) -> Idle:
    """Open them, and watch for some intervals, after half as many in which what was needed to begin goes away."""
    print(f"opening {clients} idle connections to {name}", file=sys.stderr, flush=True)
    with Server(name) as server:
        with Clients([server.port], 5, "/stream?channel=c0") as few:
            few.ask("hold", min(4, 2 * intervals))  # imports, caches and threads that come with the first
            before, threads = server.memory()
        with Clients([server.port], clients, "/stream?channel=c0") as all_of_them:
            all_of_them.ask("hold", intervals / 2 * INTERVAL)
            used, more = server.memory()
            cpu = server.cpu()
            seconds = intervals * INTERVAL
            reads = int(all_of_them.ask("hold", seconds))
            cpu = server.cpu() - cpu
    return Idle((used - before) / clients, more - threads, 100 * cpu / seconds, reads / clients / intervals)
