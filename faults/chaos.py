"""What goes wrong, and when: a seeded schedule of kills, freezes and restarts, each fault of the run at least once a round.

Faults may overlap, but not on the same process.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from faults.engines import Engine
from faults.process import Process

#: Seconds between the beginnings of two faults.
APART = (0.6, 1.8)
#: Seconds that something is down before it is started again.
DOWN = (0.0, 1.0)
#: Seconds of confirmed events that a lossy engine loses.
LOST = 0.7


class Fault(NamedTuple):
    """Something that was done, and when (`time.monotonic()`) it began and was over."""

    what: str
    began: float
    over: float


class Chaos:
    """Faults until a time; `done` says which.

    Args:
        ready: waits until a server answers; by its index.
    """

    def __init__(
        self,
        engine: Engine,
        servers: Sequence[Process],
        publishers: Sequence[Process],
        ready: Callable[[int], None],
        seed: int,
    ) -> None:
        self.done: list[Fault] = []
        self._engine = engine
        self._servers = servers
        self._publishers = publishers
        self._ready = ready
        self._random = random.Random(f"{seed} chaos")
        self._locks: dict[str, asyncio.Lock] = {}

    async def run(self, seconds: float) -> None:
        """Raise havoc for so long, and return when all is up again."""
        end = time.monotonic() + seconds
        async with asyncio.TaskGroup() as group:
            while True:
                faults = [f"{what} engine" for what in self._engine.faults] + ["kill server", "kill publisher"]
                for what in self._random.sample(faults, len(faults)):
                    await asyncio.sleep(self._random.uniform(*APART))
                    if time.monotonic() > end:
                        return
                    group.create_task(self._do(what))

    async def _do(self, what: str) -> None:
        down, frozen = self._random.uniform(*DOWN), self._random.uniform(*self._engine.frozen)
        index = self._random.randrange(len(self._servers if what == "kill server" else self._publishers))
        target = "engine" if what.endswith("engine") else f"{what} {index}"
        async with self._locks.setdefault(target, asyncio.Lock()):
            began = time.monotonic()
            if what == "kill engine":
                if self._engine.lossy:  # a little of what it confirms is lost, not all that there is
                    await asyncio.to_thread(self._engine.keep)
                    await asyncio.sleep(LOST)
                await asyncio.to_thread(self._engine.kill)
                await asyncio.sleep(down)
                await asyncio.to_thread(self._engine.start)
            elif what == "freeze engine":
                await asyncio.to_thread(self._engine.freeze)
                try:
                    await asyncio.sleep(frozen)
                finally:
                    self._engine.thaw()
            elif what == "kill server":
                what = f"kill server {index}"
                await self._restart(self._servers[index], down)
                await asyncio.to_thread(self._ready, index)
            else:
                what = f"kill publisher {index}"
                await self._restart(self._publishers[index], down)
            self.done.append(Fault(what, began, time.monotonic()))

    async def _restart(self, process: Process, down: float) -> None:
        await asyncio.to_thread(process.kill)
        await asyncio.sleep(down)
        process.start()
