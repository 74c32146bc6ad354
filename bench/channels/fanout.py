"""What a delivery costs the server: events to many clients, in a round that ends when all have them."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from bench.channels.load import Load
from bench.channels.stage import EVENTS, Stage, progress, stage

#: Seconds for a round.
PATIENCE = 60
#: Bursts in a turn of one server, each when all clients have the one before: the first finds caches that others have filled.
IN_A_ROW = 10
#: Events a second of a channel, slowly enough that each is delivered by itself, where the log is an engine's.
PACE = 8


@dataclass(frozen=True)
class Fan:
    """A burst brings each client so many events."""

    server: str
    load: Load
    burst: int = 1


def compare(fans: Sequence[Fan], rounds: int) -> dict[Fan, list[float]]:
    """Microseconds of the server's processor time per delivery, of each round.

    All servers and clients are up at once and have their rounds in turn, A B C A B C ..., because machines drift and others use
    them: what is said of two servers is the median of the ratios within the rounds.
    """
    results: dict[Fan, list[float]] = {fan: [] for fan in fans}
    with ExitStack() as stack:
        stages: dict[tuple[str, Load], Stage] = {}
        for fan in fans:
            if (fan.server, fan.load) not in stages:
                progress("fan-out", fan.load, fan.server)
                opened = stack.enter_context(stage(fan.load, fan.server))
                opened.warm_up()
                stages[fan.server, fan.load] = opened
        for number in range(-3, rounds):  # three more, for caches
            for fan in fans:
                taken = play(stages[fan.server, fan.load], fan.burst)
                if number >= 0:
                    results[fan].append(taken)
    return results


def ratio(results: Sequence[float], peers: Sequence[float]) -> float:
    return statistics.median(a / b for a, b in zip(results, peers, strict=True))


def play(on: Stage, burst: int) -> float:
    """One turn: microseconds per delivery."""
    deliveries = on.load.clients * burst
    before = on.cpu()
    for _ in range(IN_A_ROW):
        on.clients.tell("expect", deliveries, PATIENCE)
        on.publisher.ask("round", on.load.busy, burst)
        arrived(int(on.clients.hear()), deliveries, on)
    return (on.cpu() - before) / IN_A_ROW / deliveries * 1e6


def shared(on: Stage, events: int) -> tuple[float, float]:
    """Of processes that share an engine: microseconds of all per delivery, and of each per event that nobody there reads."""
    events += -events % on.load.busy  # to each channel as many
    deliveries = round(events * on.load.readers)
    on.warm_up()
    before = on.cpu()
    per_second = min(EVENTS, PACE * on.load.busy)
    on.clients.tell("expect", deliveries, PATIENCE + events / per_second)
    on.publisher.ask("pace", events, per_second, on.load.busy)
    arrived(int(on.clients.hear()), deliveries, on)
    delivery = (on.cpu() - before) / deliveries
    before = on.cpu()
    on.publisher.ask("elsewhere", 5 * events)
    on.clients.ask("hold", 1)
    return delivery * 1e6, (on.cpu() - before) / (5 * events) / on.load.processes * 1e6


def arrived(came: int, due: int, on: Stage) -> None:
    if came != due:
        sys.exit(f"{on.load}: {came} events of {due} arrived")
