"""A process that publishes, as a task of Celery does: `python -m bench.channels.publisher`, settings in BENCH_CONFIG.

It says "ready" and answers `pace EVENTS PER_SECOND` when it has published as many, evenly spread, `elsewhere EVENTS` when it
has published as many to a channel that nobody reads, and `cost EVENTS` with what `publish` costs, as JSON.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from contextlib import ExitStack
from typing import Any

from bench.channels.servers import ours  # configures Django
from bench.cores import pin
from bench.servers.tick import tick_now

from django.db import connection, transaction  # isort: skip - needs the settings


def pace(events: float, per_second: float) -> str:
    """Publish as many; one that is late doesn't make the next ones late."""
    begin = time.monotonic()
    for number in range(int(events)):
        time.sleep(max(0.0, begin + number / per_second - time.monotonic()))
        ours.publish("c0", 1)
    return "ok"


def elsewhere(events: float) -> str:
    """As fast as it goes."""
    ours.publish("elsewhere", int(events))
    return "ok"


def cost(events: float) -> str:
    """Microseconds by the clock of one `publish`, and the statements that it runs: alone, and in a transaction that is open."""
    ours.publish("c0", 10)
    database = connection.vendor != "unknown" and ours.settings.DATABASES["default"].get("NAME") != ":memory:"
    result: dict[str, Any] = {"alone": _median(int(events)), "statements": None, "inside": None}
    if database:
        with transaction.atomic(), ExitStack() as stack:
            seen: list[str] = []

            def note(execute: Any, sql: str, *args: Any) -> Any:
                seen.append(sql)
                return execute(sql, *args)

            stack.enter_context(connection.execute_wrapper(note))
            ours.publish("c0", 1)
        result["statements"] = seen
        with transaction.atomic():
            ours.publish("c0", 1)
            result["inside"] = _median(int(events))
    return json.dumps(result)


def _median(events: int) -> float:
    taken = []
    for _ in range(events):
        item = tick_now()
        begin = time.perf_counter()
        ours.publish_one("c0", item, event="tick")
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken) * 1e6


def main() -> None:
    pin(1)
    print("ready", flush=True)
    for line in sys.stdin:
        command, *numbers = line.split()
        print({"pace": pace, "elsewhere": elsewhere, "cost": cost}[command](*map(float, numbers)), flush=True)


if __name__ == "__main__":
    main()
