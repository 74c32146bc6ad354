"""The changelist in Chromium: what another process does is shown as a reload would show it."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.admin_live.conftest import SignIn
from tests.admin_live.servers import Site, Worker
from tests.live.waiting import stays, until

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


def test_a_list_is_what_a_reload_shows_with_filters_search_order_and_pages(
    page: Page, site: Site, worker: Worker
) -> None:
    worker.run("for i in range(45): Order.objects.create(number=f'A{i:02}', status=['new', 'paid', 'shipped'][i % 3])")
    for query in ("?status__exact=paid", "?q=A1", "?o=1", "?p=2", "?p=2&o=-1.3", "?_facets=True", "?all="):
        open_live(page, site.url + ORDERS + query)
        worker.run(
            "with transaction.atomic():\n"
            "  for o in Order.objects.order_by('?')[:7]:\n"
            "    o.status, o.total = {'new': 'paid', 'paid': 'shipped', 'shipped': 'new'}[o.status], o.total + 1; o.save()\n"
            "  Order.objects.order_by('pk')[3].delete()\n"
            "  Order.objects.create(number='A1x'); Order.objects.create(number='0', status='paid')"
        )
        other = page.context.new_page()
        other.goto(site.url + ORDERS + query)
        wanted = shown(other)
        until(lambda wanted=wanted: shown(page) == wanted, 15, f"{query} is as a reload shows it")  # type: ignore[misc]
        other.close()


def shown(page: Page) -> list[str]:
    """The list's text: rows, counts, pages, filters, dates."""
    return [line for line in page.locator("#changelist").inner_text().split("\n") if line.strip()]


def test_a_related_model_that_is_named_is_followed_too(page: Page, site: Site, worker: Worker) -> None:
    worker.run("Order.objects.create(number='A1', customer=Customer.objects.create(name='Ada'))")
    open_live(page, site.url + ORDERS)
    expect(page.locator("td.field-customer")).to_have_text("Ada")
    worker.run("c = Customer.objects.get(); c.name = 'Grace'; c.save()")
    expect(page.locator("td.field-customer")).to_have_text("Grace")


def test_many_to_many_changes_and_children_of_the_model_are_followed(page: Page, site: Site, worker: Worker) -> None:
    worker.run("Order.objects.create(number='A1')")
    open_live(page, site.url + ORDERS)
    worker.run("Order.objects.get().tags.add(Tag.objects.create(name='fragile'))")
    expect(page.locator("td.field-tag_names")).to_have_text("fragile")
    worker.run("Tag.objects.get().order_set.clear()")
    expect(page.locator("td.field-tag_names")).to_have_text("-")
    worker.run("RushOrder.objects.create(number='R1')")
    expect_numbers(page, ["R1", "A1"])
    worker.run("r = OpenOrder.objects.get(number='R1'); r.status = 'paid'; r.save()")
    expect(page.locator("#result_list tr", has_text="R1").locator(".field-status")).to_have_text("Paid")


def test_what_sends_no_signal_is_noticed(page: Page, site: Site, worker: Worker) -> None:
    worker.run("Order.objects.create(number='A1')")
    open_live(page, site.url + ORDERS)
    worker.run("Order.objects.update(status='shipped')")
    expect(page.locator("td.field-status")).to_have_text("Shipped")
    worker.run("connection.cursor().execute(\"UPDATE orders_order SET status = 'paid'\")")
    expect(page.locator("td.field-status")).to_have_text("Paid")
    worker.run("Order.objects.bulk_create([Order(number='A2'), Order(number='A3')])")
    expect_numbers(page, ["A3", "A2", "A1"])


def test_ticks_open_details_scroll_and_focus_stay(sign_in: SignIn, site: Site, worker: Worker) -> None:
    page = sign_in("anna", viewport={"width": 1200, "height": 400})
    worker.run("for i in range(15): Order.objects.create(number=f'A{i:02}')")
    open_live(page, site.url + ORDERS)
    page.locator("tr", has_text="A07").locator(".action-select").check()
    page.locator("tr", has_text="A03").locator(".action-select").check()
    expect(page.locator(".action-counter")).to_have_text("2 of 15 selected")
    page.locator("#changelist-filter details").first.locator("summary").click()
    link = page.locator("tr", has_text="A05").locator("th a")
    link.focus()
    before = link.evaluate(
        "link => { link.scrollIntoView({block: 'center'}); return link.getBoundingClientRect().top }"
    )
    worker.run(
        "Order.objects.get(number='A03').delete()\n"
        "for i in range(15, 18): Order.objects.create(number=f'A{i}')\n"
        "o = Order.objects.get(number='A07'); o.status = 'paid'; o.save()"
    )
    expect(page.locator("tr", has_text="A07").locator(".field-status")).to_have_text("Paid")
    until(lambda: len(numbers(page)) == 17, 15, "17 rows")
    assert page.locator(".action-select:checked").count() == 1
    expect(page.locator("tr", has_text="A07").locator(".action-select")).to_be_checked()
    expect(page.locator(".action-counter")).to_have_text("1 of 17 selected")
    assert page.locator("#changelist-filter details").first.get_attribute("open") is None
    assert page.evaluate("document.activeElement.textContent") == "A05"
    assert abs(link.evaluate("link => link.getBoundingClientRect().top") - before) < 40


