"""What a delivery costs the server: one event to many clients, in a round that ends when all have it."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from bench.channels.processes import Clients, Server

#: Seconds for a round.
PATIENCE = 60


@dataclass(frozen=True)
class Fan:
    """`clients` that read `channels` in all, evenly; a round brings each of them `burst` events."""

    server: str
    clients: int = 1000
    burst: int = 1
    channels: int = 1

    @property
    def path(self) -> str:
        """What a client asks for; it puts its own number in."""
        if self.channels <= self.clients:
            return f"/stream?channel=c{{i%{self.channels}}}"
        return "/stream?channel=" + ",".join(f"c{{i+{first}}}" for first in range(0, self.channels, self.clients))

    @property
    def targets(self) -> list[str]:
        """The channels of a round: each client reads one of them."""
        return [f"c{i}" for i in range(min(self.channels, self.clients))]

    @property
    def deliveries(self) -> int:
        """Of a round."""
        return self.clients * self.burst


def compare(fans: Sequence[Fan], rounds: int) -> dict[Fan, list[float]]:
    """Microseconds of the server's processor time per delivery, of each round.

    All servers and clients are up at once and have their rounds in turn, A B C A B C ..., because machines drift and others use
    them: what is said of two servers is the median of the ratios within the rounds.
    """
    results: dict[Fan, list[float]] = {fan: [] for fan in fans}
    with ExitStack() as stack:
        pairs = {}
        for fan in fans:
            print(f"opening {fan}", file=sys.stderr, flush=True)
            server = stack.enter_context(Server(fan.server))
            pairs[fan] = server, stack.enter_context(Clients([server.port], fan.clients, fan.path))
            warm_up(fan, *pairs[fan])
        for _ in range(rounds):
            for fan, (server, clients) in pairs.items():
                before = server.cpu()
                play(fan, server, clients)
                results[fan].append((server.cpu() - before) / fan.deliveries * 1e6)
    return results


def ratio(results: Sequence[float], peers: Sequence[float]) -> float:
    return statistics.median(a / b for a, b in zip(results, peers, strict=True))


def play(fan: Fan, server: Server, clients: Clients) -> None:
    """One round."""
    clients.tell("expect", fan.deliveries, PATIENCE)
    server.ask("publish", *[word for name in fan.targets for word in (name, fan.burst)])
    came = int(clients.hear())
    if came != fan.deliveries:
        sys.exit(f"{fan}: {came} events of {fan.deliveries} arrived in {PATIENCE} seconds")


def warm_up(fan: Fan, server: Server, clients: Clients) -> None:
    """Until all clients get what is published (some servers answer before they listen), and imports and caches are done."""
    for _ in range(20):
        clients.tell("expect", fan.clients, 2)
        server.ask("publish", *[word for name in fan.targets for word in (name, 1)])
        if int(clients.hear()) == fan.clients:
            break
    while int(clients.ask("expect", 10**9, 1)):  # what may be late
        pass
    for _ in range(3):
        play(fan, server, clients)
