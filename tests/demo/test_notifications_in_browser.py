"""The channel's page: two browsers, a publisher in a process of its own, and a server that is killed in between.

On each engine that `make demo ENGINE=` has; here the engine outlives the server.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.demo.conftest import QUICK
from tests.demo.server import DemoServer, manage
from tests.engines.valkey import Valkey
from tests.live.browser import listen
from tests.live.postgres import Postgres
from tests.live.waiting import until


def tell(database: Path, text: str) -> None:
    manage(database, "sse_publish", "notifications", json.dumps({"text": text}), "--event", "note")


def texts(page: Page) -> list[str]:
    return [json.loads(data)["text"] for data in page.locator(".log .event .data").all_text_contents()]


@pytest.fixture(params=["SQLite", "Valkey", "PostgreSQL"])
def engine(request: pytest.FixtureRequest, database: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Its name. All that runs the demo in this test uses it."""
    if request.param == "Valkey":
        valkey: Valkey = request.getfixturevalue("valkey")
        monkeypatch.setenv("DEMO_ENGINE", valkey.url)
    elif request.param == "PostgreSQL":
        postgresql: Postgres = request.getfixturevalue("postgresql")
        monkeypatch.setenv("DEMO_ENGINE", postgresql.create("demo_in_browser"))
        manage(database, "migrate", "--verbosity", "0")
        manage(database, "seed")
    return str(request.param)


@pytest.fixture
def other_page(browser: Browser, complaints: list[str]) -> Iterator[Page]:
    """Of another browser: it shares neither cookies nor connections with `page`."""
    context = browser.new_context()
    page = context.new_page()
    listen(page, complaints)
    yield page
    context.close()


def test_what_a_terminal_publishes_is_seen_in_two_browsers_and_a_killed_server_loses_nothing(
    engine: str, database: Path, page: Page, other_page: Page, complaints: list[str]
) -> None:
    pages = (page, other_page)
    with DemoServer(database, pace=QUICK) as server:
        for each in pages:
            each.goto(f"{server.url}/examples/notifications/")
            if engine != "SQLite":
                expect(each.locator("main")).to_contain_text(f"The events are in {engine}")
        # An open connection is not yet a place in the log, and no page can see when it has become one: it has by the time
        # that something arrives.
        until(lambda: tell(database, "hello") or all(map(texts, pages)), 90, "both pages hear")
        port = server.port
    tell(database, "while it is away")
    with DemoServer(database, pace=QUICK, port=port):
        tell(database, "when it is back")
        for each in pages:
            expect(each.locator(".log .event").last).to_contain_text("when it is back")
            heard = texts(each)
            assert heard[-2:] == ["while it is away", "when it is back"]
            assert set(heard[:-2]) == {"hello"}
            each.goto("about:blank")  # it need not hear of the server's end
    complaints.clear()  # the connections that were refused while the server was away
