"""The page in Chromium, under a strict content security policy: what a person sees and can reach. The console stays clean."""

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.admin_dashboard.conftest import OpenPage
from tests.demo.test_looks import CONTRASTS
from tests.live.client import fetch
from tests.live.servers import Server
from tests.live.waiting import until

pytestmark = pytest.mark.live

SHOP = "/admin/live-dashboards/shop/"
#: As in sample/admin.py, which needs a configured Django.
MARKUP = '<img class="injected" src="x" onerror="alert(1)">&amp;</script></td>'
#: An en dash.
NOTHING = "\u2013"
EDGES = "/admin/live-dashboards/edge-cases/"


def widget(page: Page, name: str) -> Locator:
    return page.locator(f'[data-widget="{name}"]')


def value(page: Page, name: str) -> Locator:
    return widget(page, name).locator(".sse-value")


def change(server: Server, name: str, to: str) -> None:
    fetch(f"{server.url}/change/{name}/{to}/")


def test_every_kind_of_widget_shows_its_values_and_they_move(server: Server, open_page: OpenPage) -> None:
    change(server, "open", "17")
    page = open_page(server, SHOP)

    expect(page.locator(".sse-status")).to_have_text(re.compile("Live"))
    expect(value(page, "open")).to_have_text("17")
    expect(value(page, "revenue")).to_have_text("€1,834.50")
    expect(widget(page, "sales").locator("canvas")).to_be_visible()
    expect(widget(page, "sales").locator(".sse-legend li")).to_have_count(2)
    expect(widget(page, "by_status").locator("li").first).to_contain_text("Draft")
    expect(widget(page, "newest").locator("tbody tr")).to_have_count(7)
    expect(widget(page, "newest").locator("tbody tr").first).to_contain_text("8.60")
    expect(widget(page, "jobs").get_by_role("progressbar")).to_have_count(3)

    change(server, "open", "1250")
    expect(value(page, "open")).to_have_text("1,250")
    expect(widget(page, "open").locator(".sse-change")).to_contain_text("+1,233")
    change(server, "open", "17")


def test_one_page_has_one_stream(server: Server, open_page: OpenPage) -> None:
    page = open_page(server, "/admin/")
    opened: list[str] = []
    page.on("request", lambda request: opened.append(request.url) if request.url.endswith("/events/") else None)

    page.get_by_role("link", name="Shop", exact=True).first.click()
    expect(page.locator(".sse-status")).to_have_text(re.compile("Live"))

    assert opened == [f"{server.url}{SHOP}events/"]


def test_an_object_that_a_join_has_twice_has_two_rows(server: Server, open_page: OpenPage) -> None:
    page = open_page(server, EDGES)

    expect(widget(page, "twice").locator("tbody tr")).to_have_text(["1one", "1other"])


def test_a_row_leads_to_its_object(server: Server, open_page: OpenPage) -> None:
    page = open_page(server, SHOP)

    widget(page, "newest").get_by_role("link", name="Focaccia").click()

    expect(page).to_have_url(re.compile(r"/admin/shop/product/\d+/change/"))


def test_what_is_published_is_a_line_of_the_log(server: Server, open_page: OpenPage) -> None:
    page = open_page(server, SHOP)
    lines = widget(page, "log").locator("li")
    expect(page.locator(".sse-status")).to_have_text(re.compile("Live"))

    def publish(number: int) -> None:
        fetch(f"{server.url}/publish/orders/Order {number}/".replace(" ", "%20"))

    publish(0)
    # The page is there before its place in the log is.
    for number in range(1, 100):
        publish(number)
        if lines.count():
            break
        page.wait_for_timeout(100)
    expect(lines.last).to_contain_text("Order")
    for number in range(100, 160):
        publish(number)
    expect(lines.last).to_contain_text("Order 159")
    scroll = widget(page, "log").locator(".sse-scroll")
    assert scroll.evaluate("node => node.scrollHeight - node.scrollTop - node.clientHeight") < 24
    scroll.evaluate("node => { node.scrollTop = 0 }")
    publish(200)
    newer = widget(page, "log").get_by_role("button", name="Show the newest lines")
    expect(newer).to_be_visible()
    assert scroll.evaluate("node => node.scrollTop") == 0
    newer.click()
    expect(newer).to_be_hidden()