def test_boxes_that_came_later_are_counted_toggled_and_acted_on(page: Page, site: Site, worker: Worker) -> None:
    open_live(page, site.url + ORDERS)  # empty: actions.js has found nothing to begin with
    worker.run("for i in range(3): Order.objects.create(number=f'A{i}')")
    expect_numbers(page, ["A2", "A1", "A0"])
    page.locator("#action-toggle").check()
    expect(page.locator(".action-counter")).to_have_text("3 of 3 selected")
    assert page.locator("tr.selected").count() == 3
    worker.run("Order.objects.create(number='A3')")
    expect_numbers(page, ["A3", "A2", "A1", "A0"])
    expect(page.locator(".action-counter")).to_have_text("3 of 4 selected")
    expect(page.locator("#action-toggle")).not_to_be_checked()
    page.locator("tr", has_text="A2").locator(".action-select").uncheck()
    expect(page.locator(".action-counter")).to_have_text("2 of 4 selected")
    page.select_option("select[name=action]", "mark_paid")
    page.locator("button[name=index]").click()
    until(lambda: worker.run("result = Order.objects.filter(status='paid').count()") == 2, 10, "two are paid")


def test_all_of_several_pages_stay_selected(page: Page, site: Site, worker: Worker) -> None:
    worker.run("for i in range(20): Order.objects.create(number=f'A{i}')")
    open_live(page, site.url + ORDERS)
    worker.run("Order.objects.create(number='B')")  # a second page, and with it the question
    expect(page.locator(".paginator")).to_contain_text("21 orders")
    page.locator("#action-toggle").check()
    page.locator(".question a").click()
    expect(page.locator("span.all")).to_have_text("All 21 selected")
    worker.run("Order.objects.create(number='C')")
    expect(page.locator("span.all")).to_have_text("All 22 selected")
    expect(page.locator("span.all")).to_be_visible()
    assert page.locator(".action-select:checked").count() == 20
    page.select_option("select[name=action]", "mark_paid")
    page.locator("button[name=index]").click()
    until(lambda: worker.run("result = Order.objects.filter(status='paid').count()") == 22, 10, "all are paid")


def test_a_thousand_changes_cost_a_handful_of_refreshes(page: Page, site: Site, worker: Worker) -> None:
    worker.run("for i in range(10): Order.objects.create(number=f'A{i}')")
    open_live(page, site.url + ORDERS)
    refreshes = count_refreshes(page)
    worker.run(
        "for i in range(1000):\n  o = Order.objects.order_by('pk')[i % 10]; o.total = i; o.save()\n"
        "Order.objects.create(number='last')"
    )
    until(lambda: "last" in numbers(page), 15, "the last change is shown")
    expect(page.locator("tr", has_text="A9").locator(".field-total")).to_have_text("999.00")
    assert len(refreshes) <= 8, len(refreshes)


def count_refreshes(page: Page) -> list[str]:
    """Grows with each refresh."""
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url) if "x-sse-refresh" in request.headers else None)
    return seen


def test_a_burst_in_one_transaction_is_one_refresh(page: Page, site: Site, worker: Worker) -> None:
    open_live(page, site.url + ORDERS)
    refreshes = count_refreshes(page)
    worker.run("with transaction.atomic():\n  for i in range(300): Order.objects.create(number=f'A{i}')")
    expect(page.locator(".paginator")).to_contain_text("300 orders")
    expect(page.locator(".sse-live-said")).to_have_text("List updated. New: 20.")
    assert len(refreshes) <= 2, refreshes  # the second one is due to the look at the table


def test_selected_text_stays_and_news_comes_when_it_is_let_go(page: Page, site: Site, worker: Worker) -> None:
    worker.run("Order.objects.create(number='A1')")
    open_live(page, site.url + ORDERS)
    page.evaluate("getSelection().selectAllChildren(document.querySelector('td.field-status'))")
    worker.run("o = Order.objects.get(); o.status, o.total = 'paid', 5; o.save()")
    expect(page.locator("td.field-total")).to_have_text("5.00")
    expect(page.locator("td.field-status")).to_have_text("New")
    assert page.evaluate("getSelection().toString()").strip() == "New"
    page.evaluate("getSelection().removeAllRanges()")
    expect(page.locator("td.field-status")).to_have_text("Paid")


def test_nothing_moves_under_a_pressed_button(page: Page, site: Site, worker: Worker) -> None:
    worker.run("Order.objects.create(number='A1')")
    open_live(page, site.url + ORDERS)
    box = page.locator("td.field-status").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    worker.run("Order.objects.create(number='A2')")
    stays(lambda: numbers(page) == ["A1"], 1, "the row stays under the pointer")
    page.mouse.up()
    expect_numbers(page, ["A2", "A1"])


