"""The site in a process of its own, on uvicorn, and what it knows of its streams."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode

from tests.live.client import fetch
from tests.live.servers import ROOT, free_port
from tests.live.waiting import until

START_TIMEOUT = 30.0


class SiteServer:
    """A running site; a context manager that ends it.

    Args:
        folder: for its database and its log; one that has run there before goes on with the same log of events.
        port: a free one unless told, as for a restart.
    """

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self.folder = folder
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._env = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.browser.project.settings",
            "BROWSER_TEST_DATABASE": str(folder / "site.sqlite3"),
            "PYTHONUNBUFFERED": "1",
        }
        self.start()

    def start(self) -> None:
        """Start it, on the port it had."""
        self._run("-m", "django", "migrate", "--verbosity", "0")
        command = ["-m", "uvicorn", "tests.browser.project.asgi:application", "--host", "127.0.0.1"]
        with (self.folder / "site.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *command, "--port", str(self.port), "--lifespan", "off"],
                cwd=ROOT,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            until(self._answers, START_TIMEOUT, f"the site answers on {self.url}")
        except BaseException as exc:
            self.kill()
            exc.add_note((self.folder / "site.log").read_text(errors="replace"))
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.kill()

    def kill(self) -> None:
        """SIGKILL: no goodbye to anyone, as in a crash."""
        self._process.kill()
        self._process.wait(10)

    def terminate(self) -> None:
        """SIGTERM, as at a deployment."""
        self._process.terminate()
        self._process.wait(20)

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
            [sys.executable, *command], cwd=ROOT, env=self._env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError(f"the site ended with {self._process.returncode} before it answered")
        try:
            fetch(f"{self.url}/counts/", timeout=5)
        except ConnectionRefusedError:
            return False
        return True
