"""Fixtures of the browser tests: a site, a Chromium, pages whose console must stay clean, and a stream within a page."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.server import SiteServer
from tests.live.browser import chromium, listen
from tests.live.waiting import until

# In the page: open(name, url, options) connects, and keeps what it hears under that name. The module is imported, not inlined:
# the page allows no other script.
WATCH = """([name, url, options]) => import(window.module ?? "/static/sse_django/sse.js").then(({ connect }) => {
  const log = { events: [], states: [], resets: [], errors: [], why: null }
  window.streams ??= {}
  const stream = connect(url, {
    ...options,
    on: { "*": (data, { id, name }) => log.events.push({ name, data, id }) },
    onReset: (reason) => log.resets.push(reason),
    onError: (detail) => log.errors.push(detail),
    onState: (state, why) => {
      log.states.push(state)
      if (why) log.why = JSON.parse(JSON.stringify({ ...why, error: undefined }))
    },
  })
  window.streams[name] = { stream, log }
})"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say by the marker that servers are started, for `-m "not live"`."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.live)


class Watched:
    """A stream within a page."""

    def __init__(self, page: Page, url: str, name: str = "main", **options: Any) -> None:
        self.page = page
        self._at = f"window.streams[{name!r}]"
        page.evaluate(WATCH, [name, url, options])

    def get(self, what: str) -> Any:
        return self.page.evaluate(f"() => {self._at}.{what}")

    @property
    def events(self) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = self.get("log.events")
        return events

    @property
    def data(self) -> list[Any]:
        return [event["data"] for event in self.events]

    @property
    def states(self) -> list[str]:
        states: list[str] = self.get("log.states")
        return states

    @property
    def state(self) -> str:
        return str(self.get("stream.state"))

    @property
    def last_event_id(self) -> str:
        return str(self.get("stream.lastEventId"))

    def close(self) -> None:
        self.page.evaluate(f"() => {self._at}.stream.close()")

    def until_data(self, expected: list[Any], timeout: float = 30) -> None:
        """Wait for exactly these, in this order, since it was opened."""
        try:
            until(lambda: len(self.data) >= len(expected), timeout, f"{len(expected)} events")
        finally:
            assert self.data == expected

    def until_state(self, expected: str, timeout: float = 30) -> None:
        until(lambda: self.state == expected, timeout, f"the state {expected}")

    def until_placed(self) -> None:
        """Wait until it has a place in the log: from here on it misses nothing."""
        until(lambda: self.last_event_id, 20, "a cursor")


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteServer]:
    with SiteServer(tmp_path_factory.mktemp("site")) as server:
        yield server


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One Chromium for the tests in this folder. Not for longer: while it is open, this thread can't run async tests."""
    with chromium() as running:
        yield running


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """Cookies, locks and channels of the test's own."""
    context = browser.new_context()
    yield context
    context.close()


@pytest.fixture
def open_page(context: BrowserContext, complaints: list[str]) -> Iterator[Callable[[str], Page]]:
    """A page whose console must stay clean."""

    def open_page(url: str) -> Page:
        page = context.new_page()
        listen(page, complaints)
        page.goto(url)
        return page

    yield open_page
    assert not complaints, complaints  # before the context closes, which breaks off what is open


@pytest.fixture
def page(open_page: Callable[[str], Page], site: SiteServer) -> Page:
    return open_page(site.url)
