"""The event that every server sends: a Pydantic model of four fields, one of them a datetime, made anew each time."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from pydantic import BaseModel

#: Seconds between the events of a stream that is otherwise idle.
PAUSE = 0.004

NOW = datetime(2026, 1, 1, 12, 30, 45, 123456, tzinfo=UTC)


class Tick(BaseModel):
    t: int
    symbol: str
    price: float
    at: datetime


def tick(t: int) -> Tick:
    return Tick(t=t, symbol="ACME", price=101.25, at=NOW)


def tick_now() -> Tick:
    """An event that carries the moment it was made, in nanoseconds of a clock that all processes share."""
    return tick(time.monotonic_ns())
