"""The demo in a process of its own, with a database of its own, and what it logged of each request."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from tests.live.process import SiteProcess
from tests.live.servers import ROOT

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


class DemoServer(SiteProcess):
    """A running demo; a context manager that kills it.

    Args:
        database: the SQLite file.
        pace: DEMO_PACE, seconds between the items of a stream.
        kind: a key of COMMANDS.
        port: a free one unless told, as for a restart.
    """

    def __init__(self, database: Path, *, pace: float, kind: str = "uvicorn", port: int | None = None) -> None:
        super().__init__(
            COMMANDS[kind],
            env={**environment(database), "DEMO_PACE": str(pace)},
            log=database.with_name(f"{kind}-{os.urandom(4).hex()}.log"),
            probe="/static/catalog/favicon.svg",
            port=port,
        )

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
