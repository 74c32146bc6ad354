"""A site with live admins in a process of its own, and a worker beside it that changes what it shows."""

import json
import os
import subprocess
import sys
from ast import literal_eval
from pathlib import Path
from typing import Any, Self

from tests.live.client import fetch
from tests.live.servers import ROOT, free_port
from tests.live.waiting import until

START_TIMEOUT = 30.0
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


class Site:
    """A server. A context manager that kills it; `kill` and `start` again, as in a deployment."""

    def __init__(
        self, database: str, log: Path, *, kind: str = "uvicorn", redis: str | None = None, port: int | None = None
    ) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = log
        self._command = [sys.executable, "-m", *(part.format(port=self.port) for part in KINDS[kind])]
        self._environment = environment(database, redis)
        self.start()

    def start(self) -> None:
        """Start it and wait until it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            until(self._answers, START_TIMEOUT, f"the site answers on {self.url}")
        except BaseException as exc:
            self.kill()
            exc.add_note(self.log())
            raise

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError(f"the site ended with {self._process.returncode} before it answered")
        try:
            fetch(f"{self.url}/static/sse_django/sse.js", timeout=5)
        except ConnectionRefusedError:
            return False
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.kill()

    def kill(self) -> None:
        """SIGKILL: no goodbye to anyone."""
        self._process.kill()
        self._process.wait(10)

    def log(self) -> str:
        return self._log.read_text(errors="replace")

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
