"""What happens to the line: a network that is cut or goes silent, a server that is killed, a page that is put away."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Watched
from tests.browser.proxy import Network
from tests.browser.server import SiteServer
from tests.live.waiting import stays, until

OpenPage = Callable[[str], Page]

#: Seconds in which a page finds a server again that was away for a while: twice the longest pause.
AWAY = 60.0


@pytest.fixture
def network(site: SiteServer) -> Iterator[Network]:
    with Network(site.port) as network:
        yield network


def test_a_network_that_is_cut_and_comes_back_loses_nothing(
    open_page: OpenPage, site: SiteServer, network: Network, complaints: list[str]
) -> None:
    page = open_page(network.url)
    stream = Watched(page, "/channel/cut/")
    stream.until_placed()
    site.send("cut", 1)
    stream.until_data([1])
    network.cut()
    site.send("cut", 2)
    stream.until_state("reconnecting")
    site.send("cut", 3)
    network.mend()
    stream.until_data([1, 2, 3])
    site.send("cut", 4)
    stream.until_data([1, 2, 3, 4])
    complaints.clear()


def test_a_line_that_has_gone_silent_is_given_up(
    open_page: OpenPage, site: SiteServer, network: Network, complaints: list[str]
) -> None:
    """A laptop that slept, a NAT that forgot: nobody says that the line is dead. The site pings twice a second."""
    page = open_page(network.url)
    stream = Watched(page, "/channel/silence/", silence=1500)
    stream.until_placed()
    site.send("silence", 1)
    stream.until_data([1])
    network.freeze()
    site.send("silence", 2)
    stream.until_state("reconnecting")
    network.mend()
    stream.until_data([1, 2])
    complaints.clear()


def test_pings_keep_a_quiet_line_from_being_given_up(page: Page, site: SiteServer) -> None:
    stream = Watched(page, "/channel/pinged/", silence=1500)
    stream.until_placed()
    stays(lambda: site.opened("/channel/pinged/") == 1, 3, "one connection")
    assert stream.states == ["connecting", "open"]


def test_without_pings_silence_can_be_allowed(page: Page, site: SiteServer) -> None:
    patient = Watched(page, "/silent/", "patient", silence=0)
    patient.until_data(["hello"])
    stays(lambda: site.asked("/silent/") == 1, 2, "one connection")
    impatient = Watched(page, "/silent/", "impatient", silence=600)
    until(lambda: len(impatient.data) >= 2, 20, "it asks again")
    impatient.close()
    patient.close()


def test_when_the_browser_is_online_again_the_line_is_taken_anew_at_once(
    open_page: OpenPage, site: SiteServer, network: Network
) -> None:
    page = open_page(network.url)
    stream = Watched(page, "/channel/online/")
    stream.until_placed()
    network.freeze()
    site.send("online", 1)
    network.mend()
    stays(lambda: stream.events == [], 1, "a dead line, with half a minute to go until that is noticed")
    page.evaluate("dispatchEvent(new Event('online'))")
    stream.until_data([1], timeout=15)


def test_a_pause_is_cut_short_when_the_network_is_back(
    open_page: OpenPage, network: Network, complaints: list[str]
) -> None:
    page = open_page(network.url)
    # A pause as long as the longest, so that nothing but the event can end it in time.
    page.evaluate("Math.random = () => 30")
    stream = Watched(page, "/channel/pause/")
    stream.until_placed()
    network.cut()
    stream.until_state("reconnecting")
    network.mend()
    stays(lambda: stream.state == "reconnecting", 1, "it waits")
    page.evaluate("dispatchEvent(new Event('online'))")
    stream.until_state("open", timeout=15)
    complaints.clear()


def test_what_the_server_asks_for_is_waited_for_whatever_happens(page: Page, site: SiteServer) -> None:
    page.evaluate("Math.random = () => 30")  # beyond what it asks for there is half a minute more, which an event cuts
    stream = Watched(page, "/later/")
    until(lambda: site.asked("/later/") == 1 and stream.state == "reconnecting", 20, "it was sent away")
    page.evaluate("dispatchEvent(new Event('online'))")
    stays(lambda: site.asked("/later/") == 1, 1, "it waits")
    until(lambda: site.asked("/later/") == 2, 15, "it is back")
    stream.close()


def test_pauses_grow_and_have_a_limit(open_page: OpenPage, network: Network, complaints: list[str]) -> None:
    page = open_page(network.url)
    page.evaluate(
        """() => {
          window.pauses = []
          Math.random = () => 1
          const real = setTimeout
          window.setTimeout = (call, ms) => (pauses.push(ms), real(call, Math.min(ms, 1)))
        }"""
    )
    stream = Watched(page, "/channel/growing/")
    stream.until_placed()
    network.cut()
    until(lambda: len(page.evaluate("pauses")) >= 7, 20, "seven pauses")
    stream.close()
    assert page.evaluate("pauses.slice(0, 7)") == [1000, 2000, 4000, 8000, 16000, 30000, 30000]
    complaints.clear()


def test_a_server_that_is_killed_and_restarted_loses_nothing(
    tmp_path: Path, open_page: OpenPage, complaints: list[str]
) -> None:
    with SiteServer(tmp_path) as site:
        page = open_page(site.url)
        stream = Watched(page, "/channel/restart/")
        stream.until_placed()
        site.send("restart", 1)
        stream.until_data([1])
        site.kill()
        stream.until_state("reconnecting")
        site.publish_while_down("restart", 2)
        site.start()
        site.send("restart", 3)
        stream.until_data([1, 2, 3], timeout=AWAY)
        site.terminate()
        stream.until_state("reconnecting")
        site.publish_while_down("restart", 4)
        site.start()
        stream.until_data([1, 2, 3, 4], timeout=AWAY)
        complaints.clear()


def test_a_page_that_was_put_away_goes_on_where_it_was(open_page: OpenPage, site: SiteServer) -> None:
    page = open_page(site.url)
    stream = Watched(page, "/channel/put-away/")
    stream.until_placed()
    site.send("put-away", 1)
    stream.until_data([1])
    # What the browser does with a page that goes into the back/forward cache; headless Chromium under Playwright has none.
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
    until(lambda: site.streams("/channel/put-away/") == 0, 20, "the line is given up")
    site.send("put-away", 2)
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    stream.until_data([1, 2])
    page.evaluate("document.dispatchEvent(new Event('freeze'))")
    until(lambda: site.streams("/channel/put-away/") == 0, 20, "the line is given up")
    site.send("put-away", 3)
    page.evaluate("document.dispatchEvent(new Event('resume'))")
    stream.until_data([1, 2, 3])
