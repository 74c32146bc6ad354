"""`make demo` prints an address that answers, and Ctrl-C ends it at once with its streams open."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.demo.conftest import NEVER
from tests.demo.server import environment
from tests.live.client import Stream, fetch
from tests.live.servers import ROOT, free_port
from tests.live.waiting import on_this_machine, until

SCRIPT = [sys.executable, "scripts/demo.py"]
#: What is installed here stands for what `make demo` would install.
MAKE = ["make", "demo", f"VENV={sys.prefix}", "-o", f"{sys.prefix}/.demo"]


@contextmanager
def started(command: list[str], database: Path, port: int) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The demo in a session of its own, as in a terminal of its own, and the address that it has printed."""
    log = database.with_name("demo.log")
    # As if typed by somebody: a make of a make takes the first one's options from the environment.
    env = {key: value for key, value in environment(database).items() if not key.startswith(("MAKE", "MFLAGS"))}
    with log.open("wb") as file:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**env, "PORT": str(port), "DEMO_PACE": str(NEVER)},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def printed() -> str:
        assert process.poll() is None, "it has ended"
        address = re.search(r"^ +(http://\S+)$", log.read_text(), re.MULTILINE)
        return address[1] if address else ""

    try:
        yield process, until(printed, 60, "the demo prints its address")
    except BaseException as error:
        error.add_note(log.read_text())
        raise
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # nobody is left
        process.wait(10)


def answers(url: str) -> bytes:
    try:
        return fetch(url, timeout=30)
    except ConnectionRefusedError:
        return b""


@pytest.mark.parametrize(
    ("command", "send"),
    [(MAKE, os.killpg), (SCRIPT, os.killpg), (SCRIPT, os.kill)],
    ids=["make-in-a-terminal", "script-in-a-terminal", "script-alone"],
)
def test_ctrl_c_ends_the_demo_at_once(command: list[str], send: Callable[[int, int], None], tmp_path: Path) -> None:
    port = free_port()
    with started([*command, f"PORT={port}"] if command is MAKE else command, tmp_path / "demo.sqlite3", port) as (
        process,
        url,
    ):
        assert url == f"http://127.0.0.1:{port}/"
        page = until(lambda: answers(url), 30, "the address answers")
        assert b"/examples/" in page
        with Stream(f"{url}items/stream") as quiet, Stream(f"{url}notifications/stream") as channel:
            quiet.event()
            channel.block()

            limit = on_this_machine(3.0)
            stopped = time.monotonic()
            send(process.pid, signal.SIGINT)

            assert quiet.wait_for_end(limit)
            assert channel.wait_for_end(limit)
        process.wait(limit - (time.monotonic() - stopped))
        until(lambda: not answers(url), 0, "nobody is left behind who answers")
