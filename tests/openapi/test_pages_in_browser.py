"""The page of a stream, in a real browser: opens it, sends a body, shows what comes, cuts the line."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.demo.test_looks import CONTRASTS

pytestmark = pytest.mark.live

CUT_OFF = """() => [...document.querySelectorAll("main *")]
  .filter((element) => element.clientWidth && element.scrollWidth > element.clientWidth
    && !["PRE", "TEXTAREA", "INPUT"].includes(element.tagName))
  .map((element) => element.className)"""


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).click()


def state(page: Page, word: str) -> None:
    expect(page.locator(".state .word")).to_have_text(word)


def rows(page: Page) -> list[str]:
    """The rows that came: an event's fields and data."""
    return page.locator(".log .event").all_inner_texts()


def test_list_leads_to_each_stream(page: Page, origin: str) -> None:
    page.goto(f"{origin}/streams/")
    page.get_by_role("link", name="The rows of a table").click()
    expect(page).to_have_url(f"{origin}/streams/rows/")
    page.get_by_role("link", name="Streams").click()
    expect(page).to_have_url(f"{origin}/streams/")


def test_stream_opens_with_what_the_form_says(page: Page, origin: str) -> None:
    page.goto(f"{origin}/streams/rows/")
    page.get_by_label("start path").fill("40")
    page.get_by_label("label query").fill("ä & b")
    press(page, "Open")
    expect(page.locator(".log .event")).to_have_count(2)
    expect(page.locator(".log .event .data").first).to_have_text('{"number":40,"label":"ä & b"}')
    expect(page.locator(".log .event").first).to_contain_text("row")
    expect(page.locator(".log .event").first).to_contain_text("id 40")
    expect(page.locator(".log .event").first).to_contain_text("retry 100")
    expect(page.get_by_label("Last-Event-ID")).to_have_value("41")
    expect(page.locator(".numbers .retry")).to_have_text("0.1 s")
    state(page, "Open")


def test_pings_are_seen_and_counted_in_one_entry(page: Page, origin: str) -> None:
    page.goto(f"{origin}/streams/rows/")
    press(page, "Open")
    expect(page.locator(".log [data-pings]").last).to_have_text(re.compile(r"ping \u00d7 \d\d"))
    expect(page.locator(".log [data-pings]")).to_have_count(1)


def test_line_that_is_cut_comes_back_and_goes_on(page: Page, origin: str) -> None:
    page.goto(f"{origin}/streams/rows/")
    press(page, "Open")
    expect(page.locator(".log .event")).to_have_count(2)
    with page.expect_request("**/tables/**") as request:
        press(page, "Cut the line")
        expect(page.locator(".log .event")).to_have_count(4)
    assert request.value.headers["last-event-id"] == "2"
    assert [text for text in page.locator(".log .field").all_inner_texts() if text.startswith("id")] == [
        "id 1",
        "id 2",
        "id 3",
        "id 4",
    ]
    expect(page.locator(".log")).to_contain_text("Back in 0.1 s with 2.")
    press(page, "Stop")
    state(page, "Closed")


def test_post_sends_the_body_and_the_csrf_token(page: Page, origin: str) -> None:
    page.goto(f"{origin}/streams/chat/")
    page.locator(".body").fill('{"text": "one two"}')
    press(page, "Open")
    state(page, "Ended")
    expect(page.locator(".log .event .data")).to_have_text(['"one"', '"two"', "[DONE]"])
    expect(page.locator(".log .event .name")).to_have_text(["token", "token", "done"])


def test_body_that_does_not_fit_shows_the_answer(page: Page, origin: str, complaints: list[str]) -> None:
    page.goto(f"{origin}/streams/chat/")
    page.locator(".body").fill('{"txt": 1}')
    press(page, "Open")
    state(page, "Refused")
    expect(page.locator(".log")).to_contain_text("422")
    expect(page.locator(".log")).to_contain_text("Field required")
    assert all("422" in complaint for complaint in complaints)
    complaints.clear()


def test_status_that_is_no_stream_is_said(page: Page, origin: str, complaints: list[str]) -> None:
    page.goto(f"{origin}/streams/rows/")
    page.get_by_label("table path").fill("lost")
    press(page, "Open")
    state(page, "Refused")
    expect(page.locator(".log")).to_contain_text("404 Not Found")
    complaints.clear()


