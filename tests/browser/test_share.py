"""`share`: one connection for all tabs of a browser, with nothing missed and nothing twice."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.browser.conftest import Watched
from tests.browser.server import SiteServer
from tests.live.waiting import stays, until

OpenPage = Callable[[str], Page]


def shared(page: Page, url: str, **options: object) -> Watched:
    return Watched(page, url, share=True, **options)


def test_ten_tabs_have_one_connection_and_survive_the_one_that_holds_it(open_page: OpenPage, site: SiteServer) -> None:
    path = "/channel/ten/"
    tabs = []
    for _ in range(10):
        tabs.append(shared(open_page(site.url), path))
        tabs[-1].until_placed()
    until(lambda: site.streams(path) == 1, 20, "one connection")
    expected = []
    # The first tab leads, and when it is closed the one that has waited longest.
    for number in range(1, 6):
        site.send("ten", number)
        expected.append(number)
        for tab in tabs:
            tab.until_data(expected)
        stays(lambda: site.streams(path) == 1, 0.3, "one connection")
        tabs.pop(0).page.close()
        site.send("ten", -number)  # while nobody may be leading
        expected.append(-number)
    for tab in tabs:
        tab.until_data(expected)
        until(lambda tab=tab: tab.state == "open", 20, "open")  # type: ignore[misc]
    until(lambda: site.streams(path) == 1, 20, "one connection")


def test_a_tab_that_comes_late_gets_what_its_own_page_has_not_seen(open_page: OpenPage, site: SiteServer) -> None:
    path = "/channel/late/"
    first = shared(open_page(site.url), path)
    first.until_placed()
    site.send("late", 1)
    first.until_data([1])
    rendered_at = first.last_event_id  # what a page that is rendered now would have in it
    site.send("late", 2)
    site.send("late", 3)
    first.until_data([1, 2, 3])
    late = shared(open_page(site.url), path, lastEventId=rendered_at)
    late.until_data([2, 3])
    fresh = shared(open_page(site.url), path)  # with no place of its own: from now on
    fresh.until_placed()
    until(lambda: site.streams(path) == 1, 20, "one connection")
    site.send("late", 4)
    first.until_data([1, 2, 3, 4])
    late.until_data([2, 3, 4])
    fresh.until_data([4])


def test_a_late_tab_of_a_stream_with_a_snapshot_gets_the_snapshot(open_page: OpenPage, site: SiteServer) -> None:
    first = shared(open_page(site.url), "/snapshot/")
    first.until_data([["the state"]])
    late = shared(open_page(site.url), "/snapshot/")
    late.until_data([["the state"]])
    until(lambda: site.streams("/snapshot/") == 1, 20, "one connection")
    site.send("orders", "live")
    first.until_data([["the state"], "live"])
    late.until_data([["the state"], "live"])


def test_pages_with_different_signed_urls_of_one_reader_share(open_page: OpenPage, site: SiteServer) -> None:
    pages = [open_page(f"{site.url}/sharing/") for _ in range(3)]
    urls = {page.locator("event-stream").get_attribute("src") for page in pages}
    assert len(urls) >= 1
    site.send("unrelated", 0)  # moves the log's head, so that the next page's URL is another
    pages.append(open_page(f"{site.url}/sharing/"))
    assert pages[-1].locator("event-stream").get_attribute("src") not in urls
    for page in pages:
        page.evaluate("window.heard = []; addEventListener('message', ({ detail }) => heard.push(detail))")
        until(lambda page=page: page.locator("event-stream").get_attribute("state") == "open", 20, "open")  # type: ignore[misc]
    until(lambda: _signed(site) == 1, 20, "one connection")
    site.send("orders", "all of them")
    for page in pages:
        until(lambda page=page: page.evaluate("heard") == ["all of them"], 20, "heard once")  # type: ignore[misc]


def _signed(site: SiteServer) -> int:
    return sum(n for path, n in site._counts()["open"].items() if path.startswith("/events/"))


def test_a_name_shares_what_urls_do_not_tell(open_page: OpenPage, site: SiteServer) -> None:
    one = Watched(open_page(site.url), "/channel/named/", share="mine")
    one.until_placed()
    other = Watched(open_page(site.url), "/channel/named/?as=another", share="mine")
    other.until_placed()
    apart = Watched(open_page(site.url), "/channel/named/?as=another", share="another")
    apart.until_placed()
    until(lambda: site.streams("/channel/named/") == 2, 20, "two connections")
    site.send("named", 1)
    for stream in (one, other, apart):
        stream.until_data([1])


def test_a_burst_while_leaders_change_is_heard_once_and_in_order(open_page: OpenPage, site: SiteServer) -> None:
    path = "/channel/burst/"
    tabs = [shared(open_page(site.url), path) for _ in range(5)]
    for tab in tabs:
        tab.until_placed()
    sent = 0
    while len(tabs) > 1:
        for _ in range(20):
            sent += 1
            site.send("burst", sent)
        tabs.pop(0).page.close(run_before_unload=False)
    for _ in range(20):
        sent += 1
        site.send("burst", sent)
    tabs[0].until_data(list(range(1, sent + 1)))


def test_a_server_that_is_restarted_is_found_again_by_one(
    tmp_path: Path, open_page: OpenPage, complaints: list[str]
) -> None:
    with SiteServer(tmp_path) as site:
        tabs = [shared(open_page(site.url), "/channel/back/") for _ in range(3)]
        for tab in tabs:
            tab.until_placed()
        until(lambda: site.streams("/channel/back/") == 1, 20, "one connection")
        site.kill()
        for tab in tabs:
            tab.until_state("reconnecting")
        site.publish_while_down("back", 1)
        site.start()
        for tab in tabs:
            tab.until_data([1], timeout=60)  # twice the longest pause between two attempts
            tab.until_state("open")
        until(lambda: site.streams("/channel/back/") == 1, 20, "one connection")
        complaints.clear()


def test_a_leader_that_says_nothing_any_more_is_replaced(open_page: OpenPage, site: SiteServer) -> None:
    path = "/channel/frozen/"
    leader = shared(open_page(site.url), path, silence=1500)
    leader.until_placed()
    follower = shared(open_page(site.url), path, silence=1500)
    follower.until_placed()
    until(lambda: site.streams(path) == 1, 20, "one connection")
    # A tab that a browser has frozen without a word tells nothing, and its lock is held.
    leader.page.evaluate(
        """() => {
          const real = BroadcastChannel.prototype.postMessage
          BroadcastChannel.prototype.postMessage = function (message) {
            if (message.kind === "hello") real.call(this, message)
          }
        }"""
    )
    site.send("frozen", 1)
    follower.until_data([1])
    site.send("frozen", 2)
    follower.until_data([1, 2])
    leader.until_data([1, 2])
    until(lambda: site.streams(path) == 1, 20, "the follower leads, and the other one follows")


def test_a_tab_that_is_to_be_frozen_hands_over_and_catches_up(open_page: OpenPage, site: SiteServer) -> None:
    path = "/channel/asleep/"
    leader = shared(open_page(site.url), path)
    leader.until_placed()
    follower = shared(open_page(site.url), path)
    follower.until_placed()
    until(lambda: site.streams(path) == 1, 20, "one connection")
    leader.page.evaluate("document.dispatchEvent(new Event('freeze'))")
    site.send("asleep", 1)
    follower.until_data([1])
    assert site.opened(path) == 3  # one for each tab's beginning, and one to take over
    leader.page.evaluate("document.dispatchEvent(new Event('resume'))")
    site.send("asleep", 2)
    leader.until_data([1, 2])
    follower.until_data([1, 2])
    until(lambda: site.streams(path) == 1, 20, "one connection")


def test_a_reset_is_told_to_every_tab_once(open_page: OpenPage, site: SiteServer) -> None:
    path = "/channel/shared-reset/"
    first = shared(open_page(site.url), path)
    first.until_placed()
    late = shared(open_page(site.url), path, lastEventId="fff-1-ab")
    until(lambda: late.get("log.resets") == ["epoch"], 20, "its own reset")
    until(lambda: site.streams(path) == 1, 20, "one connection")
    site.send("shared-reset", 1)
    first.until_data([1])
    late.until_data([1])
    assert first.get("log.resets") == []
    assert late.get("log.resets") == ["epoch"]


def test_what_others_have_heard_before_a_tab_has_its_place_is_not_told_to_it(
    open_page: OpenPage, site: SiteServer
) -> None:
    path = "/channel/slow-start/"
    leader = shared(open_page(site.url), path)
    leader.until_placed()
    page = open_page(site.url)
    page.evaluate(
        """(key) => {
          const real = window.fetch
          window.fetch = (...args) => new Promise((resolve) => (window.release = () => resolve(real(...args))))
          window.told = 0
          new BroadcastChannel(key).onmessage = ({ data }) => (told += data.kind === "block" && data.block.name !== null)
        }""",
        f"sse_django {site.url}{path}",
    )
    late = shared(page, path)
    until(lambda: page.evaluate("'release' in window"), 20, "its own connection is on its way")
    site.send("slow-start", 1)
    leader.until_data([1])
    until(lambda: page.evaluate("told") == 1, 20, "the leader has told it")
    page.evaluate("release()")
    late.until_placed()  # after the first event: from now on
    site.send("slow-start", 2)
    late.until_data([2])
    until(lambda: site.streams(path) == 1, 20, "one connection")


def test_closing_in_one_tab_leaves_the_others_alone(open_page: OpenPage, site: SiteServer) -> None:
    path = "/channel/one-leaves/"
    tabs = [shared(open_page(site.url), path) for _ in range(3)]
    for tab in tabs:
        tab.until_placed()
    until(lambda: site.streams(path) == 1, 20, "one connection")
    tabs[0].close()
    assert tabs[0].state == "closed"
    site.send("one-leaves", 1)
    for tab in tabs[1:]:
        tab.until_data([1])
    for tab in tabs[1:]:
        tab.close()
    until(lambda: site.streams(path) == 0, 20, "none")
    assert tabs[0].data == []


def test_a_stream_without_ids_is_not_shared(open_page: OpenPage, site: SiteServer) -> None:
    before = site.asked("/silent/")
    tabs = [shared(open_page(site.url), "/silent/", silence=0) for _ in range(2)]
    for tab in tabs:
        tab.until_data(["hello"])
    assert site.asked("/silent/") == before + 2
    until(lambda: site.streams("/silent/") == 2, 20, "one each")
    for tab in tabs:
        tab.close()


def test_where_there_are_no_locks_each_tab_has_its_own(open_page: OpenPage, site: SiteServer) -> None:
    path = "/channel/lockless/"
    tabs = []
    for _ in range(2):
        page = open_page(site.url)
        page.evaluate("Object.defineProperty(navigator, 'locks', { value: undefined })")
        tabs.append(shared(page, path))
        tabs[-1].until_placed()
    assert site.streams(path) == 2
    site.send("lockless", 1)
    for tab in tabs:
        tab.until_data([1])


def test_two_browsers_are_two_connections(browser: Browser, site: SiteServer) -> None:
    path = "/channel/two/"
    contexts = [browser.new_context() for _ in range(2)]
    tabs = []
    for context in contexts:
        page = context.new_page()
        page.goto(site.url)
        tabs.append(shared(page, path))
        tabs[-1].until_placed()
    assert site.streams(path) == 2
    for context in contexts:
        context.close()
