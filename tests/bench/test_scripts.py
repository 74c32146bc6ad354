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

from bench.channels.nchan import missing
from tests.live.browser import find
from tests.live.servers import ROOT

pytestmark = pytest.mark.live

#: Whether django-eventstream is there to compare with, which tests don't need.
PEER = find_spec("django_eventstream") is not None
SMALL = ("--scale", "0.02", "--rounds", "2")
GROWTH = (
    *("bench.channels.growth", "--clients", "10,20", "--processes", "1,2"),
    *("--rounds", "2", "--seconds", "0.2", "--intervals", "2", "--servers", "ours"),
)
COMMANDS = {
    "streams": ("bench.streams", "one", "many", "short", "idle", "--repeats", "1", "--scale", "0.01"),
    "fanout": ("bench.channels", "fanout", *SMALL),
    "idle": ("bench.channels", "idle", *SMALL),
    "latency": ("bench.channels", "latency", *SMALL),
    "publish": ("bench.channels", "publish", *SMALL),
    "growth of fanout": (*GROWTH, "fanout", "--engines", "memory,valkey", "--channels", "1,5"),
    "growth of latency": (*GROWTH, "latency", "--engines", "memory,valkey", "--channels", "1"),
    "growth of idle": (*GROWTH, "idle", "--channels", "1"),
    "growth of publish": (*GROWTH, "publish", "--engines", "sqlite", "--channels", "1,5"),
    "dashboard": ("bench.dashboard", "--viewers", "0,3", "--seconds", "1"),
    "live_admin": ("bench.live_admin", "--count", "2", "--engine", "sqlite"),
}
#: Two figures in a cell.
COST = r"\d+(?:\.\d+)? / \d+(?:\.\d+)?"
#: "for 0.9 of them": not all pings came that were due, which is none's fault on a busy machine; but some have to.
IDLE = r"-?[\d.]+ / -?\d+ / [\d.]+(?: for (?!0\.00)[\d.]+ of them)?"
BY_CHANNELS = (r"^By channels \(10 clients, 1 process\): ", rf"^\| 5 \| {COST}")


def grown(cells: str, processes: str) -> tuple[str, ...]:
    """A line for each number of GROWTH, under its own title."""
    return (
        r"^By clients \(1 channel, 1 process\): ",
        rf"^\| 10 \| {cells} \|$",
        rf"^\| 20 \| {cells} \|$",
        r"^By processes \(10 clients, 1 channel\): ",
        rf"^\| 1 \| {processes} \|$",
        rf"^\| 2 \| {processes} \|$",
    )


#: What each prints, a line each: with a figure wherever something was measured.
TABLES = {
    "streams": (
        *(rf"^{workload}: " for workload in ("one", "many", "short", "idle")),
        *(
            rf"^  {server} +[\d.]+ +[\d,]+ "
            for server in ("sse_django", "sse_django sync", "Django", "FastAPI", "raw ASGI")
        ),
        r"^bars +wanted +measured",
        r"^many: .* no verdict",
    ),
    "fanout": (
        r"^20 clients, 1 event at a time",
        r"^20 clients, 8 events at a time",
        r"^\| raw ASGI, a queue per client \| [\d.]+ \| 1.00 \|",
        r"^\| sse_django, its own ASGI application \| [\d.]+ \| [\d.]+ \|",
        *([r"^\| django-eventstream \| [\d.]+"] if PEER else []),
        *([] if missing() else [r"^\| nchan \| [\d.]+", r"^\| sse_django, eight: to nchan \| 1 \|"]),
    ),
    "idle": (
        r"^Idle connections",
        r"^\| sse_django \| 200 \| ",
        r"^\| sse_django, its own ASGI application \| 200 \| ",
        r"^\| sse_django, 200 idle connections: pings, % of a core \| 2 \| [\d.]+ \|",
        *([r"^\| django-eventstream \| 40 \| "] if PEER else []),
    ),
    "latency": tuple(
        rf"^\| {engine} \| [\d.]+ \| [\d.]+ \|"
        for engine in ("memory", "Valkey", "NATS", "PostgreSQL, `LISTEN`", "SQLite, polled every 0.1 s")
    ),
    "publish": (r"^\| (memory|Valkey|NATS) \| \d+ \| - \| - \|", r"^\| (SQLite|PostgreSQL).* \| \d+ \| \d+ \| 1 \|"),
    "growth of fanout": (*grown(COST, COST), *BY_CHANNELS, r"^\| processes \| Valkey \|$"),
    "growth of latency": (*grown(rf"{COST} \| {COST}", COST), r"^\| clients \| memory \| Valkey \|$"),
    "growth of idle": grown(IDLE, rf"{IDLE} \| [1-9]\d*"),
    "growth of publish": (*grown(rf"{COST} \(1\)", rf"{COST} \(1\)"), *BY_CHANNELS),
    "dashboard": (r"^\| viewers \|", r"^\| 0 \| [\d.]+ \|", r"^\| 3 \| [\d.]+ \| [\d.]+ \| [1-9]\d* \|"),
    "live_admin": (r"^sqlite, 2 saves +\d+ +\d+ +\d+$",),
}
#: Seconds for all of them.
LIMIT = 400


class Script:
    """A running script, and what it has printed."""

    def __init__(self, folder: Path, *command: str) -> None:
        self._out, self._log = folder / "out", folder / "log"
        with self._out.open("wb") as out, self._log.open("wb") as log:
            # A session of its own, so that its servers end with it even if it is killed.
            self._process = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=ROOT,
                env={**os.environ, "BENCH_PING": "1"},
                stdout=out,
                stderr=log,
                start_new_session=True,
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


@pytest.mark.parametrize("name", COMMANDS)
def test_it_runs_and_prints_its_table(name: str, scripts: dict[str, Script]) -> None:
    if name == "live_admin":
        find()
    code, printed, complaints = scripts[name].finish()
    assert code == 0, complaints
    for line in TABLES[name]:
        assert re.search(line, printed, re.MULTILINE), f"{line}\nis not in\n{printed}"
