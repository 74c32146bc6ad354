"""How the cost of a delivery grows with clients, with channels, and with processes."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Sequence
from contextlib import ExitStack

from bench.channels.engines import engine
from bench.channels.fanout import Fan, compare
from bench.channels.latency import settings_of
from bench.channels.processes import Clients, Program, Server

CLIENTS = (100, 1000, 5000)
CHANNELS = (1, 100, 10_000)
PROCESSES = (1, 2)
#: Events a second.
PACE = 8


def with_clients(numbers: Sequence[int], rounds: int) -> dict[tuple[int, int], float]:
    """Microseconds per delivery by clients and burst."""
    fans = [Fan("ours", clients, burst) for burst in (1, 8) for clients in numbers]
    return {(fan.clients, fan.burst): statistics.median(costs) for fan, costs in compare(fans, rounds).items()}


def with_channels(numbers: Sequence[int], clients: int, rounds: int) -> dict[int, float]:
    """Microseconds per delivery by channels: each event goes to fewer of the clients, so publishing has its share."""
    fans = [Fan("ours", clients, channels=channels) for channels in numbers]
    return {fan.channels: statistics.median(costs) for fan, costs in compare(fans, rounds).items()}


def with_processes(processes: int, name: str, clients: int, events: int) -> tuple[float, float]:
    """Of that many servers on one engine: microseconds of all together per delivery, and per event that nobody there reads.

    The clients are shared out among them; the events come from another process, slowly enough to be delivered one by one.
    """
    print(f"{processes} processes on {name}", file=sys.stderr, flush=True)
    with engine(name) as config, ExitStack() as stack:
        settings = settings_of(config, {})
        servers = [stack.enter_context(Server("ours", settings)) for _ in range(processes)]
        publisher = stack.enter_context(Program("bench.channels.publisher", env={"BENCH_CONFIG": json.dumps(settings)}))
        readers = stack.enter_context(Clients([s.port for s in servers], clients, "/stream?channel=c0"))
        publisher.ask("pace", 20, 20)
        readers.ask("hold", 1)

        def cpu() -> float:
            return sum(server.cpu() for server in servers)

        before = cpu()
        readers.tell("expect", events * clients, 120)
        publisher.ask("pace", events, PACE)
        came = int(readers.hear())
        if came != events * clients:
            sys.exit(f"{came} events of {events * clients} arrived")
        delivery = (cpu() - before) / came
        before = cpu()
        publisher.ask("elsewhere", 5 * events)
        readers.ask("hold", 1)
        return delivery * 1e6, (cpu() - before) / (5 * events) / processes * 1e6
