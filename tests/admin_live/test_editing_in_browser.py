"""list_editable in Chromium: what a person types stays, and is saved to the row that it was typed in, whatever happens."""

import re
from decimal import Decimal

from playwright.sync_api import Locator, Page, expect

from tests.admin_live.servers import Site, Worker
from tests.admin_live.test_list_in_browser import expect_numbers, open_live
from tests.live.waiting import stays

EDITABLE = "/admin/orders/openorder/"


def field(page: Page, number: str, name: str) -> Locator:
    return row_of(page, number).locator(f"[name^=form-][name$=-{name}]")


def row_of(page: Page, number: str) -> Locator:
    return page.locator("#result_list tr", has=page.locator("th a", has_text=re.compile(f"^{number}$")))


def totals(worker: Worker) -> dict[str, str]:
    found: dict[str, str] = worker.run("result = {o.number: str(o.total) for o in Order.objects.all()}")
    return found


def save(page: Page) -> None:
    page.locator("input[name=_save]").click()
    expect(page.locator(".messagelist .success")).to_be_visible()


def test_what_is_typed_is_saved_to_its_row_though_rows_came_went_and_moved(
    page: Page, site: Site, worker: Worker
) -> None:
    worker.run("for n in 'bdfh': Order.objects.create(number=n)")
    open_live(page, site.url + EDITABLE)
    field(page, "f", "total").fill("77.77")
    field(page, "h", "status").select_option("paid")
    worker.run(
        "Order.objects.create(number='a'); Order.objects.create(number='e')\n"
        "Order.objects.get(number='b').delete()\n"
        "d = Order.objects.get(number='d'); d.number = 'z'; d.total = 1; d.save()"
    )
    expect_numbers(page, ["a", "e", "f", "h", "z"])
    expect(field(page, "f", "total")).to_have_value("77.77")
    expect(field(page, "f", "total")).to_have_attribute("name", "form-2-total")
    field(page, "e", "total").fill("5.55")  # a row that came later
    save(page)
    assert totals(worker) == {"a": "10.00", "e": "5.55", "f": "77.77", "h": "10.00", "z": "1.00"}
    assert worker.run("result = Order.objects.get(number='h').status") == "paid"


def test_the_focus_the_caret_and_unsaved_text_stay_while_the_row_moves(page: Page, site: Site, worker: Worker) -> None:
    worker.run("for n in 'bdf': Order.objects.create(number=n)")
    open_live(page, site.url + EDITABLE)
    box = field(page, "d", "placed_0")
    box.fill("2026-01-31")
    box.press("Home")
    for _ in range(4):
        box.press("ArrowRight")
    worker.run("for n in 'ac': Order.objects.create(number=n)")
    worker.run("f = Order.objects.get(number='f'); f.number = 'A'; f.save()")
    worker.run("d = Order.objects.get(number='d'); d.number = 'x d'; d.save()")
    expect_numbers(page, ["A", "a", "b", "c", "x d"])
    page.keyboard.type("!")
    expect(field(page, "x d", "placed_0")).to_have_value("2026!-01-31")


def test_a_conflict_is_said_and_nothing_is_overwritten(page: Page, site: Site, worker: Worker) -> None:
    worker.run("for n in 'ab': Order.objects.create(number=n)")
    open_live(page, site.url + EDITABLE)
    field(page, "a", "total").fill("77.77")
    worker.run("a = Order.objects.get(number='a'); a.total, a.status = 3, 'shipped'; a.save()")
    row = row_of(page, "a")
    expect(row.locator(".sse-live-note")).to_have_text("Changed meanwhile to: 3.00")
    expect(field(page, "a", "total")).to_have_value("77.77")
    expect(field(page, "a", "status")).to_have_value("shipped")  # another cell of the row
    worker.run("a = Order.objects.get(number='a'); a.total = 10; a.save()")
    expect(row.locator(".sse-live-note")).to_have_count(0)
    worker.run("a = Order.objects.get(number='a'); a.total = '77.77'; a.save()")
    worker.run("b = Order.objects.get(number='b'); b.total = 8; b.save()")
    expect(field(page, "b", "total")).to_have_value("8.00")
    expect(row.locator(".sse-live-note")).to_have_count(0)


