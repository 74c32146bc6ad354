"""Two users, two tabs each, on two servers, ASGI and WSGI; two more processes move rows between them without a lock."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.live.client import Stream
from tests.live.postgres import Postgres
from tests.live.servers import ROOT, Server
from tests.live.waiting import stays, until

pytestmark = pytest.mark.live

SETTINGS = {"INSTALLED_APPS": ["tests.feeds.app", "tests.feeds.live"], "ROOT_URLCONF": "tests.feeds.live.urls"}
SQLITE = {"DATABASE_DEFAULT": {"OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20}}}


class Mover:
    """Processes with the servers' settings."""

    def __init__(self, url: str, settings: dict[str, Any]) -> None:
        self.url, self.settings = url, settings
        self._environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.project.settings",
            "SSE_TEST_DATABASE": url,
            "SSE_TEST_SETTINGS": json.dumps(settings),
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.feeds.live.mover", *arguments],
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str) -> None:
        process = self.start(*arguments)
        out, _ = process.communicate(timeout=120)
        assert process.returncode == 0, out


@pytest.fixture(params=["sqlite", "postgresql"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Mover:
    if request.param == "sqlite":
        mover = Mover(f"sqlite://{tmp_path / 'live.sqlite3'}", {**SETTINGS, **SQLITE})
    else:
        server: Postgres = request.getfixturevalue("postgresql")
        mover = Mover(server.create("moving"), SETTINGS)
    mover.run("migrate")
    return mover


class Tab:
    """A page that follows its customer's orders."""

    def __init__(self, server: Server, customer: int) -> None:
        self.stream = Stream(f"{server.url}/orders/live/?customer={customer}", timeout=20)
        self.rows: dict[int, str] = {}
        self.wrong: list[Any] = []
        self.read(self.stream.event())

    def read(self, event: Any) -> None:
        data = event.json()
        if event.event == "snapshot":
            self.rows = {row["id"]: row["total"] for row in data}
        elif event.event == "deleted":
            if self.rows.pop(data["pk"], None) is None:
                self.wrong.append(("deleted, and never there", data))
        else:
            if (event.event == "created") == (data["id"] in self.rows):
                self.wrong.append((event.event, data, self.rows.get(data["id"])))
            self.rows[data["id"]] = data["total"]

    def catch_up(self) -> None:
        try:
            while True:
                self.read(self.stream.event(0.01))
        except TimeoutError:
            pass


@pytest.fixture
def tabs(site: Mover) -> Iterator[list[tuple[int, Server, Tab]]]:
    with ExitStack() as stack:
        servers = [
            stack.enter_context(Server(kind, database=site.url, settings=site.settings))
            for kind in ("uvicorn", "gunicorn-gthread")
        ]
        opened = [(customer, server, Tab(server, customer)) for customer in (1, 2) for server in servers]
        for _, _, tab in opened:
            stack.callback(tab.stream.close)
        yield opened


def test_each_sees_what_it_may_while_rows_move(site: Mover, tabs: list[tuple[int, Server, Tab]]) -> None:
    movers = [site.start("move", str(seed), "120") for seed in (1, 2)]
    for mover in movers:
        out, _ = mover.communicate(timeout=120)
        assert mover.returncode == 0, out
    for customer, server, tab in tabs:
        fresh = Tab(server, customer)
        fresh.stream.close()

        def agrees(tab: Tab = tab, fresh: Tab = fresh) -> bool:
            tab.catch_up()
            return tab.rows == fresh.rows

        try:
            until(agrees, 15, "the tab shows what a new one shows")
        except AssertionError as error:
            error.add_note(f"customer {customer} on {server}: {tab.rows} instead of {fresh.rows}")
            raise
        assert tab.wrong == []


def test_streams_that_wait_hold_no_connection(postgresql: Postgres) -> None:
    site = Mover(postgresql.create("waiting"), SETTINGS)
    site.run("migrate")
    for kind in ("uvicorn", "gunicorn-gthread"):
        with Server(kind, database=site.url, settings=site.settings) as server, ExitStack() as stack:
            for _ in range(20):
                stack.callback(Tab(server, 1).stream.close)

            # The process's own: one that reads, one that looks up history, one that listens.
            def few(server: Server = server) -> bool:
                return postgresql.connections(server.name) <= 3

            until(few, 10, f"{kind}: the streams' connections are closed")
            stays(few, 1.0, "few connections")