def test_a_widget_in_trouble_says_so_without_its_secrets_and_heals(server: Server, open_page: OpenPage) -> None:
    page = open_page(server, SHOP)
    problem = widget(page, "broken").locator(".sse-problem")
    expect(value(page, "broken")).to_have_text("5")
    expect(problem).to_be_hidden()

    change(server, "broken", "yes")
    expect(problem).to_have_text("This can't be read at the moment.")
    expect(value(page, "broken")).to_have_text("5")
    change(server, "open", "99")
    expect(value(page, "open")).to_have_text("99")
    change(server, "broken", "no")
    expect(problem).to_be_hidden()
    change(server, "open", "17")

    assert "the secret of the shop" not in page.content()
    assert "ValueError: the secret of the shop" in server.log()


def test_who_lacks_a_permission_has_neither_the_place_nor_the_data(server: Server, open_page: OpenPage) -> None:
    page = open_page(server, SHOP, user="clerk")

    expect(value(page, "products")).to_have_text("7")
    expect(widget(page, "revenue")).to_have_count(0)


def test_a_page_whose_viewer_gains_a_widget_loads_itself_again(server: Server, open_page: OpenPage) -> None:
    page = open_page(server, SHOP, user="clerk")
    expect(value(page, "products")).to_have_text("7")
    try:
        fetch(f"{server.url}/grant/clerk/view_account/")
        expect(value(page, "revenue")).to_have_text("€1,834.50")
    finally:
        fetch(f"{server.url}/grant/clerk/-/")
    expect(widget(page, "revenue")).to_have_count(0)


def test_a_page_whose_viewer_is_no_staff_any_more_says_so(
    server: Server, open_page: OpenPage, complaints: list[str]
) -> None:
    page = open_page(server, SHOP, user="clerk")
    expect(value(page, "products")).to_have_text("7")
    try:
        fetch(f"{server.url}/staff/clerk/no/")
        expect(page.locator(".sse-status")).to_contain_text("you may have been signed out")
        expect(page.get_by_role("link", name="Load the page again")).to_be_visible()
    finally:
        fetch(f"{server.url}/staff/clerk/yes/")


def test_a_lost_line_is_said_and_values_look_stale_until_it_is_back(
    serve: Callable[..., Server], open_page: OpenPage, complaints: list[str]
) -> None:
    own = serve()
    page = open_page(own, SHOP)
    status = page.locator(".sse-status")
    expect(value(page, "open")).to_have_text("17")

    page.context.set_offline(True)
    fetch(f"{own.url}/end/")
    expect(status).to_have_text(re.compile(r"Connection lost, values as of .*\d"))
    expect(page.locator(".sse-dashboard")).to_have_attribute("data-stale", "")
    change(own, "open", "21")
    page.context.set_offline(False)
    expect(status).to_have_text(re.compile("Live"))
    expect(value(page, "open")).to_have_text("21")
    expect(page.locator(".sse-dashboard")).not_to_have_attribute("data-stale", "")
    complaints.clear()  # the connections that were refused


def test_a_page_that_is_opened_again_has_the_line_so_far(server: Server, open_page: OpenPage) -> None:
    page = open_page(server, SHOP)
    details = widget(page, "sales").locator("details")
    details.locator("summary").click()
    expect(details.locator("tbody tr")).to_have_count(30)


