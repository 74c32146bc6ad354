"""The change form in Chromium: somebody else's change is said, one's own is not."""

from playwright.sync_api import Page, expect

from tests.admin_live.conftest import SignIn
from tests.admin_live.servers import Site, Worker
from tests.admin_live.test_list_in_browser import ORDERS, open_live
from tests.live.waiting import stays

CHANGE_AS_CARL = """
from django.contrib.contenttypes.models import ContentType
with transaction.atomic():
    o = Order.objects.get(); o.total += 1; o.save()
    LogEntry.objects.create(
        user=User.objects.get(username="carl"), content_type=ContentType.objects.get_for_model(Order),
        object_id=o.pk, object_repr="", action_flag=2, change_message="",
    )
"""


def form_of(page: Page, site: Site, worker: Worker) -> str:
    pk = worker.run("result = Order.objects.create(number='A1').pk")
    return f"{site.url}{ORDERS}{pk}/change/"


def test_it_says_who_has_changed_the_object_and_when_and_typed_text_stays(
    page: Page, site: Site, worker: Worker
) -> None:
    open_live(page, form_of(page, site, worker))
    page.fill("#id_number", "mine")
    worker.run(CHANGE_AS_CARL)
    notice = page.locator(".sse-live-notice")
    expect(notice).to_contain_text("carl changed this order.")
    expect(page.locator("#id_number")).to_have_value("mine")
    notice.locator("a").click()
    expect(page.locator("#id_total")).to_have_value("11.00")
    expect(page.locator(".sse-live-mark")).to_have_attribute("data-state", "live")
    expect(page.locator(".sse-live-notice li")).to_have_count(0)


def test_ones_own_save_is_no_news(page: Page, site: Site, worker: Worker) -> None:
    open_live(page, form_of(page, site, worker))
    page.fill("#id_total", "12")
    page.locator("[name=_continue]").click()
    expect(page.locator(".messagelist .success")).to_be_visible()
    expect(page.locator(".sse-live-mark")).to_have_attribute("data-state", "live")
    stays(lambda: page.locator(".sse-live-notice li").count() == 0, 1.5, "no notice")
    worker.run("o = Order.objects.get(); o.total = 13; o.save()")
    expect(page.locator(".sse-live-notice")).to_contain_text("This order has been changed meanwhile.")


def test_ones_own_other_window_is_called_so(page: Page, site: Site, worker: Worker) -> None:
    url = form_of(page, site, worker)
    open_live(page, url)
    other = page.context.new_page()
    other.goto(url)
    other.fill("#id_total", "12")
    other.locator("[name=_continue]").click()
    expect(other.locator(".messagelist .success")).to_be_visible()
    expect(page.locator(".sse-live-notice")).to_contain_text("you changed this order in another window")


def test_a_column_that_the_form_doesnt_show_is_no_news_and_a_relation_is(
    page: Page, site: Site, worker: Worker
) -> None:
    open_live(page, form_of(page, site, worker))
    worker.run("o = Order.objects.get(); o.views += 1; o.save()")
    stays(lambda: page.locator(".sse-live-notice li").count() == 0, 1, "no notice")
    worker.run("Order.objects.get().tags.add(Tag.objects.create(name='fragile'))")
    expect(page.locator(".sse-live-notice")).to_contain_text("This order has been changed meanwhile.")
    worker.run("Tag.objects.get().order_set.clear()")
    expect(page.locator(".sse-live-notice li")).to_have_count(0)  # as it was: nothing would be overwritten


def test_what_sends_no_signal_and_what_happened_before_the_stream_is_noticed(
    page: Page, site: Site, worker: Worker, complaints: list[str]
) -> None:
    url = form_of(page, site, worker)
    page.route("**/live/", lambda route: route.abort())
    page.goto(url)
    worker.run("Order.objects.update(total=3)")
    page.unroute("**/live/")
    expect(page.locator(".sse-live-notice")).to_contain_text("This order has been changed meanwhile.")
    complaints[:] = [each for each in complaints if "ERR_FAILED" not in each]


def test_a_deletion_is_said(page: Page, site: Site, worker: Worker) -> None:
    open_live(page, form_of(page, site, worker))
    worker.run("Order.objects.get().delete()")
    expect(page.locator(".sse-live-notice")).to_contain_text(
        "This order has been deleted, or you may no longer see it."
    )
    assert page.locator(".sse-live-notice a").count() == 0


def test_a_form_that_comes_back_with_errors_still_knows_what_it_was_opened_with(
    page: Page, site: Site, worker: Worker
) -> None:
    open_live(page, form_of(page, site, worker))
    page.fill("#id_placed_0", "never")
    page.locator("[name=_continue]").click()
    expect(page.locator(".errornote")).to_be_visible()
    expect(page.locator(".sse-live-mark")).to_have_attribute("data-state", "live")
    stays(lambda: page.locator(".sse-live-notice li").count() == 0, 1, "no notice yet")
    worker.run(CHANGE_AS_CARL)
    expect(page.locator(".sse-live-notice")).to_contain_text("carl changed this order")
    page.locator("[name=_continue]").click()
    expect(page.locator(".errornote")).to_be_visible()
    expect(page.locator(".sse-live-notice")).to_contain_text("carl changed this order")


def test_a_reader_who_loses_an_object_is_told_so(sign_in: SignIn, site: Site, worker: Worker) -> None:
    page = sign_in("carl")
    open_live(page, form_of(page, site, worker))
    worker.run("o = Order.objects.get(); o.number = 'secret'; o.save()")
    expect(page.locator(".sse-live-notice")).to_contain_text("or you may no longer see it")
