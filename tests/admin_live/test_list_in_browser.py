"""The changelist in Chromium: what another process does is shown as a reload would show it."""

from playwright.sync_api import Page, expect

from tests.admin_live.servers import Site, Worker
from tests.live.waiting import until

ORDERS = "/admin/orders/order/"


def open_live(page: Page, url: str) -> None:
    """Open a page and wait until it follows."""
    page.goto(url)
    expect(page.locator(".sse-live-mark")).to_have_attribute("data-state", "live")


def numbers(page: Page) -> list[str]:
    return page.locator("#result_list .field-number").all_text_contents()


def expect_numbers(page: Page, wanted: list[str]) -> None:
    until(lambda: numbers(page) == wanted, 15, f"{wanted}, not {numbers(page)}")


def test_inserts_updates_and_deletions_of_another_process_are_shown(page: Page, site: Site, worker: Worker) -> None:
    open_live(page, site.url + ORDERS)
    expect(page.locator(".paginator")).to_contain_text("0 orders")
    worker.run("Order.objects.create(number='A1')")
    expect_numbers(page, ["A1"])
    expect(page.locator(".paginator")).to_contain_text("1 order")
    worker.run("Order.objects.create(number='A2')")
    expect_numbers(page, ["A2", "A1"])
    worker.run("o = Order.objects.get(number='A1'); o.status = 'paid'; o.save()")
    expect(page.locator("#result_list tr", has_text="A1").locator(".field-status")).to_have_text("Paid")
    expect(page.locator("#result_list td.field-status.sse-live-changed")).to_have_text("Paid")
    expect(page.locator(".sse-live-said")).to_have_text("List updated. Changed: 1.")
    worker.run("Order.objects.get(number='A2').delete()")
    expect_numbers(page, ["A1"])
    expect(page.locator(".sse-live-said")).to_have_text("List updated. No longer here: 1.")
    worker.run("Order.objects.all().delete()")
    expect_numbers(page, [])
    expect(page.locator(".paginator")).to_contain_text("0 orders")
