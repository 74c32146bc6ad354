"""<event-stream>: declared in HTML, on a page whose policy allows no script but the module."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.server import SiteServer
from tests.live.waiting import stays, until

OpenPage = Callable[[str], Page]

LISTEN = """() => {
  window.heard = []
  for (const name of ["created", "deleted", "updated", "message", "stream-reset", "stream-state"]) {
    addEventListener(name, ({ type, detail, target }) => heard.push([type, detail, target.localName]))
  }
}"""


@pytest.fixture
def page(open_page: OpenPage, site: SiteServer) -> Page:
    page = open_page(f"{site.url}/element/")
    page.evaluate(LISTEN)
    expect(page.locator("event-stream")).to_have_attribute("state", "open")
    until(lambda: page.evaluate("document.querySelector('event-stream').lastEventId"), 20, "a cursor")
    return page


def heard(page: Page) -> list[list[object]]:
    return [each for each in page.evaluate("heard") if each[0] != "stream-state"]


def test_its_events_bubble_with_their_data_as_detail(page: Page, site: SiteServer) -> None:
    site.send("orders", {"pk": 1}, "created")
    site.send("orders", {"pk": 1}, "updated")  # not among its `events`
    site.send("orders", 1, "deleted")
    until(lambda: len(heard(page)) >= 2, 20, "two events")
    assert heard(page) == [["created", {"pk": 1}, "event-stream"], ["deleted", 1, "event-stream"]]


def test_its_state_is_an_attribute_and_an_event(page: Page, site: SiteServer) -> None:
    page.evaluate("document.querySelector('event-stream').close()")
    expect(page.locator("event-stream")).to_have_attribute("state", "closed")
    assert page.evaluate("heard").pop() == ["stream-state", "closed", "event-stream"]
    until(lambda: site.all_streams() == 0, 20, "closed on the server")


def test_moved_within_the_page_it_keeps_its_connection(page: Page, site: SiteServer) -> None:
    for move in ("append(e)", "moveBefore?.(e, null)"):
        page.evaluate(
            "(move) => { const e = document.querySelector('event-stream'); MOVE }".replace("MOVE", f"b.{move}")
        )
        expect(page.locator("aside event-stream")).to_have_attribute("state", "open")
        page.evaluate("a.append(document.querySelector('event-stream'))")
        site.send("orders", move, "created")
        until(lambda move=move: ["created", move, "event-stream"] in heard(page), 20, "heard")  # type: ignore[misc]
    assert [state for name, state, _ in page.evaluate("heard") if name == "stream-state"] in ([], ["open"])


def test_taken_out_it_closes_and_put_back_it_goes_on(page: Page, site: SiteServer) -> None:
    site.send("orders", 1, "created")
    until(lambda: len(heard(page)) == 1, 20, "one event")
    page.evaluate("window.taken = document.querySelector('event-stream'); taken.remove()")
    until(lambda: site.all_streams() == 0, 20, "closed on the server")
    site.send("orders", 2, "created")
    page.evaluate("b.append(taken)")
    until(lambda: len(heard(page)) == 2, 20, "what it missed")
    assert [detail for _, detail, _ in heard(page)] == [1, 2]


def test_another_src_is_another_stream(page: Page, site: SiteServer) -> None:
    page.evaluate(
        """() => {
          const element = document.querySelector("event-stream")
          element.removeAttribute("events")
          element.setAttribute("src", "/channel/other/")
        }"""
    )
    until(lambda: site.streams("/channel/other/") == 1, 20, "open")
    until(lambda: page.evaluate("document.querySelector('event-stream').lastEventId"), 20, "a cursor")
    site.send("orders", 1, "created")
    site.send("other", 2)
    until(lambda: heard(page), 20, "an event")
    stays(lambda: heard(page) == [["message", 2, "event-stream"]], 0.5, "nothing of the first")
    page.evaluate("document.querySelector('event-stream').removeAttribute('src')")
    until(lambda: site.all_streams() == 0, 20, "closed on the server")


def test_a_reset_is_an_event_like_any_other(page: Page) -> None:
    page.evaluate(
        """() => {
          const element = document.createElement("event-stream")
          element.setAttribute("src", "/channel/other/")
          element.setAttribute("last-event-id", "fff-1-ab")
          b.append(element)
        }"""
    )
    until(lambda: heard(page), 20, "a reset")
    assert heard(page) == [["stream-reset", {"reason": "epoch"}, "event-stream"]]


def test_a_module_under_two_addresses_is_no_quarrel(page: Page) -> None:
    """With hashed names, `{% static %}` and an import from another module lead to two copies."""
    assert page.evaluate("import('/static/sse_django/sse.js?copy').then(({ connect }) => typeof connect)") == "function"
