"""Fixtures of the live admin's browser tests: a site, a worker, and pages of people who are signed in."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.admin_live.servers import Site, Worker, make_database
from tests.live.browser import chromium, listen

BROWSER_TESTS = "in_browser"
SignIn = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say by the marker that servers are started, for `-m "not live"`."""
    for item in items:
        if item.path.parent == Path(__file__).parent and BROWSER_TESTS in item.path.name:
            item.add_marker(pytest.mark.live)


@pytest.fixture(scope="package")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_database(tmp_path_factory.mktemp("orders"))


@pytest.fixture(scope="package")
def site(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(database, tmp_path_factory.mktemp("site") / "log") as running:
        yield running


@pytest.fixture(scope="package")
def process(database: str) -> Iterator[Worker]:
    worker = Worker(database)
    yield worker
    worker.stop()


@pytest.fixture
def worker(process: Worker) -> Worker:
    """Beside an empty table."""
    process.run("Order.objects.all().delete(); Customer.objects.all().delete(); Tag.objects.all().delete()")
    return process


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One Chromium. Not for longer than this folder: while it is open, this thread can't run async tests."""
    with chromium() as running:
        yield running


@pytest.fixture
def sign_in(browser: Browser, site: Site, complaints: list[str]) -> Iterator[SignIn]:
    """`sign_in("anna")` is a page of hers, on the admin's index."""
    contexts: list[BrowserContext] = []

    def enter(name: str, at: Site = site, **options: object) -> Page:
        context = browser.new_context(**options)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        listen(page, complaints)
        page.goto(f"{at.url}/admin/login/")
        page.fill("#id_username", name)
        page.fill("#id_password", name)
        page.click("[type=submit]")
        expect(page.locator("#user-tools")).to_contain_text(name, ignore_case=True)
        return page

    yield enter
    for context in contexts:
        context.close()
    assert not complaints, complaints


@pytest.fixture
def page(sign_in: SignIn) -> Page:
    return sign_in("anna")
