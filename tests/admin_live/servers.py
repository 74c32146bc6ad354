"""A site with live admins in a process of its own, and a worker beside it that changes what it shows."""

import json
import os
import subprocess
import sys
from ast import literal_eval
from pathlib import Path
from typing import Any

from tests.live.process import SiteProcess
from tests.live.servers import ROOT

KINDS = {
    "uvicorn": ["uvicorn", "tests.admin_live.asgi:application", "--port", "{port}", "--lifespan", "off"],
    "gunicorn-gthread": [
        *(
            "gunicorn",
            "--bind",
            "127.0.0.1:{port}",
            "--no-control-socket",
            "--worker-class",
            "gthread",
            "--threads",
            "8",
        ),
        "tests.admin_live.wsgi:application",
    ],
}


def environment(database: str, redis: str | None = None) -> dict[str, str]:
    """For a process of the site."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.admin_live.project",
        "SSE_TEST_DATABASE": database,
        "PYTHONUNBUFFERED": "1",
        **({"SSE_TEST_REDIS": redis} if redis else {}),
    }


class Site(SiteProcess):
    """A server. A context manager that kills it; `kill` and `start` again, as in a deployment."""

    def __init__(
        self, database: str, log: Path, *, kind: str = "uvicorn", redis: str | None = None, port: int | None = None
    ) -> None:
        probe = "/static/sse_django/sse.js"
        super().__init__(KINDS[kind], env=environment(database, redis), log=log, probe=probe, port=port)

    def requests(self, target: str) -> int:
        """How often something was asked for."""
        return self.log().count(f'"GET {target} HTTP/1.1"')


class Worker:
    """A process that runs what it is told (see tests/admin_live/worker.py)."""

    def __init__(self, database: str, redis: str | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "tests.admin_live.worker"],
            cwd=ROOT,
            env=environment(database, redis),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, code: str) -> Any:
        """Run code and return its `result`. Raises RuntimeError with what it raised."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(code) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return literal_eval(answer["result"])

    def stop(self) -> None:
        self._process.kill()
        self._process.wait(10)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()


def make_database(folder: Path) -> str:
    """An SQLite file with tables, an administrator and a clerk who may see orders; its address."""
    address = f"sqlite:///{folder / 'orders.sqlite3'}"
    prepare(address)
    return address


def prepare(address: str, redis: str | None = None) -> None:
    """Tables and people."""
    subprocess.run(
        [sys.executable, "-m", "django", "migrate", "--run-syncdb", "--verbosity", "0"],
        cwd=ROOT,
        env=environment(address, redis),
        check=True,
    )
    worker = Worker(address, redis)
    worker.run(
        "from django.contrib.auth.models import Permission\n"
        "User.objects.create_superuser('anna', password='anna')\n"
        "clerk = User.objects.create_user('carl', password='carl', is_staff=True)\n"
        "clerk.user_permissions.set(Permission.objects.filter(codename__in=['view_order', 'change_order']))"
    )
    worker.stop()
