"""The bakery as people see it: two browsers, several tabs, the admin beside them, and a server that is killed meanwhile."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.demo.bakery import be, left, live, opened
from tests.demo.conftest import QUICK
from tests.demo.server import DemoServer, manage
from tests.demo.test_looks import CONTRASTS
from tests.live.browser import listen
from tests.live.waiting import until

OpenBrowser = Callable[..., Page]


@pytest.fixture(scope="module")
def morning(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database before anybody has come."""
    return opened(tmp_path_factory.mktemp("morning"))


@pytest.fixture
def database(morning: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(morning, tmp_path))


@pytest.fixture
def bakery(database: Path) -> Iterator[DemoServer]:
    with DemoServer(database, pace=QUICK) as server:
        yield server


@pytest.fixture
def another(browser: Browser, complaints: list[str]) -> Iterator[OpenBrowser]:
    """`another(**options)`: a page in a browser of its own, with nobody signed in."""
    contexts = []

    def get(**options: Any) -> Page:
        contexts.append(browser.new_context(**{"reduced_motion": "reduce", **options}))
        page = contexts[-1].new_page()
        listen(page, complaints)
        return page

    yield get
    for context in contexts:
        context.close()
    assert not complaints, complaints


def numbers(page: Page, status: str) -> list[str]:
    """The orders in a column of the board."""
    return page.locator(f".column[data-status={status}] .number").all_inner_texts()


def test_what_one_buys_leaves_the_others_shelf_rings_a_bell_and_lies_on_the_board(
    bakery: DemoServer, another: OpenBrowser
) -> None:
    graces, adas = another(), another()
    be(graces, bakery.url, "Grace")
    be(adas, bakery.url, "Ada", "/shop/board/")
    before = left(graces, "Pretzel")
    shelf = adas.context.new_page()
    shelf.goto(f"{bakery.url}/shop/")
    live(shelf)

    graces.get_by_role("button", name="Buy: Pretzel").click()

    thanks = graces.locator(".toast", has_text="Thank you! Your order is #")
    expect(thanks).to_be_visible()
    number = "#" + thanks.inner_text().partition("#")[2].strip().split()[0]
    for page in (graces, shelf):
        until(lambda page=page: left(page, "Pretzel") == before - 1, 15, "one pretzel less")  # type: ignore[misc]
    card = adas.locator(".column[data-status=new] .card", has_text=number)
    expect(card).to_contain_text("Grace")
    expect(card).to_contain_text("1 × Pretzel")
    expect(adas.locator(".unread")).to_have_text("1")
    expect(adas.get_by_role("button", name="Notifications, 1 unread")).to_be_visible()
    expect(adas.locator(".toast")).to_contain_text("Grace orders 1 × Pretzel")

    for status, said in (("oven", "is in the oven"), ("ready", "is ready, still warm")):
        adas.get_by_role("button", name=f"order {number[1:]}").click()
        until(lambda status=status: number in numbers(adas, status), 15, f"the card in {status}")  # type: ignore[misc]
        expect(graces.locator(".toast", has_text=f"Order {number} {said}")).to_be_visible()
    adas.get_by_role("button", name=f"order {number[1:]}").click()
    expect(adas.locator(".card", has_text=number)).to_have_count(0)
    expect(adas.locator(".gone")).to_contain_text("1 handed over since you came")
    expect(graces.locator(".unread")).to_have_text("3")


def test_what_is_read_in_one_tab_is_read_in_all_and_tabs_have_one_connection(
    bakery: DemoServer, another: OpenBrowser
) -> None:
    grace = another()
    be(grace, bakery.url, "Grace")
    first = another()
    be(first, bakery.url, "Ada")
    second = first.context.new_page()
    second.goto(f"{bakery.url}/shop/")
    live(second)
    grace.get_by_role("button", name="Buy: Croissant").click()
    for tab in (first, second):
        expect(tab.locator(".unread")).to_have_text("1")

    first.get_by_role("button", name="Notifications").click()

    expect(first.locator(".note")).to_contain_text("Grace orders 1 × Croissant")
    for tab in (first, second):
        expect(tab.locator(".unread")).to_be_hidden()
    first.keyboard.press("Escape")
    expect(first.locator("#bell-panel")).to_be_hidden()
    expect(first.locator(".ring")).to_be_focused()
    first.close()  # whichever tab held the connection, the other one goes on
    grace.get_by_role("button", name="Buy: Croissant").click()
    expect(second.locator(".unread")).to_have_text("1")


def test_another_process_moves_the_board_and_a_killed_server_loses_nothing(
    database: Path, another: OpenBrowser, complaints: list[str]
) -> None:
    ada = another()
    with DemoServer(database, pace=QUICK) as server:
        be(ada, server.url, "Ada", "/shop/board/")
        expect(ada.locator(".card")).to_have_count(5)  # those of the morning
        manage(database, "make_orders", "--seconds", "1", "--pace", "0.01")
        until(lambda: on_board(ada) == stored(database), 15, "the board is the table")
        port = server.port
    manage(database, "make_orders", "--seconds", "1", "--pace", "0.01")
    expect(ada.locator(".live-state")).to_have_attribute("data-state", "reconnecting")
    with DemoServer(database, pace=QUICK, port=port):
        # Half a minute is the longest pause between two attempts.
        expect(ada.locator(".live-state")).to_have_attribute("data-state", "open", timeout=60_000)
        until(lambda: on_board(ada) == stored(database), 15, "the board is the table")
    ada.close()
    complaints.clear()  # the connections that were refused while the server was away


def on_board(page: Page) -> set[tuple[str, str]]:
    return {(number, status) for status in ("new", "oven", "ready") for number in numbers(page, status)}


