"""A URL that has expired, and `refreshUrl`."""

import json
from collections.abc import Callable

from playwright.sync_api import Page

from tests.browser.conftest import Watched
from tests.browser.server import SiteServer
from tests.live.client import fetch
from tests.live.waiting import until

OpenPage = Callable[[str], Page]


def short_lived(site: SiteServer) -> str:
    """A URL for anybody, good for a second."""
    return str(json.loads(fetch(f"{site.url}/short-lived/", timeout=20))["url"])


def kick(page: Page, site: SiteServer, stream: Watched) -> None:
    """End the stream once its URL has expired, as a lifetime or a deployment would."""
    page.evaluate("() => new Promise((resolve) => setTimeout(resolve, 2100))")  # it is good for a second, rounded up
    fetch(f"{site.url}/kick/orders/", timeout=20)
    until(lambda: "reconnecting" in stream.states, 20, "it was kicked")


def test_an_expired_url_is_replaced_by_a_fresh_one_and_nothing_is_missed(
    page: Page, site: SiteServer, complaints: list[str]
) -> None:
    before = site.asked("/fresh/")
    stream = Watched(page, short_lived(site), refreshUrl="/fresh/")
    stream.until_placed()
    site.send("orders", 1)
    stream.until_data([1])
    kick(page, site, stream)
    site.send("orders", 2)
    stream.until_data([1, 2])
    assert site.asked("/fresh/") == before + 1
    assert len(complaints) == 1  # Chromium's own word on the 403
    assert "403" in complaints.pop()


def test_without_a_refresh_url_an_expired_one_is_the_end(page: Page, site: SiteServer, complaints: list[str]) -> None:
    stream = Watched(page, short_lived(site))
    stream.until_placed()
    kick(page, site, stream)
    stream.until_state("closed")
    assert stream.get("log.why") == {"reason": "status", "status": 403}
    complaints.clear()


def test_where_the_site_gives_no_fresh_url_that_is_the_end(page: Page, site: SiteServer, complaints: list[str]) -> None:
    stream = Watched(page, "/status/403/", refreshUrl="/fresh/?refuse")
    stream.until_state("closed")
    assert stream.get("log.why") == {"reason": "status", "status": 404}
    complaints.clear()


def test_a_fresh_url_that_is_refused_too_is_the_end(page: Page, site: SiteServer, complaints: list[str]) -> None:
    before = site.asked("/status/401/")
    stream = Watched(page, "/status/401/", refreshUrl="/always-401/")
    stream.until_state("closed")
    assert stream.get("log.why") == {"reason": "status", "status": 401}
    assert site.asked("/status/401/") == before + 2
    complaints.clear()
