"""Real servers in processes of their own, running tests/project/, each on a free port of 127.0.0.1.

A server gets no flag that would help it to stop: what the tests see is what a deployment with default settings sees.
"""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from tests.live.client import fetch
from tests.live.waiting import until

ROOT = Path(__file__).resolve().parent.parent.parent
ASGI, WSGI = "tests.project.asgi:application", "tests.project.wsgi:application"
DIRECT = "tests.project.asgi:direct"
START_TIMEOUT = 60.0

KINDS: dict[str, list[str]] = {
    "uvicorn": ["-m", "uvicorn", "--host", "127.0.0.1", "--port", "{port}", "--lifespan", "off", ASGI],
    # asginl is ASGI without lifespan, which Django refuses.
    "granian": ["-m", "granian", "--host", "127.0.0.1", "--port", "{port}", "--interface", "asginl", ASGI],
    "hypercorn": ["-m", "hypercorn", "--bind", "127.0.0.1:{port}", ASGI],
    "daphne": ["-m", "daphne", "--bind", "127.0.0.1", "--port", "{port}", ASGI],
    "gunicorn-gthread": [
        *("-m", "gunicorn", "--bind", "127.0.0.1:{port}", "--no-control-socket"),
        *("--worker-class", "gthread", "--threads", "220", WSGI),
    ],
    "gunicorn-asgi": [
        *("-m", "gunicorn", "--bind", "127.0.0.1:{port}", "--no-control-socket"),
        *("--worker-class", "asgi", ASGI),
    ],
    "runserver": ["-m", "django", "runserver", "127.0.0.1:{port}", "--noreload"],
}

for kind in ("uvicorn", "granian"):  # with sse_django's own application: only uvicorn's `send` is called by streams
    KINDS[f"{kind}-direct"] = [*KINDS[kind][:-1], DIRECT]
KINDS["uvicorn-direct-h11"] = [*KINDS["uvicorn-direct"], "--http", "h11"]

ASGI_KINDS = ["uvicorn", "granian", "hypercorn", "daphne"]
WSGI_KINDS = ["gunicorn-gthread", "runserver"]
DIRECT_KINDS = [kind for kind in KINDS if "direct" in kind]
PLAIN_KINDS = [kind for kind in KINDS if kind not in DIRECT_KINDS]

RELOADING = {
    "uvicorn": ["--reload", "--reload-dir", "{watched}"],
    "granian": ["--reload", "--reload-paths", "{watched}"],
    "hypercorn": ["--reload"],
    "gunicorn-gthread": ["--reload"],
    "gunicorn-asgi": ["--reload"],
}
"""What has a kind watch for changes. runserver does unless told, daphne never does."""

KINDS |= {f"{kind}-reload": [*KINDS[kind], *options] for kind, options in RELOADING.items()}
KINDS["runserver-reload"] = KINDS["runserver"][:-1]
RELOADING_KINDS = [kind for kind in KINDS if kind.endswith("-reload")]


_handed_out: set[int] = set()


