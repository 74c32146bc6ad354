"""Each script of bench/ at its smallest: it runs, it gets every event (or it would exit with an error), it prints its table.

Most of their time is waiting, so all run side by side.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.live.browser import find
from tests.live.servers import ROOT

pytestmark = pytest.mark.live

SMALL = ("--scale", "0.02", "--rounds", "2")
COMMANDS = {
    "streams": ("bench.streams", "one", "short", "idle", "--repeats", "1", "--scale", "0.01"),
    "fanout": ("bench.channels", "fanout", *SMALL),
    "idle": ("bench.channels", "idle", *SMALL),
    "latency": ("bench.channels", "latency", *SMALL),
    "publish": ("bench.channels", "publish", *SMALL),
    "growth": ("bench.channels", "growth", *SMALL),
    "dashboard": ("bench.dashboard", "--viewers", "0,3", "--seconds", "1"),
    "live_admin": ("bench.live_admin", "--count", "2"),
}
#: What each prints, a line each: with a figure wherever something was measured.
TABLES = {
    "streams": (
        *(rf"^{workload}: " for workload in ("one", "short", "idle")),
        *(
            rf"^  {server} +[\d.]+ +[\d,]+ "
            for server in ("sse_django", "sse_django sync", "Django", "FastAPI", "raw ASGI")
        ),
        r"^bars +wanted +measured",
    ),
    "fanout": (
        r"^20 clients, 1 event at a time",
        r"^20 clients, 8 events at a time",
        r"^\| django-eventstream \| [\d.]+",
    ),
    "idle": (r"^Idle connections", r"^\| sse_django \| 200 \| ", r"^\| django-eventstream \| 40 \| "),
    "latency": tuple(
        rf"^\| {engine} \| [\d.]+ \| [\d.]+ \|"
        for engine in ("memory", "Valkey", "NATS", "PostgreSQL, LISTEN", "SQLite, polled")
    ),
    "publish": (r"^\| (memory|valkey|nats) \| \d+ \| - \| - \|", r"^\| (sqlite|postgres) \| \d+ \| \d+ \| 1 \|"),
    "growth": (r"^\| 100 \| [\d.]+ \| [\d.]+ \|", r"^\| 200 \| 1 \| [\d.]+ \|", r"^\| 2 \| [\d.]+ \| \d+ \|$"),
    "dashboard": (r"^\| viewers \|", r"^\| 0 \| [\d.]+ \|", r"^\| 3 \| [\d.]+ \| [\d.]+ \| [1-9]\d* \|"),
    "live_admin": (r"^sqlite: .* 2 saves: p50 \d+ ms",),
}
#: Seconds for all of them.
LIMIT = 180
needs_peers = pytest.mark.skipif(
    find_spec("django_eventstream") is None, reason="django-eventstream is not installed: pip install -e '.[bench]'"
)


class Script:
    """A running script, and what it has printed."""

    def __init__(self, folder: Path, *command: str) -> None:
        self._out, self._log = folder / "out", folder / "log"
        with self._out.open("wb") as out, self._log.open("wb") as log:
            # A session of its own, so that its servers end with it even if it is killed.
            self._process = subprocess.Popen(
                [sys.executable, "-m", *command], cwd=ROOT, stdout=out, stderr=log, start_new_session=True
            )

    def finish(self) -> tuple[int, str, str]:
        """How it ended, what it printed, and its complaints."""
        code = self._process.wait(LIMIT)
        return code, self._out.read_text(), self._log.read_text(errors="replace")

    def kill(self) -> None:
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it has ended, and all that it started
        self._process.wait(10)


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[dict[str, Script]]:
    """All that a selected test asks for."""
    wanted = {getattr(item, "callspec", None) and item.callspec.params.get("name") for item in request.session.items}
    running = {name: Script(tmp_path_factory.mktemp(name), *COMMANDS[name]) for name in COMMANDS if name in wanted}
    yield running
    for script in running.values():
        script.kill()


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=needs_peers if name in ("fanout", "idle") else ()) for name in COMMANDS],
)
def test_it_runs_and_prints_its_table(name: str, scripts: dict[str, Script]) -> None:
    if name == "live_admin":
        find()
    code, printed, complaints = scripts[name].finish()
    assert code == 0, complaints
    for line in TABLES[name]:
        assert re.search(line, printed, re.MULTILINE), f"{line}\nis not in\n{printed}"


@pytest.mark.skipif(find_spec("django_eventstream") is not None, reason="django-eventstream is installed")
def test_without_its_peer_it_says_what_to_install() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench.channels"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "django-eventstream is not installed: pip install" in done.stderr