def test_edge_cases_have_a_face(server: Server, open_page: OpenPage) -> None:
    page = open_page(server, EDGES, locale="de-DE")

    expect(value(page, "huge")).to_have_text("1,2E29")
    expect(value(page, "huge")).to_have_attribute("title", "123.456.789.012.345.678.901.234.567.890")
    expect(value(page, "not_a_number")).to_have_text(NOTHING)
    expect(value(page, "nothing")).to_have_text(NOTHING)
    expect(value(page, "below_zero")).to_have_text(re.compile(r"-12,5\s%"))
    expect(widget(page, "lone")).to_contain_text("Collecting values")
    expect(widget(page, "bars").locator("li")).to_have_count(5)
    expect(widget(page, "no_bars")).to_contain_text("Nothing here yet.")
    expect(widget(page, "no_rows")).to_contain_text("Nothing here yet.")
    expect(widget(page, "no_lines")).to_contain_text("Nothing here yet.")
    expect(widget(page, "idle")).to_contain_text("Nothing is running.")
    expect(widget(page, "rows").locator("tbody")).to_contain_text("<script>alert(1)</script>")


def test_t39_markup_in_what_widgets_show_is_text(server: Server, open_page: OpenPage) -> None:
    page = open_page(server, "/admin/live-dashboards/markup/")

    for name in ("number", "lines", "bars", "table", "linked", "log", "tasks"):
        expect(widget(page, name)).to_contain_text(MARKUP)
    expect(page.locator("#content")).to_contain_text(MARKUP)  # the description
    lines = widget(page, "published").locator("li")

    def published() -> int:
        fetch(f"{server.url}/publish/orders/{quote(MARKUP.replace('/', ''))}/")  # a path's part has no slash
        return lines.count()

    until(published, 60, "the log has its place")
    expect(lines.last).to_contain_text(MARKUP.replace("/", ""))
    assert page.locator(".injected").count() == 0
    assert page.evaluate("document.querySelectorAll('img, script:not([src]):not([type])').length") == 0


def test_times_are_in_djangos_time_zone(server: Server, open_page: OpenPage) -> None:
    page = open_page(server, SHOP, timezone_id="America/New_York")
    widget(page, "sales").locator("summary").click()

    shown = widget(page, "sales").locator("tbody th").first.inner_text()
    tokyo = page.evaluate("new Date().toLocaleTimeString('en-US', { timeZone: 'Asia/Tokyo', hour: 'numeric' })")

    assert shown.split(":")[0] == tokyo.split(" ")[0]


def test_a_line_can_be_walked_along_by_keys(server: Server, open_page: OpenPage) -> None:
    page = open_page(server, SHOP)
    chart = widget(page, "sales").get_by_role("group", name="Sales")
    said = chart.locator("[aria-live]")
    expect(widget(page, "sales").locator("canvas")).to_be_visible()
    chart.focus()

    page.keyboard.press("Home")
    expect(said).to_have_text(re.compile(r"^\d+:\d+:\d+ [AP]M: web [\d.]+, shops [\d.]+$"))
    first = said.inner_text()
    page.keyboard.press("PageDown")
    expect(said).not_to_have_text(first)
    page.keyboard.press("Escape")
    expect(widget(page, "sales").locator(".sse-when")).to_have_text("")


def test_the_chart_follows_the_theme_at_once(server: Server, open_page: OpenPage) -> None:
    page = open_page(server, SHOP, color_scheme="light")
    expect(widget(page, "sales").locator("canvas")).to_be_visible()
    colors = "() => getComputedStyle(document.querySelector('.sse-grid .sse-widget')).backgroundColor"
    light = page.evaluate(colors)
    page.evaluate("() => { document.querySelector('.sse-chart .uplot').dataset.old = '1' }")

    page.locator("button.theme-toggle").first.click()  # auto, light, dark
    page.locator("button.theme-toggle").first.click()

    expect(page.locator("html")).to_have_attribute("data-theme", re.compile("dark|light"))
    page.evaluate("() => { document.documentElement.dataset.theme = 'dark' }")
    expect(page.locator(".sse-chart .uplot[data-old]")).to_have_count(0)
    assert page.evaluate(colors) != light


