"""The chat page: a POST, read by sse.js."""

from playwright.sync_api import Page, expect

from tests.demo.server import DemoServer


def test_an_answer_comes_token_by_token_and_says_that_it_is_done(demo: DemoServer, page: Page) -> None:
    page.goto(f"{demo.url}/examples/chat/")
    page.get_by_label("Your words").fill("one two  three")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".state .word")).to_have_text("Done")
    expect(page.locator(".talk .you")).to_have_text("one two  three")
    expect(page.locator(".talk .reply")).to_have_text("one two three")
    page.locator(".wire summary").click()
    assert page.locator(".wire .event .name").all_text_contents() == ["token", "token", "token", "done"]
    assert page.locator(".wire .event .data").all_text_contents() == ['"one"', '"two"', '"three"', "[DONE]"]


def test_tokens_show_while_the_answer_still_runs_and_stop_ends_it(halting_demo: DemoServer, page: Page) -> None:
    page.goto(f"{halting_demo.url}/examples/chat/")
    page.get_by_label("Your words").fill("first second")
    page.get_by_label("Your words").press("Enter")
    expect(page.locator(".talk .reply")).to_have_text("first")
    expect(page.locator(".state .word")).to_have_text("Answering")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".state .word")).to_have_text("Stopped")
    expect(page.locator(".talk .reply")).to_have_attribute("data-end", "disconnected")
    # The chat is ready for the next one.
    page.get_by_label("Your words").fill("again")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".talk .reply").last).to_have_text("again")


def test_a_refusal_is_said(demo: DemoServer, page: Page, complaints: list[str]) -> None:
    page.goto(f"{demo.url}/examples/chat/")
    page.context.clear_cookies()
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".state .word")).to_have_text("Refused")
    expect(page.locator(".talk .reply")).to_have_text("The server refused with 403.")
    assert ["status of 403" in complaint for complaint in complaints] == [True]
    complaints.clear()
