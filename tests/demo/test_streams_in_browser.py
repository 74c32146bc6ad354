"""The pages' EventSources in a real Chromium: what is shown, how a stream ends, what a crash of the server costs."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from demo_project.catalog import tour
from tests.demo.conftest import NEVER, QUICK
from tests.demo.server import DemoServer
from tests.live.browser import listen
from tests.live.waiting import stays, until

#: Seconds that EventSource waits before it asks again, if the server doesn't say; Chromium's choice, and some more.
RECONNECT = 3.5

SHOWN = {
    "items": ("message", ["Plumbus", "Portal Gun", "Meeseeks Box"]),
    "no-async": ("message", ["Plumbus", "Portal Gun", "Meeseeks Box"]),
    "no-annotation": ("message", ["Plumbus", "Portal Gun", "Meeseeks Box"]),
    "no-async-no-annotation": ("message", ["Plumbus", "Portal Gun", "Meeseeks Box"]),
    "events": ("item_update", ["Plumbus", "Portal Gun", "Meeseeks Box"]),
    "resume": ("message", ["Plumbus", "Portal Gun", "Meeseeks Box"]),
    "sync-orm": ("message", ["Enamel mug", "Field notebook", "Brass ruler", "Pocket torch", "Canvas bag"]),
}


def state(page: Page) -> Locator:
    return page.locator(".state .word")


def shown(page: Page, part: str) -> list[str]:
    """One part (name, id, data) of each event in the log, in order."""
    return page.locator(f".log .event .{part}").all_text_contents()


def names_of_items(page: Page) -> list[str]:
    return [json.loads(data)["name"] for data in shown(page, "data")]


def test_the_index_links_every_example_and_shows_one_at_work(demo: DemoServer, page: Page) -> None:
    page.goto(demo.url)
    expect(page.locator(".log .event")).to_have_count(3)
    expect(state(page)).to_have_text("Ended")
    links = page.locator("#examples a")
    count = len(tour.EXAMPLES)  # what follows is no part of the tour
    assert links.locator(".title").all_text_contents()[:count] == [example.title for example in tour.EXAMPLES]
    addresses = links.evaluate_all("links => links.map((link) => link.pathname)")
    assert addresses[:count] == [f"/examples/{example.slug}/" for example in tour.EXAMPLES]
    assert addresses[count:] == ["/tasks/htmx/", "/tasks/datastar/"]


def test_the_tour_leads_through_every_example(demo: DemoServer, page: Page) -> None:
    page.goto(demo.url)
    page.get_by_role("link", name="Take the tour").click()
    for example in tour.EXAMPLES:
        expect(page.locator("h1")).to_have_text(example.title)
        if example is not tour.EXAMPLES[-1]:
            page.locator("[rel=next]").click()
    assert page.locator("[rel=next]").count() == 0


@pytest.mark.parametrize("slug", SHOWN)
def test_a_page_shows_the_events_of_its_stream(demo: DemoServer, page: Page, slug: str) -> None:
    name, items = SHOWN[slug]
    page.goto(f"{demo.url}/examples/{slug}/")
    expect(page.locator(".log .event")).to_have_count(len(items))
    assert names_of_items(page) == items
    assert set(shown(page, "name")) == {name}
    expect(page.locator(".numbers .count")).to_have_text(str(len(items)))
    assert all(re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3}", time) for time in shown(page, "time"))


def test_ids_are_shown_with_the_events(demo: DemoServer, page: Page) -> None:
    page.goto(f"{demo.url}/examples/events/")
    expect(page.locator(".log .event")).to_have_count(3)
    assert shown(page, "id") == ["id 1", "id 2", "id 3"]
    expect(page.locator(".last-id")).to_have_text("3")


def test_raw_data_is_shown_as_it_is(demo: DemoServer, page: Page) -> None:
    page.goto(f"{demo.url}/examples/logs/")
    expect(page.locator(".log .event")).to_have_count(3)
    assert shown(page, "data") == [
        "2025-01-01 INFO Application started",
        "2025-01-01 DEBUG Connected to database",
        "2025-01-01 WARN High memory usage detected",
    ]


def test_an_endless_stream_stays_open_until_it_is_disconnected(demo: DemoServer, page: Page) -> None:
    page.goto(f"{demo.url}/examples/prices/")
    expect(page.locator(".log .event").nth(13)).to_be_visible()
    expect(state(page)).to_have_text("Open")
    page.get_by_role("button", name="Disconnect", exact=True).click()
    expect(state(page)).to_have_text("Disconnected")
    count = page.locator(".numbers .count").text_content()
    stays(lambda: page.locator(".numbers .count").text_content() == count, 0.5, "no event after the disconnect")


def test_an_endless_stream_does_not_fill_the_page(demo: DemoServer, page: Page) -> None:
    page.goto(f"{demo.url}/examples/prices/")
    until(lambda: int(page.locator(".numbers .count").text_content() or 0) > 210, 30, "more events than rows")
    assert page.locator(".log li").count() == 200


def test_events_show_while_the_view_still_waits(halting_demo: DemoServer, page: Page) -> None:
    page.goto(f"{halting_demo.url}/examples/items/")
    expect(page.locator(".log .event")).to_have_count(1)
    expect(state(page)).to_have_text("Open")


def test_connect_goes_on_where_disconnect_stopped(halting_demo: DemoServer, page: Page) -> None:
    page.goto(f"{halting_demo.url}/examples/resume/")
    for number in range(3):
        expect(page.locator(".log .event")).to_have_count(number + 1)
        page.get_by_role("button", name="Disconnect", exact=True).click()
        expect(state(page)).to_have_text("Disconnected")
        page.get_by_role("button", name="Connect", exact=True).click()
    expect(state(page)).to_have_text("Closed by the server")
    assert shown(page, "id") == ["id 0", "id 1", "id 2"]
    assert [request.target for request in halting_demo.requests("/resume/items/stream")] == [
        "/resume/items/stream",
        "/resume/items/stream?last_event_id=0",
        "/resume/items/stream?last_event_id=1",
        "/resume/items/stream?last_event_id=2",
    ]


def test_clear_forgets_where_the_stream_was(halting_demo: DemoServer, page: Page) -> None:
    page.goto(f"{halting_demo.url}/examples/async-orm/")
    expect(page.locator(".last-id")).to_have_text("1")
    page.get_by_role("button", name="Disconnect", exact=True).click()
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(".log li")).to_have_count(0)
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(page.locator(".last-id")).to_have_text("1")
    assert halting_demo.requests("/async-orm/products/stream")[-1].target == "/async-orm/products/stream"


def test_finite_streams_end_as_they_should(demo: DemoServer, context: BrowserContext, complaints: list[str]) -> None:
    """Three streams that end, watched together since each takes EventSource's own pause.

    One with ids: the browser comes back, gets 204 and never asks again. One without: the page closes it. One without, left
    to the browser: it comes back and has everything twice.
    """
    before = {path: len(demo.requests(path)) for path in ("/resume/items/stream", "/logs/stream", "/items/stream")}
    pages = {slug: context.new_page() for slug in ("resume", "logs", "items")}
    for slug, page in pages.items():
        listen(page, complaints)
        page.goto(f"{demo.url}/examples/{slug}/")
    expect(state(pages["items"])).to_have_text("Ended")
    pages["items"].get_by_role("button", name="Clear").click()
    pages["items"].get_by_label("Let the browser reconnect").check()
    pages["items"].get_by_role("button", name="Connect", exact=True).click()

    def statuses(path: str) -> list[int]:
        return [request.status for request in demo.requests(path)[before[path] :]]

    expect(state(pages["resume"])).to_have_text("Closed by the server")
    expect(pages["resume"].locator(".why")).to_contain_text("204: nothing is left after id 2")
    assert shown(pages["resume"], "id") == ["id 0", "id 1", "id 2"]
    assert statuses("/resume/items/stream") == [200, 204]

    expect(pages["items"].locator(".log .event")).to_have_count(6)
    pages["items"].get_by_role("button", name="Disconnect", exact=True).click()
    assert names_of_items(pages["items"]) == 2 * ["Plumbus", "Portal Gun", "Meeseeks Box"]
    assert statuses("/items/stream") == [200, 200, 200]  # the page's first, its second, and the browser's own

    expect(state(pages["logs"])).to_have_text("Ended")
    asked = {path: len(demo.requests(path)) for path in before}
    stays(lambda: {path: len(demo.requests(path)) for path in before} == asked, RECONNECT, "nobody asks again")
    assert statuses("/logs/stream") == [200]
    assert statuses("/resume/items/stream") == [200, 204]
    assert complaints == []


def test_a_killed_server_costs_no_event(database: Path, context: BrowserContext, complaints: list[str]) -> None:
    wanted = {
        "resume": ("/resume/items/stream", range(3)),
        "async-orm": ("/async-orm/products/stream", range(1, 13)),
    }
    pages = {slug: context.new_page() for slug in wanted}
    with DemoServer(database, pace=NEVER) as first:
        for slug, page in pages.items():
            listen(page, complaints)
            page.goto(f"{first.url}/examples/{slug}/")
            expect(page.locator(".log .event")).to_have_count(1)
        first.kill()
        for page in pages.values():
            expect(state(page)).to_have_text("Reconnecting")
    with DemoServer(database, pace=QUICK, port=first.port) as second:
        for slug, (path, ids) in wanted.items():
            page = pages[slug]
            expect(page.locator(".log .event")).to_have_count(len(ids))
            expect(state(page)).to_have_text("Closed by the server")
            assert shown(page, "id") == [f"id {number}" for number in ids]
            assert [request.status for request in second.requests(path)] == [200, 204]
    # That the server was gone is all that a console may say.
    until(lambda: len(complaints) >= 2, 5, "the consoles say that the server was gone")
    gone = ("net::ERR_CONNECTION_REFUSED", "net::ERR_INCOMPLETE_CHUNKED_ENCODING", "net::ERR_CONNECTION_RESET")
    assert all(any(error in complaint for error in gone) for complaint in complaints), complaints
