"""What is up while something is measured: servers, the clients that read them, and who publishes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from bench.channels import processes
from bench.channels.engines import TITLES
from bench.channels.load import Load
from bench.channels.processes import Clients, Program, Server

OURS, DIRECT, VIEW, RAW, EVENTSTREAM, NCHAN = "ours", "direct", "view", "raw_queue", "eventstream", processes.NCHAN
#: What tables call the servers.
NAMES = {
    OURS: "sse_django",
    DIRECT: "sse_django, its own ASGI application",
    VIEW: "sse_django, a view that yields",
    RAW: "raw ASGI, a queue per client",
    EVENTSTREAM: "django-eventstream",
    NCHAN: "nchan",
}
#: Events a second at most, and deliveries a second at most: what a server has time for, between other things.
EVENTS, DELIVERIES = 200, 10_000


@dataclass(frozen=True)
class Stage:
    """Servers with all their clients, and what publishes: a process of its own, or the one server, if its log is in memory."""

    load: Load
    servers: list[Server]
    clients: Clients
    publisher: Program

    @property
    def per_second(self) -> float:
        """Events a second that are no burden."""
        return min(EVENTS, DELIVERIES / self.load.readers)

    def cpu(self) -> float:
        """Seconds of processor time of all servers."""
        return sum(server.cpu() for server in self.servers)

    def warm_up(self) -> None:
        """Until all get what is published (some servers answer before they listen), and imports and caches are done."""
        for _ in range(20):
            self.clients.tell("expect", self.load.clients, 2 + self.load.clients / 500)
            self.publisher.ask("round", self.load.busy, 1)
            came = int(self.clients.hear())
            while int(self.clients.ask("expect", 10**9, 1)):  # what is late
                pass
            if came == self.load.clients:
                return
        sys.exit(f"{self.load}: not all clients get what is published")


@contextmanager
def stage(load: Load, server: str = OURS, settings: Mapping[str, Any] | None = None) -> Iterator[Stage]:
    """Settings as `engine` makes them; none is the memory of the server's process."""
    if not settings and load.processes > 1:
        raise ValueError(f"memory is shared by no processes, and {load.processes} are asked for")
    with ExitStack() as stack:
        servers = [stack.enter_context(Server(server, settings)) for _ in range(load.processes)]
        publisher: Program = servers[0]
        if settings:
            env = {"BENCH_CONFIG": json.dumps(settings)}
            publisher = stack.enter_context(Program("bench.channels.publisher", env=env))
        clients = stack.enter_context(Clients([s.port for s in servers], load.clients, load.path))
        yield Stage(load, servers, clients, publisher)


def progress(what: str, load: Load, server: str = OURS, name: str | None = None) -> None:
    """A line for who waits."""
    where = f" on {TITLES[name]}" if name else ""
    print(f"{what}: {NAMES[server]}{where}, {load}", file=sys.stderr, flush=True)