def test_a_page_of_the_list_that_is_no_more_ends_where_a_reload_would(page: Page, site: Site, worker: Worker) -> None:
    worker.run("for i in range(45): Order.objects.create(number=f'A{i}')")
    open_live(page, site.url + ORDERS + "?p=3")
    assert len(numbers(page)) == 5
    worker.run("for o in Order.objects.order_by('-pk')[:10]: o.delete()")
    until(lambda: len(numbers(page)) == 20, 15, "the first page")
    assert page.url == site.url + ORDERS + "?e=1"


def test_rows_are_chosen_in_a_popup_those_that_came_later_too(page: Page, site: Site, worker: Worker) -> None:
    page.goto(site.url + "/admin/")
    page.evaluate("void (window.dismissRelatedLookupPopup = (opened, pk) => { window.chosen = pk; opened.close() })")
    with page.expect_popup() as opening:
        page.evaluate(f"void window.open('{ORDERS}?_popup=1', 'lookup', 'width=800,height=500')")
    popup = opening.value
    expect(popup.locator(".sse-live-mark")).to_have_attribute("data-state", "live")
    worker.run("Order.objects.create(number='A1')")
    with popup.expect_event("close"):
        popup.locator("a[data-popup-opener]", has_text="A1").click()
    pk = worker.run("result = str(Order.objects.get().pk)")
    until(lambda: str(page.evaluate("window.chosen")) == pk, 5, "it is chosen")


def test_a_template_of_ones_own_and_a_list_without_actions_are_live(page: Page, site: Site, worker: Worker) -> None:
    open_live(page, site.url + "/admin/orders/rushorder/")
    worker.run("RushOrder.objects.create(number='R1')")
    expect_numbers(page, ["R1"])
    worker.run("RushOrder.objects.create(number='R2')")
    expect_numbers(page, ["R2", "R1"])
    worker.run("o = Order.objects.get(number='R1'); o.number = 'R1a'; o.save()")  # the parent's own class
    expect_numbers(page, ["R2", "R1a"])
    worker.run("Order.objects.get(number='R2').delete()")
    expect_numbers(page, ["R1a"])
    expect(page.locator("#hurry")).to_be_visible()


def test_a_row_whose_focus_is_deleted_hands_it_to_the_next(page: Page, site: Site, worker: Worker) -> None:
    worker.run("for i in range(3): Order.objects.create(number=f'A{i}')")
    open_live(page, site.url + ORDERS)
    page.locator("tr", has_text="A1").locator("th a").focus()
    worker.run("Order.objects.get(number='A1').delete()")
    expect_numbers(page, ["A2", "A0"])
    assert page.evaluate("document.activeElement.closest('tr')?.textContent.includes('A0')")


def test_what_changes_by_itself_is_shown_but_not_marked(page: Page, site: Site, worker: Worker) -> None:
    worker.run("Order.objects.create(number='A1'); Order.objects.create(number='A2')")
    open_live(page, site.url + "/admin/orders/openorder/")  # looks at nothing by itself
    worker.run("Order.objects.filter(number='A1').update(status='paid')")
    worker.run("o = Order.objects.get(number='A2'); o.status = 'shipped'; o.save()")
    row = page.locator("tr", has_text="A2")
    expect(row.locator("td.field-status")).to_have_class(re.compile("sse-live-changed"))
    expect(page.locator("tr", has_text="A1").locator("select[name$=status]")).to_have_value("paid")
    expect(page.locator("tr", has_text="A1").locator("td.field-status")).not_to_have_class(
        re.compile("sse-live-changed")
    )


@pytest.mark.parametrize("name", ["anna", "carl"])
def test_a_list_shows_what_its_reader_may_see(sign_in: SignIn, site: Site, worker: Worker, name: str) -> None:
    page = sign_in(name)
    open_live(page, site.url + ORDERS)
    worker.run("Order.objects.create(number='secret 1')")
    worker.run("Order.objects.create(number='A1')")
    expect_numbers(page, ["A1", "secret 1"] if name == "anna" else ["A1"])


def test_t40_markup_in_a_row_is_text_when_it_comes_and_when_it_changes(page: Page, site: Site, worker: Worker) -> None:
    open_live(page, site.url + ORDERS)
    markup = "<i class=injected>"
    tag = '<img class="injected" src=x>'
    worker.run(f"o = Order.objects.create(number={markup!r}); o.tags.add(Tag.objects.create(name={tag!r}))")
    expect_numbers(page, [markup])
    expect(page.locator("#result_list .field-tag_names")).to_have_text(tag)
    worker.run(
        f"c = Customer.objects.create(name={tag!r}); Order.objects.get().save(); Order.objects.update(customer=c)"
    )
    expect(page.locator("#result_list .field-customer")).to_have_text(tag)
    worker.run(f"o = Order.objects.get(); o.number = {markup!r} + 'b'; o.save()")
    expect_numbers(page, [f"{markup}b"])
    expect(page.locator(".injected")).to_have_count(0)
