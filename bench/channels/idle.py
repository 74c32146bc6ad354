"""What connections cost that nothing is published to: memory, threads, and the pings."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from bench.channels.load import Load
from bench.channels.processes import Clients, Server
from bench.channels.servers import PING
from bench.channels.stage import OURS, progress

#: Seconds that a server whose threads are needed for its first requests only may take to end them.
SETTLING = 4


@dataclass(frozen=True)
class Idle:
    """Of `clients` connections to all servers."""

    base: float  # KiB of one process before the first connection
    opening: float  # microseconds of processor time for each connection
    kib: float  # of each connection
    threads: int  # of all processes, above those before the first connection
    pings: float  # percent of a core
    pinged: float  # pings a connection and interval


def measure(load: Load, server: str = OURS, intervals: float = 2, settings: Mapping[str, Any] | None = None) -> Idle:
    """Open them, and watch for some intervals, after half as many in which what was needed to begin goes away."""
    progress("idle", load, server)
    with ExitStack() as stack:
        servers = [stack.enter_context(Server(server, settings)) for _ in range(load.processes)]
        ports = [server.port for server in servers]
        with Clients(ports, 5 * load.processes, load.path) as few:
            few.ask("hold", min(SETTLING, intervals * PING))  # imports, caches and threads that come with the first
            before, threads = _memory(servers)
        begin = _cpu(servers)
        with Clients(ports, load.clients, load.path) as all_of_them:
            opened = _cpu(servers)
            all_of_them.ask("hold", intervals / 2 * PING)
            used, more = _memory(servers)
            cpu = _cpu(servers)
            seconds = intervals * PING
            reads = int(all_of_them.ask("hold", seconds))
            cpu = _cpu(servers) - cpu
    return Idle(
        base=before / load.processes,
        opening=1e6 * (opened - begin) / load.clients,
        kib=(used - before) / load.clients,
        threads=more - threads,
        pings=100 * cpu / seconds,
        pinged=reads / load.clients / intervals,
    )


def _cpu(servers: list[Server]) -> float:
    """Seconds of processor time of all."""
    return sum(server.cpu() for server in servers)


def _memory(servers: list[Server]) -> tuple[int, int]:
    """KiB and threads of all."""
    used, threads = zip(*(server.memory() for server in servers), strict=True)
    return sum(used), sum(threads)
