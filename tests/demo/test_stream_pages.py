"""The demo's pages about its own streams."""

from playwright.sync_api import Page, expect

from tests.demo.server import DemoServer


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
