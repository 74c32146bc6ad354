"""From `publish` in one process to the bytes in another's client, by engine, and what `publish` costs its caller."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.channels.engines import MEMORY, engine
from bench.channels.processes import Clients, Program, Server

PER_SECOND = 200
#: Seconds between two looks of a database without LISTEN, as it is by default.
POLL = 0.1


@dataclass(frozen=True)
class Latency:
    """Milliseconds."""

    p50: float
    p99: float


@dataclass(frozen=True)
class Engine:
    """`name` is of `engines`; `options` go into its OPTIONS."""

    title: str
    name: str
    bar: tuple[float, float]  # p50, p99 in milliseconds
    options: Mapping[str, Any]


ENGINES = (
    Engine("memory", MEMORY, (1, 3), {}),
    Engine("Valkey", "valkey", (2, 5), {}),
    Engine("NATS", "nats", (2, 6), {}),
    Engine("PostgreSQL, LISTEN", "postgres", (5, 15), {}),
    Engine("SQLite, polled", "sqlite", (1000 * POLL / 2, 1000 * POLL + 10), {"poll_interval": POLL}),
)


def settings_of(config: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """With more OPTIONS for the log."""
    if not config:
        return {}
    given = config.get("SSE_DJANGO") or {
        "BACKENDS": {"default": {"BACKEND": "sse_django.backends.database.DatabaseBackend"}}
    }
    backend = given["BACKENDS"]["default"]
    changed = {**backend, "OPTIONS": {**backend.get("OPTIONS", {}), **options}}
    return {**config, "SSE_DJANGO": {"BACKENDS": {"default": changed}}}


def measure(which: Engine, seconds: float) -> Latency:
    """At PER_SECOND events a second; memory is published to in the server's own process, the others from another."""
    print(f"latency of {which.title}", file=sys.stderr, flush=True)
    with engine(which.name) as config:
        settings = settings_of(config, which.options)
        env = {"BENCH_CONFIG": json.dumps(settings)}
        with Server("ours", settings) as server, Clients([server.port], 1, "/stream?channel=c0") as client:
            if which.name == MEMORY:
                delays = _run(server, client, seconds)
            else:
                with Program("bench.channels.publisher", env=env) as publisher:
                    delays = _run(publisher, client, seconds)
    return Latency(delays[len(delays) // 2] / 1e6, delays[len(delays) * 99 // 100] / 1e6)


def _run(publisher: Program, client: Clients, seconds: float) -> list[int]:
    publisher.ask("pace", PER_SECOND, PER_SECOND)  # a second for imports, connections and caches
    client.ask("hold", 1)
    events = int(seconds * PER_SECOND)
    client.tell("latency", events, seconds + 30)
    publisher.ask("pace", events, PER_SECOND)
    delays: list[int] = json.loads(client.hear())
    if len(delays) != events:
        sys.exit(f"{len(delays)} events of {events} arrived")
    return delays


def cost(name: str, events: int) -> dict[str, Any]:
    """Of `publish`."""
    print(f"cost of publish on {name}", file=sys.stderr, flush=True)
    with engine(name) as config:
        env = {"BENCH_CONFIG": json.dumps(settings_of(config, {}))}
        with Program("bench.channels.publisher", env=env) as publisher:
            result: dict[str, Any] = json.loads(publisher.ask("cost", events))
            return result
