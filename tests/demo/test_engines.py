"""`make demo ENGINE=`: the demo on an engine of its own, which a second terminal reaches, and which ends with it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.demo.server import environment, manage
from tests.live.client import Stream, fetch
from tests.live.servers import ROOT, free_port
from tests.live.waiting import until

ENGINES = {"valkey": "redis://", "postgres": "postgres://"}


@pytest.fixture(autouse=True)
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Where PostgreSQL's data is when root runs this: `nobody` can't look into pytest's own folders."""
    folder = Path(tempfile.mkdtemp(prefix="sse-demo-", dir="/tmp"))
    folder.chmod(0o755)
    monkeypatch.setenv("TMPDIR", str(folder))
    yield
    shutil.rmtree(folder)


@contextmanager
def demo(engine: str, database: Path, port: int) -> Iterator[str]:
    """As `make demo` starts it, once everything is installed; killed at the end, as nothing but the kernel can."""
    log = database.with_name("demo.log")
    with log.open("ab") as file:
        process = subprocess.Popen(
            [sys.executable, "scripts/demo.py"],
            cwd=ROOT,
            env={**environment(database), "ENGINE": engine, "PORT": str(port), "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )

    def answers() -> bool:
        assert process.poll() is None, log.read_text()
        try:
            return bool(fetch(f"http://127.0.0.1:{port}/examples/notifications/", timeout=5))
        except OSError:
            return False

    try:
        until(answers, 60, f"the demo on {engine} answers")
        yield f"http://127.0.0.1:{port}"
    except BaseException as error:
        error.add_note(log.read_text())
        raise
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(10)


def tell(database: Path, text: str) -> None:
    manage(database, "sse_publish", "notifications", json.dumps({"text": text}))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_second_terminal_is_heard_and_a_killed_demo_comes_back_with_everything(engine: str, tmp_path: Path) -> None:
    database, port = tmp_path / "demo.sqlite3", free_port()
    address = database.with_suffix(".engine")
    with demo(engine, database, port) as url:
        assert address.read_text().startswith(ENGINES[engine])
        assert address.stat().st_mode & 0o077 == 0, "it holds a password"
        assert {"valkey": b"The events are in Valkey", "postgres": b"The events are in PostgreSQL"}[engine] in fetch(
            f"{url}/examples/notifications/"
        )
        with Stream(f"{url}/notifications/stream") as stream:
            stream.block(10)  # the cursor: from here on nothing is missed
            tell(database, "hello")
            event = stream.event(10)
            assert event.json() == {"text": "hello"}
        tell(database, "while nobody listens")
    until(lambda: not address.exists(), 30, "the engine has ended with the demo")
    assert event.id is not None
    with (
        demo(engine, database, port) as url,
        Stream(f"{url}/notifications/stream", headers={"Last-Event-ID": event.id}) as stream,
    ):
        assert stream.event(10).json() == {"text": "while nobody listens"}
        tell(database, "again")
        assert stream.event(10).json() == {"text": "again"}
    until(lambda: not address.exists(), 30, "the engine has ended with the demo")


def test_what_a_dead_demo_left_is_not_used_by_the_next_on_sqlite(tmp_path: Path) -> None:
    database = tmp_path / "demo.sqlite3"
    database.with_suffix(".engine").write_text("redis://:secret@127.0.0.1:1/0")
    with demo("sqlite", database, free_port()) as url:
        tell(database, "hello")
        assert b"The events are in the demo" in fetch(f"{url}/examples/notifications/")


@pytest.mark.parametrize("command", [["make", "demo", "ENGINE=oracle"], [sys.executable, "scripts/demo.py"]])
def test_an_unknown_engine_is_told_which_there_are(command: list[str]) -> None:
    # As if typed by somebody: a make of a make takes the first one's options from the environment.
    env = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(
        command, cwd=ROOT, env={**env, "ENGINE": "oracle"}, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "ENGINE='oracle' is no engine of the demo: choose" in done.stdout + done.stderr
    assert "valkey" in done.stdout + done.stderr
