"""What a process that publishes does when it is told, be it a server or a process of its own.

`round CHANNELS EVENTS`: as many to each of the channels c0, c1 and so on. `pace EVENTS PER_SECOND CHANNELS`: evenly spread, to
one channel after the other. `elsewhere EVENTS`: to a channel that nobody reads. `cost EVENTS PER_SECOND CHANNELS`: what a
`publish` into as many channels at once costs, as JSON; 0 a second is as fast as it goes.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial
from typing import Any

from bench.servers.tick import tick_now

#: The `publish(channel, events)` of a module in `servers`.
Publish = Callable[[str, int], None]


def obey(command: str, numbers: list[float], publish: Publish) -> str:
    """The answer to one line."""
    if command == "cost":
        return cost(*numbers)
    commands: dict[str, Callable[..., None]] = {"round": play, "pace": pace, "elsewhere": elsewhere}
    commands[command](publish, *numbers)
    return "ok"


def play(publish: Publish, channels: float, events: float) -> None:
    for number in range(int(channels)):
        publish(f"c{number}", int(events))


def pace(publish: Publish, events: float, per_second: float, channels: float) -> None:
    for number in spread(events, per_second):
        publish(f"c{number % int(channels)}", 1)


def elsewhere(publish: Publish, events: float) -> None:
    publish("elsewhere", int(events))


def spread(events: float, per_second: float) -> Iterator[int]:
    """Numbers, each when it is due; one that is late doesn't make the next ones late."""
    begin = time.monotonic()
    for number in range(int(events)):
        if per_second:
            time.sleep(max(0.0, begin + number / per_second - time.monotonic()))
        yield number


def cost(events: float, per_second: float, channels: float) -> str:
    """Of one `publish`: microseconds by the clock, alone and in a transaction that is open, and its statements there."""
    from django.db import connection, transaction

    import sse_django

    where = [f"c{number}" for number in range(int(channels))] if channels > 1 else "c0"
    measure = partial(_median, sse_django.publish, where, events, per_second)
    sse_django.publish(where, tick_now(), event="tick")
    result: dict[str, Any] = {"alone": measure(nullcontext), "statements": None, "inside": None}
    if connection.vendor != "unknown" and connection.settings_dict["NAME"] != ":memory:":
        seen: list[str] = []

        def note(execute: Any, sql: str, *args: Any) -> Any:
            seen.append(sql)
            return execute(sql, *args)

        with transaction.atomic(), connection.execute_wrapper(note):
            sse_django.publish(where, tick_now(), event="tick")
        result["statements"] = len(seen)
        result["inside"] = measure(transaction.atomic)
    return json.dumps(result)


def _median(publish: Any, where: Any, events: float, per_second: float, around: Callable[[], Any]) -> float:
    taken = []
    for _ in spread(events, per_second):
        item = tick_now()
        with around():
            begin = time.perf_counter()
            publish(where, item, event="tick")
            taken.append(time.perf_counter() - begin)
    return statistics.median(taken) * 1e6
