"""The chat page: a POST read by fetch, and the parser behind it."""

from playwright.sync_api import Page, expect

from tests.demo.server import DemoServer

PARSE = """async ([bytes, sizes]) => {
  const { EventParser } = await import("/static/catalog/parser.js")
  const read = (parts) => {
    const parser = new EventParser()
    return parts.flatMap((part) => parser.feed(part))
  }
  const cut = (size) => bytes.match(new RegExp(`[^]{1,${size}}`, "g"))
  return sizes.map((size) => read(cut(size)))
}"""


def parsed(page: Page, text: str) -> list[list[object]]:
    """The events as (type, data, id), after seeing that it makes no difference where the text is cut."""
    one, *others = page.evaluate(PARSE, [text, [len(text), 1, 2, 3]])
    assert all(other == one for other in others)
    return [[event["type"], event["data"], event["lastEventId"]] for event in one]


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


def test_the_parser_reads_the_format_however_it_is_cut(demo: DemoServer, page: Page) -> None:
    page.goto(f"{demo.url}/examples/chat/")
    assert parsed(page, "\ufeffdata: a\n\ndata:b\r\n\r\ndata\r\rdata:c\r\n\n") == [
        ["message", "a", ""],
        ["message", "b", ""],
        ["message", "", ""],
        ["message", "c", ""],
    ]
    assert parsed(page, "event: token\ndata: x\ndata:  y\nid: 7\n\n: ping\n\ndata: z\n\n") == [
        ["token", "x\n y", "7"],
        ["message", "z", "7"],
    ]
    assert parsed(page, "data: x\r\ndata: y\r\n\r\n") == [["message", "x\ny", ""]]
    # An id alone is remembered, an unknown field is not, and what has no blank line after it never was.
    assert parsed(page, "id: 1\n\nfoo: 2\ndata: d\n\nid\ndata: e\n\ndata: lost\n") == [
        ["message", "d", "1"],
        ["message", "e", ""],
    ]
    assert parsed(page, "id: a\0b\ndata: u\u2028v\n\n") == [["message", "u\u2028v", ""]]
