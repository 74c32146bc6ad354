"""What a run needs of an engine."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, ClassVar

from faults.process import Process
from tests.live.waiting import until


def memory(backend: str, options: dict[str, Any]) -> dict[str, Any]:
    """Django's settings for an engine that is no database: transactions, whose hooks publish, are of SQLite in memory."""
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
    return {
        "DATABASES": {"default": database},
        "SSE_DJANGO": {"BACKENDS": {"default": {"BACKEND": backend, "OPTIONS": options}}},
    }


class Engine:
    """An engine on a data folder that outlives its processes. All methods block.

    Args:
        folder: for its files.
        lossy: whether it is to confirm what a kill -9 loses.
    """

    #: What chaos may do to it, of `kill` and `freeze`.
    faults: ClassVar[tuple[str, ...]] = ("kill", "freeze")
    #: Seconds for which it is frozen.
    frozen: ClassVar[tuple[float, float]] = (2.0, 3.0)
    #: Whether `lossy` is possible.
    can_lose: ClassVar[bool] = False

    def __init__(self, folder: Path, *, lossy: bool = False) -> None:
        if lossy and not self.can_lose:
            raise ValueError(f"{type(self).__name__} can't be made to lose what it confirmed")
        self.folder = folder
        self.lossy = lossy

    def config(self) -> dict[str, Any]:
        """Django's settings for it."""
        raise NotImplementedError

    @property
    def env(self) -> dict[str, str]:
        """The environment of servers and publishers."""
        return {
            **{key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")},
            "DJANGO_SETTINGS_MODULE": "faults.settings",
            "FAULTS_CONFIG": json.dumps(self.config()),
            "PYTHONUNBUFFERED": "1",
        }

    def start(self) -> None:
        """Start it, or start it again, and wait until it answers."""

    def keep(self) -> None:
        """Have it write down what it has: so much no kill loses."""

    def kill(self) -> None:
        """kill -9."""

    def freeze(self) -> None:
        """SIGSTOP, or what comes near it."""

    def thaw(self) -> None:
        """Undo `freeze`."""

    def contents(self) -> list[str]:
        """All events that it has, each as some text with its data, asked of the engine without the library."""
        raise NotImplementedError

    def stop(self) -> None:
        """Kill it for good."""


class ServerEngine(Engine):
    """An engine that is a server of its own."""

    _process: Process | None = None

    def prepare(self) -> Process:
        """What there is to be before the first start, and how it is started."""
        raise NotImplementedError

    def answers(self) -> bool:
        """Whether it is ready."""
        raise NotImplementedError

    @property
    def process(self) -> Process:
        assert self._process is not None, "it was never started"
        return self._process

    def start(self) -> None:
        if self._process is None:
            self._process = self.prepare()
        self._process.start()
        until(self._ready, 30, f"{type(self).__name__} answers")

    def _ready(self) -> bool:
        assert self.process.running, self.process.printed()
        return self.answers()

    def kill(self) -> None:
        self.process.kill()

    def freeze(self) -> None:
        self.process.freeze()

    def thaw(self) -> None:
        self.process.thaw()

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
