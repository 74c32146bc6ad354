"""The demo in a process of its own, with a database of its own, and what it logged of each request."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple, Self

from tests.live.client import fetch
from tests.live.servers import ROOT, free_port
from tests.live.waiting import until

START_TIMEOUT = 30.0

COMMANDS = {
    "uvicorn": [
        *("uvicorn", "demo_project.asgi:application", "--host", "127.0.0.1", "--port", "{port}"),
        *("--lifespan", "off"),
    ],
    "runserver": ["django", "runserver", "--noreload", "127.0.0.1:{port}"],
}

#: What both servers write of a request once its response has started.
LOGGED = re.compile(r'"(?P<method>[A-Z]+) (?P<target>\S+) HTTP/1\.1" (?P<status>\d{3})')


class Request(NamedTuple):
    method: str
    target: str
    status: int


class DemoServer:
    """A running demo; a context manager that kills it.

    Args:
        database: the SQLite file.
        pace: DEMO_PACE, seconds between the items of a stream.
        kind: a key of COMMANDS.
        port: a free one unless told, as for a restart.
    """

    def __init__(self, database: Path, *, pace: float, kind: str = "uvicorn", port: int | None = None) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = database.with_name(f"{kind}-{self.port}-{os.urandom(4).hex()}.log")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *(part.format(port=self.port) for part in COMMANDS[kind])],
                cwd=ROOT,
                env={**environment(database), "DEMO_PACE": str(pace), "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            until(self._answers, START_TIMEOUT, f"the demo answers on {self.url}")
        except BaseException as exc:
            self.kill()
            exc.add_note(self.log())
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.kill()

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError(f"the demo ended with {self._process.returncode} before it answered")
        try:
            fetch(f"{self.url}/static/catalog/favicon.svg", timeout=5)
        except ConnectionRefusedError:
            return False
        return True

    def kill(self) -> None:
        """SIGKILL: no goodbye to anyone, as in a crash."""
        self._process.kill()
        self._process.wait(10)

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def requests(self, path: str) -> list[Request]:
        """The requests for a path, with or without a query, in order."""
        found = [Request(m["method"], m["target"], int(m["status"])) for m in LOGGED.finditer(self.log())]
        return [request for request in found if request.target.partition("?")[0] == path]


def environment(database: Path) -> dict[str, str]:
    """For a process that runs the demo on this database."""
    return {**os.environ, "DJANGO_SETTINGS_MODULE": "demo_project.settings", "DEMO_DATABASE": str(database)}


def manage(database: Path, *command: str) -> str:
    """Run manage.py and return what it printed. Warnings are errors, as in pytest itself."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "manage.py", *command],
        cwd=ROOT,
        env=environment(database),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