@pytest.mark.parametrize("width", [320, 390, 768, 1024, 1920])
def test_nothing_sticks_out_at_any_width(server: Server, open_page: OpenPage, width: int) -> None:
    for path in (SHOP, EDGES):
        page = open_page(server, path, viewport={"width": width, "height": 800})
        expect(page.locator(".sse-status")).to_have_text(re.compile("Live"))
        expect(page.locator("canvas").first).to_be_visible()
        wide = page.evaluate(
            """() => [...document.querySelectorAll(".sse-dashboard, .sse-widget")].filter(node =>
                node.scrollWidth > node.clientWidth + 1).map(node => node.dataset.widget)"""
        )
        assert wide == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1")
        page.close()


def test_with_reduced_motion_nothing_is_animated(server: Server, open_page: OpenPage) -> None:
    page = open_page(server, SHOP, reduced_motion="reduce")
    expect(page.locator(".sse-status")).to_have_text(re.compile("Live"))
    expect(widget(page, "jobs").get_by_role("progressbar").first).to_be_visible()

    assert (
        page.evaluate("document.getAnimations().filter(one => one.effect.target.closest('.sse-dashboard-page')).length")
        == 0
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read(server: Server, open_page: OpenPage, scheme: Any) -> None:
    page = open_page(server, SHOP, color_scheme=scheme)
    expect(value(page, "open")).to_be_visible()
    expect(widget(page, "newest").locator("tbody tr").first).to_be_visible()
    script = CONTRASTS.replace("document.body, NodeFilter", "document.querySelector('.sse-dashboard'), NodeFilter")

    poor = [found for found in page.evaluate(script) if found[0] < 4.5]

    assert poor == []


def test_widgets_are_named_for_those_who_hear_them(server: Server, open_page: OpenPage) -> None:
    page = open_page(server, SHOP)
    expect(value(page, "open")).to_be_visible()

    expect(page.get_by_role("region", name="Open carts")).to_be_visible()
    expect(page.get_by_role("log", name="What happens")).to_be_visible()
    expect(page.get_by_role("progressbar", name="Invoices")).to_have_attribute("aria-valuetext", re.compile("/ 900"))
    # Numbers that change every second are not read out.
    assert page.locator(".sse-dashboard [aria-live=polite]:not(.sse-figure *)").count() == 0


def test_another_site_has_its_own(server: Server, open_page: OpenPage) -> None:
    page = open_page(server, "/other/")
    page.get_by_role("link", name="Warehouse", exact=True).first.click()

    expect(value(page, "stock")).to_have_text("3")
    expect(page).to_have_url(re.compile("/other/live-dashboards/warehouse/"))


def test_a_tab_in_the_background_lets_its_stream_go_and_comes_back(
    serve: Callable[..., Server], open_page: OpenPage
) -> None:
    own = serve()
    page = open_page(own, "/admin/")
    page.clock.install()
    page.goto(f"{own.url}/admin/live-dashboards/counted/")
    expect(value(page, "products")).to_have_text("7")
    hide = """hidden => {
        Object.defineProperty(document, "hidden", { get: () => hidden, configurable: true })
        document.dispatchEvent(new Event("visibilitychange"))
    }"""

    def watched() -> bool:
        return json.loads(fetch(f"{own.url}/asked/"))["watched"] != {}

    page.evaluate(hide, True)
    page.clock.fast_forward(30_000)
    assert watched()
    page.clock.fast_forward(31_000)
    until(lambda: not watched(), 10, "the stream is closed")
    expect(page.locator(".sse-dashboard")).not_to_have_attribute("data-stale", "")
    page.evaluate(hide, False)
    until(watched, 10, "the stream is open")
    expect(page.locator(".sse-status")).to_have_text(re.compile("Live"))
