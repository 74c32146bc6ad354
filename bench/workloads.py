"""What is measured on streams, on whom, and the bars that sse_django has to reach against each peer."""

from __future__ import annotations

from dataclasses import dataclass

OURS, DJANGO, FASTAPI, RAW = "ours", "plain_django", "with_fastapi", "raw_asgi"
NAMES = {OURS: "sse_django", DJANGO: "Django", FASTAPI: "FastAPI", RAW: "raw ASGI"}


@dataclass(frozen=True)
class Case:
    """One server's way to serve a workload. `share` shortens the run of a slow one, whose rate does not depend on it."""

    server: str
    path: str
    share: float = 1.0

    def __str__(self) -> str:
        return f"{NAMES[self.server]} {self.path.partition('-')[2]}".strip()


@dataclass(frozen=True)
class Workload:
    """`kind` and `sizes` are the client's; of the sizes a case's `share` shortens the last. `unit` is what is counted.

    In a round it is measured `passes` times, in turn with the others: short runs, side by side, suffer least from drift.
    One that `needs_full_size` is held to its bars at that alone: with fewer events something else is measured.
    """

    title: str
    kind: str
    sizes: tuple[int, ...]
    unit: str
    passes: int
    cases: tuple[Case, ...]
    needs_full_size: bool = False


@dataclass(frozen=True)
class Bar:
    """The ratio that `case` must reach against `peer` in a key of the results.

    `power` is events per second of the server's processor time, which on a core of its own is events per second; a busy
    client's core, or another program, disturbs the clock much more than it.
    """

    workload: str
    case: Case
    peer: Case
    measure: str
    at_least: float | None = None
    at_most: float | None = None

    def met(self, ratio: float) -> bool:
        return ratio >= self.at_least if self.at_least is not None else ratio <= (self.at_most or 0.0)

    @property
    def wanted(self) -> str:
        return f">= {self.at_least:g}" if self.at_least is not None else f"<= {self.at_most:g}"


READY = Case(OURS, "/ready")
READY_SYNC = Case(OURS, "/ready-sync")
PACED = Case(OURS, "/paced")
PACED_SYNC = Case(OURS, "/paced-sync")
DJANGO_READY = Case(DJANGO, "/ready")
DJANGO_PACED = Case(DJANGO, "/paced")
FASTAPI_READY = Case(FASTAPI, "/ready")
FASTAPI_LONG = Case(FASTAPI, "/ready", share=0.1)
FASTAPI_LONG_SYNC = Case(FASTAPI, "/ready-sync", share=0.05)
FASTAPI_PACED = Case(FASTAPI, "/paced")
RAW_READY = Case(RAW, "/ready")
RAW_BYTES = Case(RAW, "/ready-bytes")
RAW_PACED = Case(RAW, "/paced")

WORKLOADS = {
    "one": Workload(
        "one connection, 200,000 events that are ready",
        "streams",
        (1, 200_000),
        "event",
        1,
        (READY, READY_SYNC, DJANGO_READY, FASTAPI_LONG, FASTAPI_LONG_SYNC, RAW_READY, RAW_BYTES),
    ),
    "many": Workload(
        "200 connections at once of 200 events, their setup included",
        "streams",
        (200, 200),
        "event",
        2,
        (READY, READY_SYNC, DJANGO_READY, FASTAPI_READY, RAW_READY),
        needs_full_size=True,
    ),
    "short": Workload(
        "connect, one event, close; 32 at once",
        "churn",
        (32, 400),
        "connection",
        5,
        (READY, READY_SYNC, DJANGO_READY, FASTAPI_READY, RAW_READY),
    ),
    "idle": Workload(
        "a single event on an idle stream",
        "latency",
        (250,),
        "event",
        2,
        (PACED, PACED_SYNC, DJANGO_PACED, FASTAPI_PACED, RAW_PACED),
    ),
}

BARS = (
    Bar("one", READY, FASTAPI_LONG, "power", at_least=12),
    Bar("one", READY, RAW_READY, "power", at_least=2),
    Bar("one", READY_SYNC, FASTAPI_LONG, "power", at_least=10),
    Bar("one", READY_SYNC, FASTAPI_LONG_SYNC, "power", at_least=10),
    Bar("many", READY, FASTAPI_READY, "power", at_least=8),
    Bar("short", READY, DJANGO_READY, "cpu", at_most=1.1),
    # As soon as from plain Django: a tenth is what two medians of the same server differ by.
    Bar("idle", PACED, DJANGO_PACED, "latency", at_most=1.1),
)
