"""Fixtures: a database with users, a server with dashboards, a browser whose console must stay clean."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.live.browser import chromium, listen
from tests.live.servers import ROOT, Server

SETTINGS = "tests.admin_dashboard.sample.settings"


def make_database(path: Path) -> str:
    url = f"sqlite://{path}"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.admin_dashboard.sample.setup"],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": SETTINGS, "SSE_TEST_DATABASE": url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return url


@pytest.fixture(scope="package")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    """SQLite, with a superuser `boss`, a `clerk` who may see products, and a `visitor` who is no staff."""
    return make_database(tmp_path_factory.mktemp("dashboards") / "db.sqlite3")


@pytest.fixture(scope="package")
def serve(database: str) -> Iterator[Callable[..., Server]]:
    """`serve(kind, …)` starts a server with the sample dashboards."""
    started: list[Server] = []

    def start(kind: str = "uvicorn", **options: Any) -> Server:
        env = {"DJANGO_SETTINGS_MODULE": SETTINGS, **options.pop("env", {})}
        started.append(Server(kind, database=options.pop("database", database), env=env, **options))
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.fixture(scope="package")
def server(serve: Callable[..., Server]) -> Server:
    """One that tests share."""
    return serve()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, complaints: list[str]) -> Iterator[OpenPage]:
    """`open_page(server, path, user="boss", **context)`: a page in a context of its own, signed in."""
    contexts = []

    def get(server: Server, path: str, user: str = "boss", **options: Any) -> Page:
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        listen(page, complaints)
        page.goto(f"{server.url}/sign-in/{user}/?next={path}")
        return page

    yield get
    for context in contexts:
        context.close()
    assert not complaints, complaints