def test_finished_stream_says_that_nothing_is_left(page: Page, origin: str) -> None:
    page.goto(f"{origin}/streams/finite/")
    press(page, "Open")
    state(page, "Ended")
    expect(page.get_by_label("Last-Event-ID")).to_have_value("3")
    press(page, "Open")
    expect(page.locator(".log")).to_contain_text("204: nothing comes after that id")
    press(page, "Clear")
    expect(page.get_by_label("Last-Event-ID")).to_have_value("")
    expect(page.locator(".log li")).to_have_count(0)
    press(page, "Open")
    expect(page.locator(".log .event")).to_have_count(3)


def test_resets_errors_comments_and_lone_ids_are_shown(page: Page, origin: str) -> None:
    page.goto(f"{origin}/streams/forgetful/")
    press(page, "Open")
    state(page, "Ended")
    expect(page.locator(".log .ours .name")).to_have_text(["stream-reset", "stream-error"])
    expect(page.locator(".log .quiet .name")).to_have_text(["comment", "id alone"])
    expect(page.locator(".log .quiet").first).to_contain_text(": a word between us")
    expect(page.get_by_label("Last-Event-ID")).to_have_value("10")


def test_more_events_than_can_be_shown_are_counted(page: Page, origin: str) -> None:
    page.goto(f"{origin}/streams/quick/")
    press(page, "Open")
    state(page, "Ended")
    expect(page.locator(".numbers .events")).to_have_text("5000")
    assert page.locator(".log li").count() <= 300
    expect(page.locator(".log .event .data").last).to_have_text("4999")


def test_command_for_a_terminal_follows_the_form(page: Page, origin: str) -> None:
    page.goto(f"{origin}/streams/rows/")
    page.get_by_label("table path").fill("it's")
    page.get_by_label("Last-Event-ID").fill("7")
    expect(page.locator(".curl")).to_contain_text(f"-H 'Last-Event-ID: 7' \\\n  '{origin}/tables/it'\\''s/from/1/'")


def test_everything_can_be_done_by_keyboard(page: Page, origin: str) -> None:
    page.goto(f"{origin}/streams/rows/")
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to the content"
    reached = []
    for _ in range(30):
        page.keyboard.press("Tab")
        focus = page.locator(":focus")
        if not focus.count():
            break
        assert focus.evaluate("e => parseFloat(getComputedStyle(e).outlineWidth)") >= 2
        reached.append(focus.evaluate("e => e.name || e.className || e.tagName"))
    assert [name for name in reached if name in ("table", "start", "label", "last-id", "log") or "button" in name] == [
        "table",
        "start",
        "label",
        "last-id",
        "button primary open",
        "button cut",
        "button stop",
        "button quiet clear",
        "log",
    ]
    page.get_by_label("table path").press("Enter")
    state(page, "Open")
    page.locator(".stop").focus()
    page.keyboard.press("Enter")
    state(page, "Closed")
    expect(page.locator(".stop")).to_be_focused()


def test_nothing_is_wider_than_a_phone(browser: Browser, origin: str) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740})
    page = context.new_page()
    for name in ("", "rows/", "chat/", "forgetful/"):
        page.goto(f"{origin}/streams/{name}")
        if name:
            press(page, "Open")
            expect(page.locator(".log .event").first).to_be_attached()
            command = page.locator("pre:has(.curl)")
            assert command.evaluate("e => e.scrollWidth - e.clientWidth") == 0, name
        assert page.evaluate("document.documentElement.scrollWidth") == 360, name
        assert page.evaluate(CUT_OFF) == [], name
    context.close()


@pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
def test_page_follows_the_readers_colours(browser: Browser, origin: str, scheme: str, dark: bool) -> None:
    context = browser.new_context(color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{origin}/streams/rows/")
    channels = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert (max(channels) < 40) is dark
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_light_and_in_dark(browser: Browser, origin: str, scheme: str) -> None:
    context = browser.new_context(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    page = context.new_page()
    for name in ("", "rows/", "chat/", "forgetful/"):
        page.goto(f"{origin}/streams/{name}")
        if name:
            press(page, "Open")
            expect(page.locator(".log .event").first).to_be_attached()
        contrasts = page.evaluate(CONTRASTS)
        assert len(contrasts) > 10
        assert [found for found in contrasts if found[0] < 4.5] == [], name
    context.close()
