"""What `publish` costs the one who calls it, by the clock: alone, and in a transaction that is open."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from bench.channels.processes import Program, Server
from bench.channels.stage import DELIVERIES, EVENTS, OURS, Stage


@dataclass(frozen=True)
class Publish:
    """Microseconds, and the statements of one publish in a transaction; None where it doesn't join one."""

    alone: float
    inside: float | None
    statements: int | None

    def __str__(self) -> str:
        joins = "" if self.inside is None else f" / {self.inside:.0f} ({self.statements})"
        return f"{self.alone:.0f}{joins}"


def with_readers(on: Stage, seconds: float) -> Publish:
    """Evenly spread, an event in all channels of the load at once, while all its clients read."""
    on.warm_up()
    per_second = min(EVENTS, DELIVERIES / on.load.clients)  # each client reads each event
    events = max(2, round(seconds * per_second))
    return Publish(**json.loads(on.publisher.ask("cost", events, per_second, on.load.busy)))


def at_once(settings: Mapping[str, Any], events: int) -> Publish:
    """One after the other as fast as it goes, with nobody who reads."""
    env = {"BENCH_CONFIG": json.dumps(settings)}
    with ExitStack() as stack:
        program = Program("bench.channels.publisher", env=env) if settings else Server(OURS)
        return Publish(**json.loads(stack.enter_context(program).ask("cost", events, 0, 1)))
