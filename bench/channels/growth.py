"""`python -m bench.channels.growth`: how each cost grows with clients, channels and processes, as tables in Markdown.

One number is varied at a time; the first of each list is where the others stay. `fanout --clients 1000,100,5000` measures
100, 1,000 and 5,000 clients, and channels and processes with 1,000.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from statistics import median

from bench.channels import fanout, idle, latency, publish
from bench.channels.arguments import SERVERS, numbers, parts_of, servers_here, some_of
from bench.channels.engines import MEMORY, SHARED, TITLES, engine
from bench.channels.load import AXES, Load, Sweep, counted
from bench.channels.stage import NAMES, OURS, progress, stage
from bench.channels.tables import show_versions, table

#: What stands in a table: of each column, by load.
Columns = dict[str, dict[Load, str]]
#: The engine of a table by processes that says nothing about engines.
ONE_ENGINE = "valkey"


def fan_out(sweep: Sweep, options: argparse.Namespace) -> None:
    loads = sweep.alone().loads()
    fans = [fanout.Fan(server, load, burst) for server in options.servers for load in loads for burst in (1, 8)]
    costs = {fan: median(taken) for fan, taken in fanout.compare(fans, options.rounds).items()}
    columns: Columns = {
        NAMES[server]: {
            load: " / ".join(f"{costs[fanout.Fan(server, load, burst)]:.1f}" for burst in (1, 8)) for load in loads
        }
        for server in options.servers
    }
    show("µs of processor time per delivery, one event at a time / eight", sweep.alone(), columns)
    columns = {}
    for name in [name for name in options.engines if name != MEMORY]:
        found = {}
        with engine(name) as settings:
            for load in sweep.along("processes"):
                progress("fan-out", load, name=name)
                with stage(load, OURS, settings) as on:
                    found[load] = fanout.shared(on, events=max(4, 2 * options.rounds))
        columns[TITLES[name]] = {load: f"{mine:.1f} / {others:.0f}" for load, (mine, others) in found.items()}
    title = "µs of all processes per delivery / of each per event that nobody there reads"
    show(title, sweep.only("processes"), columns)


def latencies(sweep: Sweep, options: argparse.Namespace) -> None:
    columns: Columns = {}
    for name in options.engines:
        columns[TITLES[name]] = found = {}
        with engine(name) as settings:
            for load in sweep.loads() if settings else sweep.alone().loads():
                progress("latency", load, name=name)
                with stage(load, OURS, settings) as on:
                    found[load] = str(latency.measure(on, options.seconds))
    for server in options.servers:
        if server != OURS:
            columns[NAMES[server]] = found = {}
            for load in sweep.alone().loads():
                progress("latency", load, server)
                with stage(load, server) as on:
                    found[load] = str(latency.measure(on, options.seconds))
    show("p50 / p99 in ms from publish to the client", sweep, columns)


def idling(sweep: Sweep, options: argparse.Namespace) -> None:
    columns: Columns = {}
    for server in options.servers:
        columns[NAMES[server]] = found = {}
        for load in sweep.alone().loads():
            found[load] = told(idle.measure(load, server, options.intervals))
    show("KiB of each / threads / pings in % of a core", sweep.alone(), columns)
    with engine(ONE_ENGINE) as settings:
        measured = {load: idle.measure(load, OURS, options.intervals, settings) for load in sweep.along("processes")}
    columns = {
        "KiB of each / threads / pings in % of a core": {load: told(found) for load, found in measured.items()},
        "MiB of a process before": {load: f"{found.base / 1024:.0f}" for load, found in measured.items()},
    }
    title = f"idle connections in all, the log in {TITLES[ONE_ENGINE]}"
    show(title, sweep.only("processes"), columns)


def told(found: idle.Idle) -> str:
    """Pings that didn't come make the figure of what they cost worthless."""
    pings = f"{found.pings:.1f}" if 0.9 < found.pinged < 1.2 else f"{found.pings:.1f} for {found.pinged:.2f} of them"
    return f"{found.kib:.1f} / {found.threads} / {pings}"


def publishing(sweep: Sweep, options: argparse.Namespace) -> None:
    columns: Columns = {}
    for name in options.engines:
        columns[TITLES[name]] = found = {}
        with engine(name) as settings:
            for load in sweep.loads() if settings else sweep.alone().loads():
                progress("publish", load, name=name)
                with stage(load, OURS, settings) as on:
                    found[load] = str(publish.with_readers(on, options.seconds))
    show("µs of a publish into all channels at once, alone / in a transaction (statements there)", sweep, columns)


#: What is measured, and where unless lists say otherwise.
PARTS: Mapping[str, tuple[Callable[[Sweep, argparse.Namespace], None], Sweep]] = {
    "fanout": (fan_out, Sweep((1000, 100, 5000), (1, 10, 100, 1000), (1, 2, 4))),
    "latency": (latencies, Sweep((100, 1, 1000), (1, 10, 100), (1, 2, 4))),
    "idle": (idling, Sweep((2000, 500, 10_000), (1, 100, 2000), (1, 2, 4))),
    "publish": (publishing, Sweep((100, 1, 1000), (1, 10, 100), (1, 2, 4))),
}


def show(title: str, sweep: Sweep, columns: Columns) -> None:
    """A table for each list that has more than one number, of the columns that were measured at all of them."""
    for axis in AXES:
        loads = sweep.along(axis)
        full = {head: cells for head, cells in columns.items() if all(load in cells for load in loads)}
        if len(loads) > 1 and full:
            others = ", ".join(counted(getattr(sweep.base, other), other) for other in AXES if other != axis)
            rows = [(f"{getattr(load, axis):,}", *(cells[load] for cells in full.values())) for load in loads]
            table(f"By {axis} ({others}): {title}", (axis, *full), *rows)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.channels.growth", description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all of them by default")
    for axis in AXES:
        parser.add_argument(f"--{axis}", type=numbers, help="as in 1000,100,5000; each part has its own by default")
    parser.add_argument(
        "--servers", type=some_of(SERVERS), help=f"of {','.join(SERVERS)}; those that are here by default"
    )
    parser.add_argument("--engines", type=some_of([MEMORY, *SHARED]), default=[MEMORY, *SHARED], help="all by default")
    parser.add_argument("--rounds", type=int, default=20, help="of a comparison, 20 by default")
    parser.add_argument("--seconds", type=float, default=5.0, help="of a latency and a publish's cost, 5 by default")
    parser.add_argument("--intervals", type=float, default=1.0, help="of pings, for idle connections; 1 by default")
    options = parser.parse_args()
    parts = parts_of(parser, options.parts, list(PARTS))
    options.servers = options.servers or servers_here()
    show_versions(["django", "uvicorn", "uvloop", "httptools"])
    for name in parts:
        begin = time.monotonic()
        measure, sweep = PARTS[name]
        measure(replace(sweep, **{axis: given for axis in AXES if (given := getattr(options, axis))}), options)
        print(f"{name}: {time.monotonic() - begin:.0f} seconds", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
