"""The mark, and what it stands for: servers that go and come back, sessions that end, pages that nobody sees."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.admin_live.conftest import SignIn
from tests.admin_live.servers import Site, Worker
from tests.admin_live.test_list_in_browser import ORDERS, count_refreshes, expect_numbers, open_live
from tests.live.waiting import stays, until


def state(page: Page, wanted: str) -> None:
    expect(page.locator(".sse-live-mark")).to_have_attribute("data-state", wanted, timeout=30_000)


def test_a_killed_server_is_said_and_what_it_missed_is_shown_when_it_is_back(
    sign_in: SignIn, database: str, tmp_path: Path, worker: Worker, complaints: list[str]
) -> None:
    with Site(database, tmp_path / "log") as site:
        page = sign_in("anna", site)
        open_live(page, site.url + ORDERS)
        expect(page.locator(".sse-live-mark")).to_contain_text("Live")
        site.kill()
        state(page, "reconnecting")
        expect(page.locator(".sse-live-mark")).to_contain_text("Reconnecting…")
        worker.run("Order.objects.create(number='A1'); Order.objects.bulk_create([Order(number='A2')])")
        refreshes = count_refreshes(page)
        site.start()
        state(page, "live")
        expect_numbers(page, ["A2", "A1"])
        stays(lambda: len(refreshes) <= 2, 2, "a refresh, and one more at most for the notice that came meanwhile")
        page.goto("about:blank")
    complaints[:] = [each for each in complaints if "ERR_" not in each]


@pytest.mark.parametrize("path", [ORDERS, "form"])
def test_an_ended_session_turns_it_off_and_says_why(
    sign_in: SignIn, site: Site, worker: Worker, complaints: list[str], path: str
) -> None:
    pk = worker.run("result = Order.objects.create(number='A1').pk")
    page = sign_in("anna")
    open_live(page, site.url + (f"{ORDERS}{pk}/change/" if path == "form" else path))
    worker.run("Session.objects.all().delete()")
    worker.run("o = Order.objects.get(); o.total = 1; o.save()")
    state(page, "off")
    expect(page.locator(".sse-live-mark")).to_contain_text(
        "You may be signed out, or may no longer see this page. Reload"
    )
    complaints[:] = [each for each in complaints if "403" not in each]


def test_signing_out_elsewhere_ends_the_stream_at_once(
    sign_in: SignIn, site: Site, worker: Worker, complaints: list[str]
) -> None:
    page = sign_in("anna")
    open_live(page, site.url + ORDERS)
    other = page.context.new_page()
    other.goto(site.url + "/admin/")
    other.locator("#logout-form button").click()
    state(page, "off")
    complaints[:] = [each for each in complaints if "403" not in each]


def test_a_lost_permission_turns_it_off(sign_in: SignIn, site: Site, worker: Worker, complaints: list[str]) -> None:
    page = sign_in("carl")
    open_live(page, site.url + ORDERS)
    rights = worker.run(
        "carl = User.objects.get(username='carl')\n"
        "result = list(carl.user_permissions.values_list('pk', flat=True)); carl.user_permissions.clear()"
    )
    try:
        worker.run("Order.objects.create(number='A1')")
        state(page, "off")
    finally:
        worker.run(f"User.objects.get(username='carl').user_permissions.set({rights})")
    complaints[:] = [each for each in complaints if "403" not in each]


def test_a_page_that_nobody_sees_rests_until_it_is_seen(page: Page, site: Site, worker: Worker) -> None:
    open_live(page, site.url + ORDERS)
    hide(page, True)
    refreshes = count_refreshes(page)  # before, there may be one of what the test before this one left to be told
    worker.run("Order.objects.create(number='A1')")
    stays(lambda: not refreshes, 1.5, "no refresh while hidden")
    hide(page, False)
    expect_numbers(page, ["A1"])


def test_a_page_that_stays_hidden_gives_its_connection_back_and_misses_nothing(
    page: Page, site: Site, worker: Worker
) -> None:
    page.clock.install()
    open_live(page, site.url + ORDERS)
    streams: list[str] = []
    page.on("request", lambda request: streams.append(request.url) if request.url.endswith("/live/") else None)
    ended: list[str] = []
    page.on("requestfailed", lambda request: ended.append(request.url) if request.url.endswith("/live/") else None)
    hide(page, True)
    page.clock.fast_forward(11_000)
    until(lambda: page.evaluate("1") and ended, 10, "the connection is given back")
    worker.run("Order.objects.create(number='A1'); Order.objects.bulk_create([Order(number='A2')])")
    assert not streams
    hide(page, False)
    expect_numbers(page, ["A2", "A1"])
    assert len(streams) == 1


def hide(page: Page, hidden: bool) -> None:
    """Headless pages are always seen: say otherwise, as the browser would."""
    page.evaluate(
        """hidden => {
            Object.defineProperty(document, "hidden", { value: hidden, configurable: true })
            document.dispatchEvent(new Event("visibilitychange"))
        }""",
        hidden,
    )


def test_messages_are_left_for_the_page_that_a_person_opens(page: Page, site: Site, worker: Worker) -> None:
    worker.run("Order.objects.create(number='A1')")
    open_live(page, site.url + ORDERS)
    refreshes = count_refreshes(page)
    other = page.context.new_page()
    other.goto(site.url + "/admin/orders/tag/add/")
    other.fill("#id_name", "fragile")
    # Between the save and the page that shows its message, the list refreshes.
    reply = other.evaluate(
        """async () => {
            const body = new FormData(document.querySelector("#tag_form"))
            body.append("_save", "1")
            return (await fetch(location.href, { method: "POST", body, redirect: "manual" })).type
        }"""
    )
    assert reply == "opaqueredirect"
    worker.run("o = Order.objects.get(); o.total = 1; o.save()")
    expect(page.locator("td.field-total")).to_have_text("1.00")
    assert refreshes
    other.goto(site.url + "/admin/orders/tag/")
    expect(other.locator(".messagelist")).to_contain_text("was added successfully")


def test_under_wsgi_it_is_the_same(sign_in: SignIn, database: str, tmp_path: Path, worker: Worker) -> None:
    with Site(database, tmp_path / "log", kind="gunicorn-gthread") as site:
        page = sign_in("anna", site)
        open_live(page, site.url + ORDERS)
        worker.run("Order.objects.create(number='A1')")
        expect_numbers(page, ["A1"])
        worker.run("Order.objects.update(status='paid')")
        expect(page.locator("td.field-status")).to_have_text("Paid")
        page.goto("about:blank")
