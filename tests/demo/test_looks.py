"""What a stylesheet promises, measured: contrast in light and dark, a phone's width, the focus, reduced motion."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from demo_project.catalog import tour
from tests.demo.server import DemoServer
from tests.live.browser import listen

PATHS = ["/", *(f"/examples/{example.slug}/" for example in tour.EXAMPLES)]

# Each visible piece of text against the nearest background behind it (WCAG 2.2, 1.4.3). Opacity marks what can't be used now.
CONTRASTS = """() => {
  const channels = (color) => color.match(/[\\d.]+/g).map(Number)
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    return 0.2126 * x + 0.7152 * y + 0.0722 * z
  }
  const behind = (element) => {
    for (; element; element = element.parentElement) {
      const color = channels(getComputedStyle(element).backgroundColor)
      if (color.length === 3 || color[3] === 1) return color
    }
    return [255, 255, 255]
  }
  const found = []
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement
    if (!walker.currentNode.data.trim() || !element.checkVisibility({ visibilityProperty: true })) continue
    if (element.closest("[aria-disabled=true], noscript")) continue
    const [a, b] = [luminance(channels(getComputedStyle(element).color)), luminance(behind(element))].sort((x, y) => y - x)
    found.push([(a + 0.05) / (b + 0.05), element.className, walker.currentNode.data.trim()])
  }
  return found
}"""

# What is wider than the box that shows it; code may be, since it can be scrolled by keyboard.
CUT_OFF = """() => [...document.querySelectorAll("main *")]
  .filter((element) => element.clientWidth && element.scrollWidth > element.clientWidth && element.tagName !== "PRE")
  .map((element) => element.className)"""

OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, complaints: list[str]) -> Iterator[OpenPage]:
    """`open_page(url, **context)`: a page in a context of its own, without motion unless asked."""
    contexts = []

    def get(url: str, **options: Any) -> Page:
        contexts.append(browser.new_context(**{"reduced_motion": "reduce", **options}))
        page = contexts[-1].new_page()
        listen(page, complaints)
        page.goto(url)
        return page

    yield get
    for context in contexts:
        context.close()
    assert not complaints, complaints


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_light_and_in_dark(demo: DemoServer, open_page: OpenPage, scheme: str) -> None:
    for path in ("/", "/examples/events/", "/examples/chat/"):
        page = open_page(demo.url + path, color_scheme=scheme)
        if "chat" in path:
            page.get_by_role("button", name="Send").click()
            expect(page.locator(".state .word")).to_have_text("Done")
        else:
            expect(page.locator(".state .word")).to_have_text("Ended")
        contrasts = page.evaluate(CONTRASTS)
        assert len(contrasts) > 30
        assert [found for found in contrasts if found[0] < 4.5] == [], path


def test_dark_is_dark_and_light_is_light(demo: DemoServer, open_page: OpenPage) -> None:
    paper = "() => getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
    assert max(open_page(demo.url, color_scheme="dark").evaluate(paper)) < 40
    assert min(open_page(demo.url, color_scheme="light").evaluate(paper)) > 240


def test_no_page_is_wider_than_a_phone(demo: DemoServer, open_page: OpenPage) -> None:
    page = open_page(demo.url, viewport={"width": 360, "height": 740})
    for path in PATHS:
        page.goto(demo.url + path)
        if "chat" in path:
            page.get_by_label("Your words").fill("long" * 50)
            page.get_by_role("button", name="Send").click()
            page.locator(".wire summary").click()
        # Nobody publishes here: the channel's page has only its connection to show.
        entry = ".log li" if "notifications" in path else ".log .event"
        expect(page.locator(entry).first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") == 360, path
        assert page.evaluate(CUT_OFF) == [], path
    page.goto(demo.url)
    first_code = page.locator(".hero pre")  # what the page is about: nobody should have to scroll it
    assert first_code.evaluate("e => e.scrollWidth - e.clientWidth") == 0


def test_the_keyboard_finds_the_controls_and_sees_where_it_is(demo: DemoServer, open_page: OpenPage) -> None:
    page = open_page(f"{demo.url}/examples/items/")
    expect(page.locator(".state .word")).to_have_text("Ended")
    page.keyboard.press("Tab")
    assert page.locator(":focus").text_content() == "Skip to the content"
    assert (page.locator(":focus").bounding_box() or {})["y"] > 0
    reached = []
    for _ in range(20):
        page.keyboard.press("Tab")
        focus = page.locator(":focus")
        if not focus.count():
            break
        assert focus.evaluate("e => parseFloat(getComputedStyle(e).outlineWidth)") >= 2
        reached.append(focus.evaluate("e => e.className || e.textContent.trim()"))
    assert [name for name in reached if "button" in name or name == "returns"] == [
        "button primary connect",
        "button disconnect",
        "button quiet clear",
        "returns",
    ]


def test_a_button_keeps_the_focus_when_it_has_done_its_work(halting_demo: DemoServer, open_page: OpenPage) -> None:
    page = open_page(f"{halting_demo.url}/examples/items/")
    expect(page.locator(".state .word")).to_have_text("Open")
    page.locator(".disconnect").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".state .word")).to_have_text("Disconnected")
    expect(page.locator(".disconnect")).to_be_focused()
    expect(page.locator(".disconnect")).to_have_attribute("aria-disabled", "true")


def test_what_changes_is_announced_politely(demo: DemoServer, open_page: OpenPage) -> None:
    page = open_page(demo.url)
    for path in PATHS:
        page.goto(demo.url + path)
        expect(page.get_by_role("status")).to_have_attribute("aria-live", "polite")
        expect(page.get_by_role("log").first).to_have_attribute("aria-live", "polite")


def test_nothing_moves_for_those_who_asked_for_that(demo: DemoServer, open_page: OpenPage) -> None:
    moving = "() => document.getAnimations().length"
    still = open_page(f"{demo.url}/examples/prices/")
    expect(still.locator(".log .event").nth(5)).to_be_attached()
    assert still.evaluate(moving) == 0
    lively = open_page(f"{demo.url}/examples/prices/", reduced_motion="no-preference")
    expect(lively.locator(".log .event").nth(5)).to_be_attached()
    assert lively.evaluate(moving) > 0
