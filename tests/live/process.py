"""A site's server in a process of its own, which a test may kill, end and start again on the same port."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from tests.live.client import fetch
from tests.live.servers import ROOT, START_TIMEOUT, free_port
from tests.live.waiting import until


class SiteProcess:
    """A running server; a context manager that kills it.

    Args:
        command: what Python runs, `-m` left out; "{port}" stands for the port.
        env: laid over this process's.
        log: where all it prints goes, after what is there.
        probe: a path that it answers with 200 once it is up.
        port: a free one unless told.
    """

    def __init__(
        self, command: Sequence[str], *, env: Mapping[str, str], log: Path, probe: str, port: int | None = None
    ) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = {**os.environ, "PYTHONUNBUFFERED": "1", **env}
        self._command = [sys.executable, "-m", *(part.format(port=self.port) for part in command)]
        self._log = log
        self._probe = probe
        self.start()

    def start(self) -> None:
        """Start it, on the port it had, and wait until it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            until(self._answers, START_TIMEOUT, f"the site answers on {self.url}")
        except BaseException as exc:
            self.kill()
            exc.add_note(self.log())
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.kill()

    def kill(self) -> None:
        """SIGKILL: no goodbye to anyone, as in a crash."""
        self._process.kill()
        self._process.wait(30)

    def terminate(self) -> None:
        """SIGTERM, as at a deployment."""
        self._process.terminate()
        self._process.wait(30)

    def log(self) -> str:
        """What it has printed."""
        return self._log.read_text(errors="replace")

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError(f"the site ended with {self._process.returncode} before it answered")
        try:
            fetch(self.url + self._probe, timeout=START_TIMEOUT)  # it may listen before it has loaded the site
        except ConnectionRefusedError:
            return False
        return True
