"""MariaDB as the system has it, killed and started again on the same data; it recovers from its log, as after a crash."""

from __future__ import annotations

from typing import Any, ClassVar

from faults.engines.base import ServerEngine
from faults.process import Process
from tests.engines.mariadb import MariaDB

OPTIONS = ["--skip-networking=0", "--skip-log-bin", "--innodb-log-file-size=32M"]
#: What a commit has written is with the kernel: no kill -9 loses it, and no disk need be waited for.
KEPT = ["--innodb-flush-log-at-trx-commit=2"]
#: Commits are confirmed before they are written, and long before.
LOSSY = [
    *("--innodb-flush-log-at-trx-commit=0", "--innodb-flush-log-at-timeout=2700", "--innodb-log-buffer-size=16M"),
    # What writes pages writes the log before them.
    *("--innodb-max-dirty-pages-pct=99", "--innodb-max-dirty-pages-pct-lwm=99", "--innodb-io-capacity=100"),
]


class MariaDBEngine(ServerEngine):
    can_lose: ClassVar[bool] = True
    _mariadb: MariaDB | None = None

    def prepare(self) -> Process:
        self._mariadb = MariaDB()
        self._mariadb.end()
        command = [*self._mariadb.command, *OPTIONS, *(LOSSY if self.lossy else KEPT)]
        options = {"cwd": self._mariadb.folder, **self._mariadb.user}
        return Process(command, self.folder / "mariadb.log", {}, **options)

    def answers(self) -> bool:
        import pymysql

        assert self._mariadb is not None
        try:
            return bool(self._mariadb.query("SELECT 1"))
        except pymysql.OperationalError:
            return False

    def config(self) -> dict[str, Any]:
        assert self._mariadb is not None
        database = {
            "ENGINE": "django.db.backends.mysql",
            "NAME": "log",
            "USER": "root",
            "HOST": "127.0.0.1",
            "PORT": self._mariadb.port,
            "OPTIONS": {"connect_timeout": 2},
        }
        # Less than it is frozen for, so that the limit is met.
        backend = {"BACKEND": "sse_django.backends.database.DatabaseBackend", "OPTIONS": {"timeout": 1.5}}
        return {"DATABASES": {"default": database}, "SSE_DJANGO": {"BACKENDS": {"default": backend}}}

    def keep(self) -> None:
        assert self._mariadb is not None
        self._mariadb.query("FLUSH ENGINE LOGS")

    def contents(self) -> list[str]:
        assert self._mariadb is not None
        return [data for (data,) in self._mariadb.query("SELECT data FROM log.sse_django_logevent")]

    def stop(self) -> None:
        super().stop()
        if self._mariadb is not None:
            self._mariadb.stop()
