"""SQLite: no process to kill. What comes near a frozen engine is somebody who holds the lock."""

from __future__ import annotations

import sqlite3
from typing import Any, ClassVar

from faults.engines.base import Engine


class SqliteEngine(Engine):
    faults: ClassVar[tuple[str, ...]] = ("freeze",)
    frozen: ClassVar[tuple[float, float]] = (0.2, 2.0)
    _holder: sqlite3.Connection | None = None

    def config(self) -> dict[str, Any]:
        options = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 1,  # seconds; less than the lock is held, so that some publishers are refused
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
        }
        database = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(self._path), "OPTIONS": options}
        return {"DATABASES": {"default": database}}

    @property
    def _path(self) -> str:
        return str(self.folder / "faults.sqlite3")

    def freeze(self) -> None:
        holder = sqlite3.connect(self._path, timeout=10, isolation_level=None, check_same_thread=False)
        try:
            holder.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            holder.close()
            raise
        self._holder = holder

    def thaw(self) -> None:
        if self._holder is not None:
            self._holder.execute("ROLLBACK")
            self._holder.close()
            self._holder = None

    def contents(self) -> list[str]:
        connection = sqlite3.connect(self._path)
        try:
            return [data for (data,) in connection.execute("SELECT data FROM sse_django_logevent")]
        finally:
            connection.close()

    def stop(self) -> None:
        self.thaw()
