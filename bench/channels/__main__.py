"""`python -m bench.channels`: tables in Markdown, and whether each bar is met. Name the parts to run only some."""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

from bench.channels import growth, idle, latency
from bench.channels.fanout import Fan, compare, ratio

OURS, VIEW, RAW, EVENTSTREAM = "ours", "view", "raw_queue", "eventstream"
NAMES = {
    OURS: "sse_django",
    VIEW: "sse_django, a view that yields",
    RAW: "raw ASGI, a queue per client",
    EVENTSTREAM: "django-eventstream",
}
#: nchan, a C module of nginx, needs a server of one's own; on one machine it took 4.0 microseconds to the queue's 10.9.
NCHAN = 0.36


class Bars:
    """What was wanted and what came out."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.missed = False

    def at_most(self, what: str, wanted: float, measured: float) -> None:
        met = measured <= wanted
        self.missed = self.missed or not met
        self.lines.append(f"| {what} | {wanted:g} | {measured:.3g} | {'met' if met else '**missed**'} |")


def table(title: str, *rows: tuple[object, ...]) -> None:
    """The first row is the head."""
    print(f"\n{title}\n")
    for number, row in enumerate(rows):
        print("| " + " | ".join(map(str, row)) + " |", flush=True)
        if not number:
            print("|" + " --- |" * len(row))


def scaled(number: int, options: argparse.Namespace) -> int:
    """At least one, whatever the scale."""
    return max(1, round(number * options.scale))


def show_fanout(bars: Bars, options: argparse.Namespace) -> None:
    for burst in (1, 8):
        clients = scaled(options.clients, options)
        fans = [Fan(name, clients, burst) for name in NAMES]
        costs = compare(fans, options.rounds)
        ours, _, raw, theirs = (costs[fan] for fan in fans)
        rows = [
            (NAMES[fan.server], f"{statistics.median(costs[fan]):.1f}", f"{ratio(costs[fan], raw):.2f}") for fan in fans
        ]
        title = f"{clients} clients, {burst} event{'s' * (burst > 1)} at a time"
        table(title, ("", "µs of processor time per delivery", "to raw ASGI"), *rows)
        if burst == 1:
            bars.at_most("one event: to raw ASGI with a queue", 1.15, ratio(ours, raw))
            bars.at_most("one event: to django-eventstream", 0.2, ratio(ours, theirs))
        else:
            bars.at_most("eight: to raw ASGI with a queue (nchan's ratio)", NCHAN, ratio(ours, raw))


def show_idle(bars: Bars, options: argparse.Namespace) -> None:
    head = ("", "connections", "KiB each", "threads", "pings, % of a core", "came, of those due")
    rows: list[tuple[object, ...]] = []
    for name, wanted in [(OURS, 2000), (RAW, 2000), (EVENTSTREAM, 2000), (OURS, 10_000)]:
        clients = scaled(wanted, options)
        found = idle.measure(name, clients, 2 * options.scale)
        rows.append(
            (
                NAMES[name],
                f"{clients:,}",
                f"{found.kib:.1f}",
                found.threads,
                f"{found.pings:.2f}",
                f"{found.pinged:.2f}",
            )
        )
        if name == OURS:
            bars.at_most(f"KiB of one of {clients:,} idle connections", 30, found.kib)
            bars.at_most(f"threads for {clients:,} idle connections", 0, found.threads)
        if wanted == 10_000:
            bars.at_most(f"pings for {clients:,} connections, % of a core", 2, found.pings)
    table(f"Idle connections, a ping every {idle.INTERVAL:g} seconds", head, *rows)


def show_latency(bars: Bars, options: argparse.Namespace) -> None:
    rows: list[tuple[object, ...]] = []
    for which in latency.ENGINES:
        found = latency.measure(which, options.seconds * options.scale)
        rows.append((which.title, f"{found.p50:.1f}", f"{found.p99:.1f}"))
        for name, wanted, measured in zip(("p50", "p99"), which.bar, (found.p50, found.p99), strict=True):
            bars.at_most(f"{which.title}: {name}, ms", wanted, measured)
    table(f"From publish to the client, {latency.PER_SECOND} events a second", ("engine", "p50, ms", "p99, ms"), *rows)


def show_publish(bars: Bars, options: argparse.Namespace) -> None:
    rows: list[tuple[object, ...]] = []
    for name in ("memory", "sqlite", "postgres", "valkey", "nats"):
        found = latency.cost(name, scaled(1000, options))
        inside, statements = found["inside"], found["statements"]
        shown = "-" if inside is None else f"{inside:.0f}"
        rows.append((name, f"{found['alone']:.0f}", shown, "-" if statements is None else len(statements)))
        if statements is not None:
            bars.at_most(f"{name}: statements of a publish in a transaction", 1, len(statements))
    table("What a publish takes", ("engine", "µs alone", "µs in a transaction", "statements there"), *rows)


def show_growth(bars: Bars, options: argparse.Namespace) -> None:
    clients, channels = ([scaled(n, options) for n in numbers] for numbers in (growth.CLIENTS, growth.CHANNELS))
    costs = growth.with_clients(clients, options.rounds)
    rows = [(f"{n:,}", f"{costs[n, 1]:.1f}", f"{costs[n, 8]:.1f}") for n in clients]
    table("By clients, µs per delivery", ("clients", "1 event at a time", "8 at a time"), *rows)
    readers = scaled(1000, options)
    by_channels = growth.with_channels(channels, readers, options.rounds)
    rows = [(f"{n:,}", f"{readers // min(n, readers):,}", f"{by_channels[n]:.1f}") for n in channels]
    table(f"By channels, {readers:,} clients, µs per delivery", ("channels", "readers of an event", "µs"), *rows)
    processes = []
    for number in growth.PROCESSES:
        delivery, elsewhere = growth.with_processes(number, "valkey", readers, scaled(100, options))
        processes.append((number, f"{delivery:.1f}", f"{elsewhere:.0f}"))
    head = ("processes", "µs per delivery, of all", "µs of each per event that nobody there reads")
    table(f"By processes, {readers:,} clients in all, the log in Valkey", head, *processes)


PARTS: dict[str, Callable[[Bars, argparse.Namespace], None]] = {
    "fanout": show_fanout,
    "idle": show_idle,
    "latency": show_latency,
    "publish": show_publish,
    "growth": show_growth,
}
#: The parts that need django-eventstream, which tests don't.
AGAINST_PEERS = {"fanout", "idle"}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.channels", description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all of them by default")
    parser.add_argument("--rounds", type=int, default=50, help="of a comparison, 50 by default")
    parser.add_argument("--clients", type=int, default=1000, help="of a comparison, 1000 by default")
    parser.add_argument("--seconds", type=float, default=10.0, help="of a latency, 10 by default")
    parser.add_argument("--scale", type=float, default=1.0, help="0.1 for a tenth of the clients, events and seconds")
    parser.add_argument("--strict", action="store_true", help="exit with 1 if a bar is missed")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    packages = ["django", "uvicorn", "uvloop", "httptools"]
    if set(options.parts or PARTS) & AGAINST_PEERS:
        packages.append("django-eventstream")
    try:
        versions = ", ".join(f"{name} {version(name)}" for name in packages)
    except PackageNotFoundError as error:
        parser.error(f"{error.name} is not installed: pip install -e '.[dev,bench]'")
    print(
        f"Python {platform.python_version()}, {versions}; {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    )
    bars = Bars()
    for name in options.parts or PARTS:
        PARTS[name](bars, options)
    print("\nBars\n\n| | at most | measured | |\n| --- | --- | --- | --- |")
    print("\n".join(bars.lines))
    sys.exit(1 if bars.missed and options.strict else 0)


if __name__ == "__main__":
    main()