def stored(database: Path) -> set[tuple[str, str]]:
    script = """
from demo_project.shop.models import Order
print("orders", *(f"{order}/{order.status}" for order in Order.objects.exclude(status="collected")))
"""
    said = manage(database, "shell", "-c", script).splitlines()[-1].split()[1:]
    return {(number, status) for number, _, status in (each.partition("/") for each in said)}


def test_a_click_brings_customers_and_says_for_how_long(bakery: DemoServer, another: OpenBrowser) -> None:
    page = another()
    page.goto(f"{bakery.url}/shop/")  # anybody may
    button = page.locator(".doors")
    expect(page.locator(".live-state")).to_have_attribute("data-state", "open")
    before = page.locator(".left b").all_inner_texts()
    button.click()
    expect(button).to_have_text(re.compile(r"Customers for \d+ s"))
    until(lambda: page.locator(".left b").all_inner_texts() != before, 30, "somebody buys something")


def test_the_admins_list_and_the_dashboard_move_too(bakery: DemoServer, another: OpenBrowser) -> None:
    grace, ada = another(), another()
    be(grace, bakery.url, "Grace")
    be(ada, bakery.url, "Ada")
    ada.get_by_role("link", name="Live admin").click()
    rows = ada.locator("#result_list tbody tr")
    expect(rows).to_have_count(7)
    expect(ada.get_by_text("Live", exact=True)).to_be_visible()
    dashboard = ada.context.new_page()
    dashboard.goto(f"{bakery.url}/shop/")
    dashboard.get_by_role("link", name="Dashboard").click()
    expect(dashboard.get_by_text("Orders today")).to_be_visible()
    expect(dashboard.locator("#content")).to_contain_text("Amina")

    grace.get_by_role("button", name="Buy: Coffee").click()

    expect(rows).to_have_count(8)
    expect(rows.first).to_contain_text("1 × Coffee")
    expect(dashboard.locator("#content")).to_contain_text("1 × Coffee")


def test_without_a_name_the_board_offers_one(bakery: DemoServer, another: OpenBrowser) -> None:
    page = another()
    page.goto(f"{bakery.url}/shop/board/")
    expect(page.locator(".board")).to_have_count(0)
    page.get_by_role("button", name="Be Grace").click()
    expect(page.locator(".board")).to_have_count(0)
    page.get_by_role("button", name="Be Ada").click()
    expect(page.locator(".card")).to_have_count(5)
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator(".board")).to_have_count(0)


def test_the_board_is_worked_with_the_keyboard(bakery: DemoServer, another: OpenBrowser) -> None:
    page = another()
    be(page, bakery.url, "Ada", "/shop/board/")
    step = page.locator(".column[data-status=new] .step").first
    number = page.locator(".column[data-status=new] .number").first.inner_text()
    step.focus()
    for status in ("oven", "ready"):
        page.keyboard.press("Enter")
        until(lambda status=status: number in numbers(page, status), 15, f"the card in {status}")  # type: ignore[misc]
        expect(page.locator(".card", has_text=number).locator(".step")).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_light_and_in_dark(bakery: DemoServer, another: OpenBrowser, scheme: str) -> None:
    page = another(color_scheme=scheme)
    page.goto(f"{bakery.url}/shop/")
    assert [found for found in page.evaluate(CONTRASTS) if found[0] < 4.5] == []
    be(page, bakery.url, "Ada")
    page.get_by_role("button", name="Buy: Oat cookie").click()
    expect(page.locator(".toast")).to_be_visible()
    assert [found for found in page.evaluate(CONTRASTS) if found[0] < 4.5] == []
    page.goto(f"{bakery.url}/shop/board/")
    expect(page.locator(".card")).to_have_count(6)
    page.get_by_role("button", name="Notifications").click()
    assert [found for found in page.evaluate(CONTRASTS) if found[0] < 4.5] == []


def test_no_page_is_wider_than_a_phone(bakery: DemoServer, another: OpenBrowser) -> None:
    page = another(viewport={"width": 360, "height": 740})
    wide = "document.documentElement.scrollWidth"
    for path in ("/", "/shop/", "/shop/board/"):
        page.goto(bakery.url + path)
        assert page.evaluate(wide) == 360, path
    be(page, bakery.url, "Ada", "/shop/board/")
    expect(page.locator(".card")).to_have_count(5)
    assert page.evaluate(wide) == 360
    page.get_by_role("button", name="Notifications").click()
    panel = page.locator("#bell-panel").bounding_box()
    assert panel is not None
    assert panel["x"] >= 0
    assert panel["x"] + panel["width"] <= 360
    page.goto(f"{bakery.url}/shop/")
    page.get_by_role("button", name="Buy: Rye loaf").click()
    expect(page.locator(".toast")).to_be_visible()
    assert page.evaluate(wide) == 360


def test_cards_travel_unless_somebody_asked_for_stillness(bakery: DemoServer, another: OpenBrowser) -> None:
    moving = "document.getAnimations().length"
    for motion, moves in (("no-preference", True), ("reduce", False)):
        page = another(reduced_motion=motion)
        be(page, bakery.url, "Ada", "/shop/board/")
        page.evaluate(
            """() => {
              window.most = 0
              const look = () => { most = Math.max(most, document.getAnimations().length); requestAnimationFrame(look) }
              look()
            }"""
        )
        number = page.locator(".column[data-status=oven] .number, .column[data-status=new] .number").first.inner_text()
        page.get_by_role("button", name=f"order {number[1:]}").click()
        until(lambda page=page: page.locator(".card").count() and page.evaluate(moving) == 0, 15, "at rest")  # type: ignore[misc]
        until(lambda page=page, number=number: number not in numbers(page, "new"), 15, "moved")  # type: ignore[misc]
        assert bool(page.evaluate("most")) is moves
