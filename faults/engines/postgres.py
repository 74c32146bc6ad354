"""PostgreSQL from the wheel that the tests use, killed with all its processes and started again on the same data."""

from __future__ import annotations

from typing import Any, ClassVar

from faults.engines.base import ServerEngine
from faults.process import Process
from tests.live.postgres import Postgres

# A kill -9 of processes loses nothing of what the kernel has, so no disk need be waited for; but pages may be torn.
OPTIONS = {
    "fsync": "off",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "max_connections": "100",
    "shared_buffers": "32MB",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "logging_collector": "off",
}
#: Commits are confirmed before they are written, and up to three times the delay later.
LOSSY = {"synchronous_commit": "off", "wal_writer_delay": "10s", "wal_writer_flush_after": "1GB", "wal_buffers": "16MB"}


class PostgresEngine(ServerEngine):
    can_lose: ClassVar[bool] = True
    _postgres: Postgres | None = None

    def prepare(self) -> Process:
        self._postgres = Postgres()
        self._postgres.create("faults")
        self._postgres.query("CHECKPOINT")
        self._postgres._process.terminate()
        self._postgres._process.wait(30)
        command: list[object] = [self._postgres._bin / "postgres", "-D", self._postgres.folder / "data"]
        command += ["-p", self._postgres.port]
        for name, value in {**OPTIONS, **(LOSSY if self.lossy else {})}.items():
            command += ["-c", f"{name}={value}"]
        options = {"cwd": self._postgres.folder, **self._postgres._as}
        return Process(command, self.folder / "postgres.log", {"LC_ALL": "C"}, **options)

    def answers(self) -> bool:
        assert self._postgres is not None
        try:
            return self._postgres.query("SELECT 1", "faults") == [["1"]]
        except AssertionError:
            return False

    def config(self) -> dict[str, Any]:
        assert self._postgres is not None
        database = {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "faults",
            "USER": "postgres",
            "HOST": "127.0.0.1",
            "PORT": self._postgres.port,
            "OPTIONS": {"connect_timeout": 2},
        }
        # Less than it is frozen for, so that the limit is met.
        backend = {"BACKEND": "sse_django.backends.database.DatabaseBackend", "OPTIONS": {"timeout": 1.5}}
        return {"DATABASES": {"default": database}, "SSE_DJANGO": {"BACKENDS": {"default": backend}}}

    def keep(self) -> None:
        assert self._postgres is not None
        self._postgres.query("CHECKPOINT")

    def contents(self) -> list[str]:
        assert self._postgres is not None
        rows = self._postgres.query("SELECT data FROM sse_django_logevent", "faults")
        return [data for (data,) in rows]

    def stop(self) -> None:
        super().stop()
        if self._postgres is not None:
            self._postgres.stop()
