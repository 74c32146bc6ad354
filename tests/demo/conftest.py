"""Fixtures of the demo's tests: seeded databases, servers at two paces, a browser whose console must stay clean."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.demo.server import DemoServer, manage
from tests.live.browser import chromium, listen

QUICK = 0.005
#: Longer than any test: what comes after such a pause never comes.
NEVER = 600.0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say by the marker that servers are started, for `-m "not live"`."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.live)


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's database as `make demo` makes it."""
    path = tmp_path_factory.mktemp("demo") / "demo.sqlite3"
    manage(path, "migrate", "--verbosity", "0")
    manage(path, "seed")
    return path


@pytest.fixture(scope="session")
def demo(database: Path) -> Iterator[DemoServer]:
    """The demo, hardly waiting between items."""
    with DemoServer(database, pace=QUICK) as server:
        yield server


@pytest.fixture(scope="session")
def halting_demo(database: Path) -> Iterator[DemoServer]:
    """The demo, whose streams never get beyond their first item."""
    with DemoServer(database, pace=NEVER) as server:
        yield server


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One Chromium for the tests in this folder. Not for longer: while it is open, this thread can't run async tests."""
    with chromium() as running:
        yield running


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """Cookies and storage of the test's own."""
    context = browser.new_context()
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, complaints: list[str]) -> Iterator[Page]:
    """Its console must stay clean."""
    page = context.new_page()
    listen(page, complaints)
    yield page
    assert not complaints, complaints  # before the context closes, which breaks off what is open
