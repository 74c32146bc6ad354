"""A pause longer than a release takes breaks nothing: no transaction, no open cursor, no pool, no TestCase, on either database.

The streams of all cases run at the same time, since what they mostly do is wait.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.live.client import Stream, fetch
from tests.live.servers import ROOT, Server

PAUSE = 2.0
"""Seconds between two uses of the database. A stream is parted from its connection after about one."""

POOL = {"DATABASE_DEFAULT": {"OPTIONS": {"pool": {"min_size": 1, "max_size": 8, "timeout": 8}}}}
DATABASES: dict[str, tuple[str, dict[str, object]]] = {
    "sqlite": ("sqlite", {}),
    "sqlite-alone": ("sqlite", {}),
    "postgres": ("postgres", {}),
    "pool": ("postgres", POOL),
}
PATHS = ["rows", "sync-rows", "db-bursts", "atomic", "async-atomic"]
CASES = [(kind, database, path) for kind in ("uvicorn", "gunicorn-gthread") for database in DATABASES for path in PATHS]
# One writer at a time: two would wait for each other there, as they should, so one of them has a file of its own.
CASES = [
    case
    for case in CASES
    if (case[1] == "sqlite-alone") == (case[2] == "async-atomic") or case[1] in ("postgres", "pool")
]

Running = dict[tuple[str, str, str], tuple[Server, Stream]]
ProjectTests = dict[str, tuple[subprocess.Popen[bytes], Path]]


@pytest.fixture(scope="module")
def project_tests(
    database_url: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ProjectTests]:
    """A project's own tests (tests/project/pausing_tests.py), begun on each database, and what they print."""
    folder = tmp_path_factory.mktemp("project")
    begun: ProjectTests = {}
    for database in ("sqlite", "postgres"):
        printed = folder / database
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.project.settings",
            "SSE_TEST_DATABASE": database_url(database),
        }
        with printed.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-W", "error", "-m", "django", "test", "--no-input", "tests.project.pausing_tests"],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        begun[database] = process, printed
    yield begun
    for process, _ in begun.values():
        process.kill()
        process.wait(10)


@pytest.fixture(scope="module")
def running(
    database_url: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory, project_tests: ProjectTests
) -> Iterator[Running]:
    """A stream for each case, all begun."""
    folder = tmp_path_factory.mktemp("files")

    def address(kind: str, name: str, database: str) -> str:
        if database != "sqlite":
            return database_url(database)
        copied = folder / f"{kind}-{name}.sqlite3"
        shutil.copy(database_url("sqlite").removeprefix("sqlite://"), copied)
        return f"sqlite://{copied}"

    with ExitStack() as stack:
        servers = {
            (kind, name): stack.enter_context(Server(kind, database=address(kind, name, database), settings=settings))
            for kind in ("uvicorn", "gunicorn-gthread")
            for name, (database, settings) in DATABASES.items()
        }
        yield {
            (kind, database, path): (
                server := servers[kind, database],
                stack.enter_context(Stream(f"{server.url}/{path}/?name={path}&pause={PAUSE}")),
            )
            for kind, database, path in CASES
        }
        for server in servers.values():
            assert fetch(f"{server.url}/db-ping/") == b"3", "a rolled-back row stayed"


@pytest.mark.parametrize(("kind", "database", "path"), CASES)
def test_a_pause_breaks_nothing(kind: str, database: str, path: str, running: Running) -> None:
    server, stream = running[kind, database, path]
    events = [event.json() for event in stream.events(timeout=PAUSE * 4)]
    expected = {
        "rows": [{"pk": 1, "name": "Assam"}, {"pk": 2, "name": "Ceylon"}, {"pk": 3, "name": "Sencha"}],
        "db-bursts": [{"n": n, "products": [1, 2, 3]} for n in range(3)],
        "atomic": [{"seen": 1}, {"seen": 1}],
    }[path.removeprefix("sync-").removeprefix("async-")]
    assert events == expected
    lasted = server.traced(path, "finally", timeout=30)["at"] - server.traced(path, "started", timeout=0)["at"]
    assert lasted >= PAUSE, "there was no pause to survive"


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_a_pause_breaks_nothing_in_a_testcase(database: str, project_tests: ProjectTests) -> None:
    """With both of the testing clients."""
    process, printed = project_tests[database]
    code = process.wait(120)
    said = printed.read_text()
    assert code == 0, said
    assert "Ran 6 tests" in said
