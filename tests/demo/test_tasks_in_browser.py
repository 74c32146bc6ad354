"""Feeds as HTML: htmx's SSE extension and Datastar, as their authors ship them, follow the same rows in two browsers."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.demo.conftest import QUICK
from tests.demo.server import DemoServer, manage
from tests.live.browser import listen

PAGES = ["htmx", "datastar"]


def shell(database: Path, code: str) -> None:
    manage(database, "shell", "-c", f"from demo_project.tasks.models import Task\n{code}")


@pytest.mark.parametrize("name", PAGES)
def test_two_pages_follow_what_each_other_and_a_terminal_change(
    demo: DemoServer, database: Path, page: Page, complaints: list[str], name: str
) -> None:
    shell(database, "Task.objects.all().delete(); Task.objects.create(title='there before')")
    other = page.context.new_page()
    listen(other, complaints)
    for each in (page, other):
        each.goto(f"{demo.url}/tasks/{name}/")
        expect(each.locator(".task .tick")).to_have_text(["there before"])
    page.get_by_label("What has to be done").fill("<b>bold</b>")
    page.get_by_role("button", name="Add").click()
    for each in (page, other):
        expect(each.locator(".task .tick")).to_have_text(["there before", "<b>bold</b>"])
    other.get_by_role("button", name="there before", exact=True).click()
    for each in (page, other):
        expect(each.locator(".tick[aria-pressed=true]")).to_have_text(["there before"])
    page.get_by_label("Remove there before").click()
    for each in (page, other):
        expect(each.locator(".task .tick")).to_have_text(["<b>bold</b>"])
    shell(database, "Task.objects.create(title='from a terminal')")
    for each in (page, other):
        expect(each.locator(".task .tick")).to_have_text(["<b>bold</b>", "from a terminal"])
    other.close()


def test_the_two_libraries_see_the_same_rows(demo: DemoServer, database: Path, page: Page) -> None:
    shell(database, "Task.objects.all().delete()")
    other = page.context.new_page()
    page.goto(f"{demo.url}/tasks/htmx/")
    other.goto(f"{demo.url}/tasks/datastar/")
    for each, title in ((page, "one"), (other, "two")):
        each.get_by_label("What has to be done").fill(title)
        each.get_by_role("button", name="Add").click()
        expect(each.locator(".task .tick").last).to_have_text(title)
    for each in (page, other):
        expect(each.locator(".task .tick")).to_have_text(["one", "two"])
    other.close()


@pytest.mark.parametrize("name", PAGES)
def test_what_changed_while_the_server_was_away_is_there_when_it_is_back(
    database: Path, page: Page, complaints: list[str], name: str
) -> None:
    shell(database, "Task.objects.all().delete(); Task.objects.create(title='a')")
    with DemoServer(database, pace=QUICK) as server:
        port = server.port
        page.goto(f"{server.url}/tasks/{name}/")
        shell(database, "Task.objects.create(title='b')")
        expect(page.locator(".task .tick")).to_have_text(["a", "b"])
    shell(database, "Task.objects.filter(title='a').delete(); Task.objects.create(title='c')")
    with DemoServer(database, pace=QUICK, port=port):
        expect(page.locator(".task .tick")).to_have_text(["b", "c"])
    complaints.clear()  # the connections that were refused


@pytest.mark.parametrize("name", PAGES)
def test_after_a_reset_the_list_is_the_database_again(demo: DemoServer, database: Path, page: Page, name: str) -> None:
    shell(database, "Task.objects.all().delete(); Task.objects.create(title='a')")
    page.goto(f"{demo.url}/tasks/{name}/")
    expect(page.locator(".task .tick")).to_have_text(["a"])
    shell(
        database,
        "from sse_django.feeds import suppress_feeds\n"
        "with suppress_feeds(): Task.objects.create(title='untold')\n"
        "from sse_django.backends import get_backend\n"
        "get_backend().rotate_epoch()",
    )
    expect(page.locator(".task .tick")).to_have_text(["a", "untold"])


@pytest.mark.parametrize("name", PAGES)
def test_a_phone_shows_it_whole(demo: DemoServer, database: Path, page: Page, name: str) -> None:
    shell(database, f"Task.objects.all().delete(); Task.objects.create(title={'long' * 20!r})")
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(f"{demo.url}/tasks/{name}/")
    expect(page.locator(".task")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
