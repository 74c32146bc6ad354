"""What pages show of browsers happens in one: each html block is a page of the page's own project, in Chromium."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.docs.blocks import Block, blocks_of, pages
from tests.docs.project import Project
from tests.docs.runners import Page

SHOWING = [name for name in pages() if any(block.directive == "shows" for block in blocks_of(name))]


@pytest.mark.parametrize("name", SHOWING)
def test_html_of_a_page_shows_what_it_says(name: str, project: Project, browser: Browser, origin: str) -> None:
    page = Page(project, None)
    for block in blocks_of(name):
        if block.language == "python" and block.directive != "run":
            page.run(block)
        elif block.directive == "shows":
            show(block, browser, origin)


def show(block: Block, browser: Browser, origin: str) -> None:
    """Open a block as the site's front page and wait for what it should show."""
    context = browser.new_context()
    try:
        tab = context.new_page()
        tab.set_default_timeout(5000)
        errors: list[str] = []
        tab.on("pageerror", lambda error: errors.append(str(error)))
        tab.route(f"{origin}/", served(block.text))
        tab.goto(f"{origin}/")
        expect(tab.locator("body"), str(block)).to_contain_text(block.arguments[0], timeout=5000)
        assert not errors, f"{block}: {errors}"
    finally:
        context.close()


def served(html: str) -> Callable[[Route], None]:
    return lambda route: route.fulfill(content_type="text/html; charset=utf-8", body=html)
