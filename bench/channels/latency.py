"""From `publish` to the bytes at a client, by the clock; the publisher is another process, but for a log in memory."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass

from bench.channels.stage import Stage


@dataclass(frozen=True)
class Latency:
    """Milliseconds."""

    p50: float
    p99: float

    def __str__(self) -> str:
        return f"{self.p50:.1f} / {self.p99:.1f}"


def measure(on: Stage, seconds: float) -> Latency:
    """Of all deliveries of as many seconds, at a rate that is no burden: the last of many clients waits for the others."""
    on.warm_up()
    events = max(2, round(seconds * on.per_second))
    events += -events % on.load.busy  # to each channel as many
    deliveries = round(events * on.load.readers)
    on.clients.tell("latency", deliveries, events / on.per_second + 30)
    on.publisher.ask("pace", events, on.per_second, on.load.busy)
    came, *delays = json.loads(on.clients.hear())
    if came != deliveries:
        sys.exit(f"{on.load}: {came} events of {deliveries} arrived")
    return Latency(*delays)
