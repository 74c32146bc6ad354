"""What a run is to be."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """One run.

    `naive` is the control: "clients" reconnect without Last-Event-ID, "reader" asks a view that reads the table by
    `id > last`. Either has to fail. With `lossy` the engine confirms what a kill -9 loses: then resets are expected.
    """

    engine: str
    seconds: float = 60.0
    seed: int = 0
    naive: str | None = None
    lossy: bool = False
    clients: int = 50
    publishers: int = 4
    servers: int = 2
    #: Seconds that clients have, after publishers have ended, to get all there is.
    settle: float = 30.0