def free_port() -> int:
    """A port nobody listens on, below those the kernel hands to outgoing connections, so that it stays free.

    None twice: who got one may not listen there yet, or stop and start there again. Of several workers each has its own.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    mine = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % workers
    for _ in range(100):
        port = random.randrange(12_000 + mine, 32_000, workers)
        if port in _handed_out:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            _handed_out.add(port)
            return port
    raise RuntimeError("found no free port in 100 tries")


class Server:
    """A running server. `stop()` it, or use it as a context manager; either kills all that it started.

    Args:
        kind: A key of KINDS.
        database: The address of its database, see tests/project/settings.py.
        settings: Laid over tests/project/settings.py.
        middleware: Dotted names, put before the usual ones.
        env: More environment variables.
    """

    def __init__(
        self,
        kind: str,
        *,
        database: str,
        settings: Mapping[str, Any] | None = None,
        middleware: tuple[str, ...] = (),
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.kind = kind
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.name = f"{kind}-{self.port}"
        self.folder = Path(tempfile.mkdtemp(prefix=f"sse-{kind}-"))
        self.watched = self.folder / "watched"  # touch a .py file in it to make a reloading server reload
        self.watched.mkdir()
        (self.watched / "reload_me.py").write_text("")
        self._log = self.folder / "log"
        self._trace = self.folder / "trace"
        self._trace.touch()
        command = [part.format(port=self.port, watched=self.watched) for part in KINDS[kind]]
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("SSE_TEST_", "PYTEST_"))},
            "DJANGO_SETTINGS_MODULE": "tests.project.settings",
            "PYTHONPATH": f"{ROOT}{os.pathsep}{self.watched}",
            "PYTHONUNBUFFERED": "1",
            "SSE_TEST_DATABASE": database,
            "SSE_TEST_MIDDLEWARE": ",".join(middleware),
            "SSE_TEST_NAME": self.name,
            "SSE_TEST_SETTINGS": json.dumps(settings or {}),
            "SSE_TEST_TRACE": str(self._trace),
            **(env or {}),
        }
        with self._log.open("wb") as log:
            # A session of its own: one Ctrl-C for all its processes, none for pytest, and nothing survives stop().
            self._process = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.pid = self._process.pid
        try:
            until(self._answers, START_TIMEOUT, f"{kind} answers")
        except BaseException as exc:
            exc.add_note(self.log())
            self.stop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<{self.name}>"

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError(f"{self.kind} ended with {self._process.returncode} before it answered")
        try:
            return fetch(f"{self.url}/ping/", timeout=START_TIMEOUT) == b"pong"  # some listen before they load the site
        except ConnectionRefusedError:
            return False

    # Its end

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the main process alone, as a container's init and most supervisors do."""
        self._before(number)
        os.kill(self.pid, number)

    def send_signal_to_all(self, number: signal.Signals) -> None:
        """Send a signal to all its processes, as a terminal does with SIGINT and systemd with SIGTERM."""
        self._before(number)
        os.killpg(self.pid, number)

    def _before(self, number: signal.Signals) -> None:
        # With no stream as with one, gunicorn's threaded worker hangs for good if a SIGINT finds it in the middle of handing a
        # request to its pool: its handler wants a lock that it holds itself then (python/cpython#121649).
        if self.kind == "gunicorn-gthread" and number == signal.SIGINT:
            fetch(f"{self.url}/handed-out/")

    def reload(self) -> None:
        """Change a file that a reloading server watches."""
        (self.watched / "reload_me.py").write_text(f"changed = {time.time_ns()}\n")

    def wait(self, timeout: float) -> float:
        """Wait until every process of the server is gone. Returns how many seconds that took.

        Raises AssertionError, with the log, if one is still there after `timeout` seconds.
        """
        started = time.monotonic()
        try:
            until(lambda: self._process.poll() is not None and not self.processes(), timeout, f"{self.kind} is gone")
        except AssertionError as exc:
            exc.add_note(self.log())
            raise
        return time.monotonic() - started

    def stop(self) -> None:
        """Kill whatever is left of it, and remove its log and its trace."""
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self._process.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)

    # What it does

    def processes(self) -> list[int]:
        """The process ids of its session that are alive."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal():
                try:
                    # The name in parentheses may hold anything; state, ppid, pgrp and session follow it.
                    state, _, _, session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
                except (FileNotFoundError, ProcessLookupError):
                    continue
                if int(session) == self.pid and state != "Z":
                    found.append(int(entry.name))
        return found

    def threads(self, pid: int | None = None) -> int:
        """How many threads a process has, by the kernel's count."""
        return len(list(Path(f"/proc/{pid or self.pid}/task").iterdir()))

    def resident(self, pid: int | None = None) -> int:
        """Bytes of memory a process holds."""
        pages = int(Path(f"/proc/{pid or self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def log(self) -> str:
        """What it printed, from its start."""
        return f"--- {self.name} ---\n{self._log.read_text(errors='replace')}"

    def trace(self, stream: str) -> list[dict[str, Any]]:
        """What the views wrote about one stream, in order (tests/project/trace.py)."""
        text = self._trace.read_text()
        # Up to the last whole line: of one that is being written now, a reader may see the part on the page before.
        lines = map(json.loads, text[: text.rfind("\n") + 1].splitlines())
        return [line for line in lines if line["stream"] == stream]

    def traced(self, stream: str, what: str, timeout: float) -> dict[str, Any]:
        """Wait until the trace has `what` about a stream, and return the line."""

        def find() -> dict[str, Any] | None:
            return next((line for line in self.trace(stream) if line["what"] == what), None)

        try:
            return until(find, timeout, f"{stream}: {what}") or {}
        except AssertionError as exc:
            exc.add_note(f"{self.trace(stream)}\n{self.log()}")
            raise

    def facts(self) -> dict[str, Any]:
        """The worker's process id as `pid`, the names of its threads as `names`; asks the server."""
        answer: dict[str, Any] = json.loads(fetch(f"{self.url}/threads/"))
        return answer

    def progress(self, stream: str) -> int:
        """How many items a stream has made so far; asks the server."""
        return int(json.loads(fetch(f"{self.url}/progress/?name={stream}"))["items"])
