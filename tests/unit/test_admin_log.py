"""The log in the admin: there for those who may view, escaped, quick on a large table, and never to be changed."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext

from sse_django import ServerSentEvent, publish
from sse_django.admin import log as log_module
from sse_django.backends import get_backend
from sse_django.models import LogEvent, LogHead

LIST = "/admin/sse_django/logevent/"
MEMORY = {"BACKEND": "sse_django.backends.memory.MemoryBackend"}
DATABASE = {"BACKEND": "sse_django.backends.database.DatabaseBackend"}

pytestmark = pytest.mark.django_db


@pytest.fixture
def superuser(client: Client) -> Client:
    """Somebody who may do anything."""
    client.force_login(User.objects.create_superuser("root"))
    return client


def staff(client: Client, *rights: str) -> Client:
    user = User.objects.create_user("clerk", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client.force_login(user)
    return client


def cells(html: str) -> list[list[str]]:
    """The texts of the list's rows, still escaped."""
    rows: list[list[str]] = []

    class Cells(HTMLParser):
        inside = False

        def handle_starttag(self, tag: str, attrs: Any) -> None:
            self.inside = self.inside or tag == "tbody"
            if self.inside and tag == "tr":
                rows.append([])
            elif self.inside and tag in {"td", "th"}:
                rows[-1].append("")

        def handle_endtag(self, tag: str) -> None:
            self.inside = self.inside and tag != "tbody"

        def handle_data(self, data: str) -> None:
            if self.inside and rows and rows[-1]:
                rows[-1][-1] += data.strip()

        def handle_entityref(self, name: str) -> None:
            self.handle_data(f"&{name};")

        def handle_charref(self, name: str) -> None:
            self.handle_data(f"&#{name};")

    Cells(convert_charrefs=False).feed(html)
    return rows


def test_list_shows_cursor_channels_event_time_and_escaped_beginning_of_the_data(superuser: Client) -> None:
    publish(["orders", "user:5"], {"x": "<script>alert(1)</script>"}, event="created")
    first = get_backend().head()
    publish("chat", ServerSentEvent(raw_data="ä" * 500))
    second = get_backend().head()

    html = superuser.get(LIST).content.decode()

    one, two = cells(html)
    assert one[:3] == [second, "chat", "message"]
    assert one[4] == "ä" * 120 + "…"
    assert two[:3] == [first, "orders, user:5", "created"]
    assert two[4] == "{&quot;x&quot;:&quot;&lt;script&gt;alert(1)&lt;/script&gt;&quot;}"
    assert two[3]


def test_page_of_an_event_shows_all_of_its_data(superuser: Client) -> None:
    publish("chat", ServerSentEvent(raw_data="<b>" + "x" * 5000 + "end", retry=1500, comment="a note"))
    event = LogEvent.objects.get()

    response = superuser.get(f"{LIST}{event.pk}/change/")

    html = response.content.decode()
    assert "&lt;b&gt;" + "x" * 5000 + "end" in html
    assert "<b>x" not in html
    assert get_backend().head() in html
    assert "1500" in html
    assert "a note" in html
    assert "_save" not in html


def test_nobody_may_add_change_or_delete(superuser: Client) -> None:
    publish("orders", 1)
    event = LogEvent.objects.get()
    assert superuser.get(LIST + "add/").status_code == 403
    assert superuser.post(LIST + "add/", {"tag": "x"}).status_code == 403
    assert superuser.post(f"{LIST}{event.pk}/change/", {"tag": "x"}).status_code == 403
    assert superuser.post(f"{LIST}{event.pk}/delete/", {"post": "yes"}).status_code == 403
    superuser.post(LIST, {"action": "delete_selected", "_selected_action": event.pk, "post": "yes"})
    assert list(LogEvent.objects.values_list("pk", "tag")) == [(event.pk, event.tag)]
    html = superuser.get(LIST).content.decode()
    assert LIST + "add/" not in html
    assert "action-select" not in html


def test_looking_needs_the_right_to_view(client: Client) -> None:
    publish("orders", 1)
    staff(client, "add_logevent", "delete_logevent")
    assert client.get(LIST).status_code == 403
    assert client.get(f"{LIST}{LogEvent.objects.get().pk}/change/").status_code == 403
    assert LIST not in client.get("/admin/").content.decode()

    User.objects.get().user_permissions.set(Permission.objects.filter(codename="view_logevent"))

    assert client.get(LIST).status_code == 200
    assert client.get(f"{LIST}{LogEvent.objects.get().pk}/change/").status_code == 200
    assert LIST in client.get("/admin/").content.decode()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("orders", ["3", "1"]),
        ("user:5", ["2", "1"]),
        ("DELETED", ["3"]),
        ("orders user:5", ["1"]),
        ("%", []),
        ("secret", []),
        ("", ["3", "2", "1"]),
    ],
)
def test_search_looks_at_channels_and_names(superuser: Client, query: str, found: list[str]) -> None:
    publish(["orders", "user:5"], 1, event="created")
    publish("user:5", 2)
    publish("orders", 3, event="deleted")
    rows = cells(superuser.get(LIST, {"q": query}).content.decode())
    assert [row[4] for row in rows if len(row) == 5] == found


def test_other_backends_have_no_page(superuser: Client) -> None:
    publish("orders", 1)
    pk = LogEvent.objects.get().pk
    with override_settings(SSE_DJANGO={"BACKENDS": {"default": MEMORY}}):
        assert superuser.get(LIST).status_code == 403
        assert superuser.get(f"{LIST}{pk}/change/").status_code in {302, 403}
        assert "sse_django" not in superuser.get("/admin/").content.decode()


@pytest.mark.parametrize(
    "backends",
    [
        {"default": MEMORY, "log": DATABASE},
        {"default": {"BACKEND": "sse_django.backends.nothing.Backend"}, "log": DATABASE},
        {"log": {**DATABASE, "OPTIONS": {"using": "nowhere"}}, "default": DATABASE},
    ],
)
def test_the_database_backend_is_found_among_others(superuser: Client, backends: dict[str, Any]) -> None:
    with override_settings(SSE_DJANGO={"BACKENDS": backends}):
        assert superuser.get(LIST).status_code == 200


def test_a_list_of_a_large_log_neither_counts_it_nor_reads_its_data(
    superuser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_module, "COUNTED", 150)
    for n in range(3):
        publish("orders", n)
    template = LogEvent.objects.first()
    assert template is not None
    LogEvent.objects.bulk_create(
        LogEvent(tag="00", channels=" orders ", data="y" * 1000, created=template.created) for _ in range(200)
    )

    with CaptureQueriesContext(
        connection,
    ) as queries:
        html = superuser.get(LIST).content.decode()

    assert "150 events" in html
    assert len(cells(html)) == 100
    ours = [query["sql"] for query in queries if "sse_django_logevent" in query["sql"]]
    assert len(ours) == 2, ours
    assert all("LIMIT" in sql for sql in ours)
    assert [sql.count('."data"') for sql in ours] == [sql.count('SUBSTR("sse_django_logevent"."data"') for sql in ours]


def test_an_event_of_a_log_without_a_name_has_no_cursor_yet(superuser: Client) -> None:
    publish("orders", 1)
    LogHead.objects.all().delete()
    (row,) = cells(superuser.get(LIST).content.decode())
    assert row[:2] == ["-", "orders"]