def test_a_field_that_is_only_looked_at_gets_its_news_when_it_is_left(page: Page, site: Site, worker: Worker) -> None:
    worker.run("for n in 'ab': Order.objects.create(number=n)")
    open_live(page, site.url + EDITABLE)
    field(page, "a", "total").focus()
    worker.run(
        "Order.objects.filter(number='a').update(total=3); b = Order.objects.get(number='b'); b.total = 4; b.save()"
    )
    expect(field(page, "b", "total")).to_have_value("4.00")
    expect(field(page, "a", "total")).to_have_value("10.00")
    page.keyboard.press("Tab")
    expect(field(page, "a", "total")).to_have_value("3.00")


def test_a_row_that_leaves_the_list_keeps_what_is_typed_and_can_be_saved(
    page: Page, site: Site, worker: Worker
) -> None:
    worker.run("for n in 'abc': Order.objects.create(number=n)")
    open_live(page, site.url + EDITABLE + "?status__exact=new")
    field(page, "b", "total").fill("77.77")
    worker.run("b = Order.objects.get(number='b'); b.status = 'paid'; b.save()")
    note = page.locator(".sse-live-left .sse-live-note-left")
    expect(note).to_have_text("No longer in this list. What you typed can still be saved.")
    field(page, "c", "total").fill("6.66")
    save(page)
    assert totals(worker) == {"a": "10.00", "b": "77.77", "c": "6.66"}


def test_a_deleted_row_keeps_what_is_typed_and_doesnt_stop_the_others(page: Page, site: Site, worker: Worker) -> None:
    worker.run("for n in 'abc': Order.objects.create(number=n)")
    open_live(page, site.url + EDITABLE)
    field(page, "b", "total").fill("77.77")
    field(page, "c", "total").fill("6.66")
    worker.run("Order.objects.get(number='b').delete()")
    expect(page.locator(".sse-live-deleted .sse-live-note-left")).to_contain_text("Deleted meanwhile")
    expect(page.locator(".sse-live-deleted [name$=-total]")).to_have_value("77.77")
    save(page)
    assert totals(worker) == {"a": "10.00", "c": "6.66"}


def test_a_row_that_is_no_objects_shifts_nothing(page: Page, site: Site, worker: Worker) -> None:
    worker.run("for n, total in (('b', 2), ('d', 4), ('f', 6)): Order.objects.create(number=n, total=total)")
    open_live(page, site.url + "/admin/orders/summedorder/")
    field(page, "d", "total").fill("44")
    worker.run("Order.objects.create(number='a', total=1); Order.objects.get(number='b').delete()")
    worker.run("Order.objects.create(number='c', total=3)")
    expect(page.locator("#result_list tbody tr")).to_have_text(
        [re.compile(text) for text in ("All of them4", "a", "c", "d", "f")]
    )
    field(page, "c", "total").fill("33")
    save(page)
    assert totals(worker) == {"a": "1.00", "c": "33.00", "d": "44.00", "f": "6.00"}


def test_rows_that_came_later_have_the_admins_calendars(page: Page, site: Site, worker: Worker) -> None:
    worker.run("Order.objects.create(number='b')")
    open_live(page, site.url + EDITABLE)
    worker.run("Order.objects.create(number='a', placed='2020-05-05T10:00Z')")
    expect_numbers(page, ["a", "b"])
    row = page.locator("#result_list tbody tr").first
    expect(row.locator(".datetimeshortcuts")).to_have_count(2)
    before = row.locator("[name^=form-][name$=placed_0]").input_value()
    row.locator(".datetimeshortcuts a", has_text="Today").first.click()
    assert row.locator("[name^=form-][name$=placed_0]").input_value() != before
    row.locator("[name^=form-][name$=total]").fill("1.11")
    save(page)
    assert Decimal(totals(worker)["a"]) == Decimal("1.11")


def test_a_form_with_errors_is_left_alone(page: Page, site: Site, worker: Worker) -> None:
    worker.run("Order.objects.create(number='a')")
    open_live(page, site.url + EDITABLE)
    field(page, "a", "placed_0").fill("never")
    page.locator("input[name=_save]").click()
    expect(page.locator(".errorlist").first).to_be_visible()
    expect(page.locator(".sse-live-mark")).to_have_attribute("data-state", "paused")
    worker.run("Order.objects.create(number='b')")
    stays(lambda: field(page, "a", "placed_0").input_value() == "never", 1.5, "what was typed stays")
    assert page.locator(".errorlist").count() == 1
