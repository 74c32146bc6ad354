"""The bakery of the demo for tests: a database of its own, and being somebody there."""

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.demo.server import manage


def opened(folder: Path) -> Path:
    """A database with a bakery whose doors have just opened."""
    database = folder / "bakery.sqlite3"
    manage(database, "migrate", "--verbosity", "0")
    manage(database, "seed")
    return database


def be(page: Page, url: str, name: str, path: str = "/shop/") -> None:
    """Go there as somebody, by one click, and wait until the page is live."""
    page.goto(url + path)
    page.get_by_role("button", name=f"Be {name}").click()
    live(page)


def live(page: Page) -> None:
    """Wait until the page and its bell are live."""
    expect(page.locator(".live-state")).to_have_attribute("data-state", "open")
    expect(page.locator(".bell .state")).to_have_attribute("data-state", "open")


def left(page: Page, product: str) -> int:
    """How many of a product are on the shelf, as the page shows it."""
    return int(page.locator(".product", has_text=product).locator(".left b").inner_text())
