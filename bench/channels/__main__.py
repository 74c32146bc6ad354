"""`python -m bench.channels`: against the peers and the bars, as tables in Markdown. Name the parts to run only some.

How each cost grows is told by `python -m bench.channels.growth`.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable

from bench.channels import idle, latency, publish
from bench.channels.arguments import SERVERS, parts_of, servers_here, some_of
from bench.channels.engines import MEMORY, POLL, SHARED, TITLES, engine
from bench.channels.fanout import Fan, compare, ratio
from bench.channels.load import Load
from bench.channels.servers import PING
from bench.channels.stage import DIRECT, EVENTS, EVENTSTREAM, NAMES, NCHAN, OURS, RAW, VIEW, progress, stage
from bench.channels.tables import Bars, show_versions, table

#: Milliseconds that are wanted, p50 and p99.
WANTED = {
    MEMORY: (1, 3),
    "valkey": (2, 5),
    "nats": (2, 6),
    "postgres": (5, 15),
    "sqlite": (1000 * POLL / 2, 1000 * POLL + 10),
}


def scaled(number: int, options: argparse.Namespace) -> int:
    """At least one, whatever the scale."""
    return max(1, round(number * float(options.scale)))


def show_fanout(bars: Bars, options: argparse.Namespace) -> None:
    load = Load(scaled(options.clients, options))
    own = [name for name in (OURS, DIRECT) if name == OURS or name in options.servers]
    names = [*own, VIEW, RAW, *(name for name in options.servers if name not in (*own, RAW))]
    fans = {(name, burst): Fan(name, load, burst) for name in names for burst in (1, 8)}
    found = compare(list(fans.values()), options.rounds)
    costs = {key: found[fan] for key, fan in fans.items()}
    for burst in (1, 8):
        raw = costs[RAW, burst]
        rows = [
            (NAMES[name], f"{statistics.median(costs[name, burst]):.1f}", f"{ratio(costs[name, burst], raw):.2f}")
            for name in names
        ]
        title = f"{load.clients:,} clients, {burst} event{'s' * (burst > 1)} at a time"
        table(title, ("", "µs of processor time per delivery", "to raw ASGI"), *rows)
    for name in own:
        bars.at_most(f"{NAMES[name]}, one event: to raw ASGI", 1.15, ratio(costs[name, 1], costs[RAW, 1]))
        if EVENTSTREAM in names:
            bars.at_most(
                f"{NAMES[name]}, one event: to django-eventstream", 0.2, ratio(costs[name, 1], costs[EVENTSTREAM, 1])
            )
        if NCHAN in names:
            bars.at_most(f"{NAMES[name]}, eight: to nchan", 1, ratio(costs[name, 8], costs[NCHAN, 8]))


def show_idle(bars: Bars, options: argparse.Namespace) -> None:
    head = ("", "connections", "µs to open one", "KiB each", "threads", "pings, % of a core", "came, of those due")
    rows: list[tuple[object, ...]] = []
    for name in options.servers:
        for wanted in (2000, 10_000):
            clients = scaled(wanted, options)
            found = idle.measure(Load(clients), name, 2 * options.scale)
            figures = (f"{found.opening:,.0f}", f"{found.kib:.1f}", f"{found.threads:,}", f"{found.pings:.1f}")
            rows.append((NAMES[name], f"{clients:,}", *figures, f"{found.pinged:.2f}"))
            if name in (OURS, DIRECT):
                of = f"{NAMES[name]}, {clients:,} idle connections"
                bars.at_most(f"{of}: KiB of one", 30, found.kib)
                bars.at_most(f"{of}: threads", 0, found.threads)
                bars.at_most(f"{of}: pings, % of a core", 2 * wanted / 10_000, found.pings)
    table(f"Idle connections, a ping every {PING:g} seconds", head, *rows)


def show_latency(bars: Bars, options: argparse.Namespace) -> None:
    rows: list[tuple[object, ...]] = []
    load = Load(clients=1)
    for name, wanted in WANTED.items():
        with engine(name) as settings:
            progress("latency", load, name=name)
            with stage(load, OURS, settings) as on:
                found = latency.measure(on, options.seconds * options.scale)
        rows.append((TITLES[name], f"{found.p50:.1f}", f"{found.p99:.1f}"))
        for which, bar, measured in zip(("p50", "p99"), wanted, (found.p50, found.p99), strict=True):
            bars.at_most(f"{TITLES[name]}: {which}, ms", bar, measured)
    table(f"From publish to the client, {EVENTS} events a second", ("log in", "p50, ms", "p99, ms"), *rows)


def show_publish(bars: Bars, options: argparse.Namespace) -> None:
    rows: list[tuple[object, ...]] = []
    for name in (MEMORY, *SHARED):
        with engine(name) as settings:
            progress("publish", Load(1), name=name)
            found = publish.at_once(settings, scaled(1000, options))
        inside = "-" if found.inside is None else f"{found.inside:.0f}"
        statements = "-" if found.statements is None else found.statements
        rows.append((TITLES[name], f"{found.alone:.0f}", inside, statements))
        if found.statements is not None:
            bars.at_most(f"{TITLES[name]}: statements of a publish in a transaction", 1, found.statements)
    table("What a publish takes", ("log in", "µs alone", "µs in a transaction", "statements there"), *rows)


PARTS: dict[str, Callable[[Bars, argparse.Namespace], None]] = {
    "fanout": show_fanout,
    "idle": show_idle,
    "latency": show_latency,
    "publish": show_publish,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.channels", description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all of them by default")
    parser.add_argument("--rounds", type=int, default=20, help="of a comparison, 20 by default")
    parser.add_argument("--clients", type=int, default=1000, help="of a comparison, 1000 by default")
    parser.add_argument("--seconds", type=float, default=10.0, help="of a latency, 10 by default")
    parser.add_argument(
        "--servers", type=some_of(SERVERS), help=f"of {','.join(SERVERS)}; those that are here by default"
    )
    parser.add_argument("--scale", type=float, default=1.0, help="0.1 for a tenth of the clients, events and seconds")
    parser.add_argument("--strict", action="store_true", help="exit with 1 if a bar is missed")
    options = parser.parse_args()
    parts = parts_of(parser, options.parts, list(PARTS))
    options.servers = options.servers or servers_here()
    show_versions(
        ["django", "uvicorn", "uvloop", "httptools", *(["django-eventstream"] * (EVENTSTREAM in options.servers))]
    )
    bars = Bars()
    for name in parts:
        PARTS[name](bars, options)
    bars.show()
    sys.exit(1 if bars.missed and options.strict else 0)


if __name__ == "__main__":
    main()
