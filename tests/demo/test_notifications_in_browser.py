"""The channel's page: two browsers, a publisher in a process of its own, and a server that is killed in between."""

import json
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.demo.conftest import QUICK
from tests.demo.server import DemoServer, manage
from tests.live.waiting import until


def tell(database: Path, text: str) -> None:
    manage(database, "sse_publish", "notifications", json.dumps({"text": text}), "--event", "note")


def texts(page: Page) -> list[str]:
    return [json.loads(data)["text"] for data in page.locator(".log .event .data").all_text_contents()]


def test_what_a_terminal_publishes_is_seen_in_two_browsers_and_a_killed_server_loses_nothing(
    database: Path, page: Page, complaints: list[str]
) -> None:
    with DemoServer(database, pace=QUICK) as server:
        second = page.context.new_page()
        for each in (page, second):
            each.goto(f"{server.url}/examples/notifications/")
        # An open connection is not yet a place in the log, and no page can see when it has become one: it has by the time
        # that something arrives.
        until(lambda: tell(database, "hello") or all(map(texts, (page, second))), 30, "both pages hear")
        port = server.port
    tell(database, "while it is away")
    with DemoServer(database, pace=QUICK, port=port):
        tell(database, "when it is back")
        for each in (page, second):
            expect(each.locator(".log .event").last).to_contain_text("when it is back")
            heard = texts(each)
            assert heard[-2:] == ["while it is away", "when it is back"]
            assert set(heard[:-2]) == {"hello"}
        second.close()
    complaints.clear()  # the connections that were refused while the server was away
