"""Fixtures of the live tests: databases, servers that tests share, a name for each stream, a browser."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.live.browser import chromium
from tests.live.postgres import Postgres
from tests.live.servers import ROOT, Server
from tests.live.waiting import on_this_machine

FIXTURE = "tests/live/products.json"


def migrate(database: str) -> None:
    """Make the tables and the three products that the views stream."""
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.project.settings", "SSE_TEST_DATABASE": database}
    script = (
        "import django; django.setup()\n"
        "from django.core.management import call_command\n"
        "call_command('migrate', verbosity=0)\n"
        f"call_command('loaddata', {FIXTURE!r}, verbosity=0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def sqlite_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A SQLite database with the products in it."""
    path: Path = tmp_path_factory.mktemp("database") / "live.sqlite3"
    url = f"sqlite://{path}"
    migrate(url)
    return url


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    server = Postgres()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres_url(postgres: Postgres) -> str:
    """A PostgreSQL database with the products in it."""
    url = postgres.create("live")
    migrate(url)
    return url


@pytest.fixture(scope="session")
def database_url(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """The address of the database `sqlite` or `postgres`, started when first asked for."""
    return lambda name: str(request.getfixturevalue(f"{name}_url"))


@pytest.fixture(scope="session", autouse=True)
def _leave_nothing_behind() -> Iterator[None]:
    """End by SIGTERM (a job's time limit) as by Ctrl-C, so that the servers are stopped."""
    before = signal.signal(signal.SIGTERM, lambda *_: pytest.exit("SIGTERM", returncode=143))
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session")
def _pool() -> Iterator[dict[str, Server]]:
    servers: dict[str, Server] = {}
    yield servers
    for server in servers.values():
        server.stop()


StartServer = Callable[..., Server]


@pytest.fixture
def shared_server(_pool: dict[str, Server], database_url: Callable[[str], str]) -> StartServer:
    """`shared_server(kind, database="sqlite", **options)`: a server that other tests with the same options use too."""

    def get(kind: str, *, database: str = "sqlite", **options: Any) -> Server:
        key = repr((kind, database, sorted(options.items())))
        if key not in _pool:
            _pool[key] = Server(kind, database=database_url(database), **options)
        return _pool[key]

    return get


@pytest.fixture
def own_server(database_url: Callable[[str], str]) -> Iterator[StartServer]:
    """`own_server(kind, database="sqlite", **options)`: a server for this test alone, which it may stop."""
    started: list[Server] = []

    def start(kind: str, *, database: str = "sqlite", **options: Any) -> Server:
        server = Server(kind, database=database_url(database), **options)
        started.append(server)
        return server

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def limit() -> float:
    """Seconds from the signal to the end of the last process."""
    return on_this_machine(3.0)


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A name for the test's stream in the trace, unlike any other test's."""
    return "".join(char if char.isalnum() else "-" for char in request.node.name)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for a module's tests. Not for longer: while it is open, this thread can't run async tests."""
    with chromium() as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page with cookies and storage of its own. A script error on it fails the test."""
    context = browser.new_context()
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert not errors, f"script errors on the page: {errors}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say by a marker what is live, for `-m "not live"`; the limit on each test is the waits' own."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.live)
