"""The demo's pages about its own streams."""

import json
from typing import Any

from playwright.sync_api import Page, expect

from tests.demo.server import DemoServer
from tests.live.client import Stream, StreamEnded, fetch
from tests.openapi.describe import fits


def _first_events(url: str) -> list[dict[str, Any]]:
    """Up to three events, as OpenAPI sees them; none of a stream that has none soon, or that isn't for everybody."""
    events: list[dict[str, Any]] = []
    with Stream(url) as stream:
        try:
            while stream.status == 200 and len(events) < 3:
                event = stream.event(2)
                events.append({"event": event.event, "data": event.data})
        except (StreamEnded, TimeoutError):
            pass
    return events


def test_index_leads_to_the_pages_about_streams(demo: DemoServer, page: Page) -> None:
    page.goto(demo.url)
    page.get_by_role("link", name="Streams", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Streams")
    for path in ("/items/stream", "/chat/stream", "/prices/stream"):
        expect(page.locator(".route", has_text=path).first).to_be_visible()


def test_an_example_can_be_opened_there(demo: DemoServer, page: Page) -> None:
    page.goto(f"{demo.url}/streams/resume/")
    page.get_by_label("Last-Event-ID").fill("0")
    page.get_by_role("button", name="Open").click()
    expect(page.locator(".state .word")).to_have_text("Ended")
    expect(page.locator(".log .event .data")).to_have_text(
        ['{"name":"Portal Gun","price":999.99}', '{"name":"Meeseeks Box","price":49.99}']
    )


def test_the_chat_takes_a_body_there(demo: DemoServer, page: Page) -> None:
    page.goto(f"{demo.url}/streams/chat/")
    page.locator(".body").fill('{"text": "one two"}')
    page.get_by_role("button", name="Open").click()
    expect(page.locator(".log .event .data")).to_have_text(['"one"', '"two"', "[DONE]"])


def test_every_stream_of_the_demo_has_a_page(demo: DemoServer, page: Page) -> None:
    page.goto(f"{demo.url}/streams/")
    links = page.locator(".streams a")
    hrefs = [links.nth(n).get_attribute("href") for n in range(links.count())]
    assert len(hrefs) > 12
    for href in hrefs:
        page.goto(f"{demo.url}/streams/{href}")
        expect(page.get_by_role("button", name="Open")).to_be_visible()


def test_what_the_demo_sends_fits_what_it_says_of_it(demo: DemoServer) -> None:
    made = json.loads(fetch(f"{demo.url}/streams/openapi.json"))
    read = 0
    for path, methods in made["paths"].items():
        described = methods.get("get")
        if described is None or "security" in described or "{" in path:
            continue
        listed = described["responses"]["200"]["content"]["text/event-stream"]["itemSchema"]["oneOf"]
        for event in _first_events(demo.url + path):
            fitting = [one["title"] for one in listed if fits(event, one, made)]
            assert len(fitting) == 1, (path, event, fitting)
            read += 1
    assert read > 25  # the seed's streams have three each
