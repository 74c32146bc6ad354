"""The site in a process of its own, on uvicorn, and what it knows of its streams."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.live.client import fetch
from tests.live.process import SiteProcess
from tests.live.servers import ROOT


class SiteServer(SiteProcess):
    """A running site; a context manager that ends it.

    Args:
        folder: for its database and its log; one that has run there before goes on with the same log of events.
        port: a free one unless told, as for a restart.
    """

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self.folder = folder
        super().__init__(
            [
                *("uvicorn", "tests.browser.project.asgi:application"),
                *("--host", "127.0.0.1", "--port", "{port}", "--lifespan", "off"),
            ],
            env={
                "DJANGO_SETTINGS_MODULE": "tests.browser.project.settings",
                "BROWSER_TEST_DATABASE": str(folder / "site.sqlite3"),
            },
            log=folder / "site.log",
            probe="/counts/",
            port=port,
        )

    def start(self) -> None:
        self._run("-m", "django", "migrate", "--verbosity", "0")
        super().start()

    def send(self, channel: str, data: object, event: str | None = None) -> None:
        """Publish JSON in a channel."""
        query = {"data": json.dumps(data)} | ({"event": event} if event else {})
        fetch(f"{self.url}/send/{channel}/?{urlencode(query)}", timeout=20)

    def publish_while_down(self, channel: str, data: object, event: str = "message") -> None:
        """Publish from another process."""
        self._run("-m", "django", "sse_publish", channel, json.dumps(data), "--event", event)

    def streams(self, path: str) -> int:
        """How many streams of a path are open."""
        return int(self._counts()["open"].get(path, 0))

    def all_streams(self) -> int:
        """How many streams are open."""
        return sum(self._counts()["open"].values())

    def opened(self, path: str) -> int:
        """How many streams of a path there have been."""
        return int(self._counts()["opened"].get(path, 0))

    def asked(self, path: str) -> int:
        """How many requests a path has had, where the view counts them."""
        return int(self._counts()["asked"].get(path, 0))

    def _counts(self) -> dict[str, dict[str, Any]]:
        counts: dict[str, dict[str, Any]] = json.loads(fetch(f"{self.url}/counts/", timeout=20))
        return counts

    def _run(self, *command: str) -> None:
        done = subprocess.run(
            [sys.executable, *command], cwd=ROOT, env=self.env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
