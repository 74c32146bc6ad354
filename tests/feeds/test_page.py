"""Feeds in templates: a page's rows and the URL that goes on from them; events that are HTML, for htmx and Datastar."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import HttpRequest
from django.template import Context, RequestContext, Template
from django.test import RequestFactory, override_settings
from django.urls import path

from sse_django.feeds import ModelFeed
from sse_django.testing import StreamClient
from tests.feeds.app.models import Note

pytestmark = pytest.mark.usefixtures("live")


def url_of(feed: Any) -> Any:
    urlconf = types.ModuleType("urlconf_of_a_test")
    urlconf.urlpatterns = [path("notes/live/", feed.as_view(), name="notes")]  # type: ignore[attr-defined]
    return override_settings(ROOT_URLCONF=urlconf)


@pytest.fixture
def feed() -> Iterator[type[ModelFeed]]:
    class NoteFeed(ModelFeed):
        model = Note
        fields = ["slug", "text"]
        template_name = "feedshop/note.html"

    with url_of(NoteFeed):
        yield NoteFeed


def render(text: str, request: HttpRequest | None = None) -> str:
    request = request or RequestFactory().get("/")
    return Template("{% load sse %}" + text).render(RequestContext(request))


def test_the_page_goes_on_where_it_was_rendered(feed: Any, sse_client: StreamClient) -> None:
    first = Note.objects.create(slug="a", text="<b>")
    page = render(
        '{% sse_feed "feedshop.NoteFeed" as feed %}{{ feed.url }}|{{ feed }}|{{ feed.data|json_script:"notes" }}'
    )
    url, html, data = page.split("|")
    assert url.startswith("/notes/live/?last_event_id=")
    assert html == f'<li id="note-{first.pk}" >a: &lt;b&gt;</li>'
    assert '"text": "\\u003Cb\\u003E"' in data
    second = Note.objects.create(slug="b", text="B")
    with sse_client.stream(url) as stream:
        event = stream.next()
        assert (event.event, event.data) == ("created", f'<li id="note-{second.pk}" >b: B</li>')
        second.text = "C"
        second.save()
        event = stream.next()
        assert (event.event, event.data) == ("updated", f'<li id="note-{second.pk}" hx-swap-oob="true">b: C</li>')
        pk = second.pk
        second.delete()
        event = stream.next()
        assert (event.event, event.data) == ("deleted", f'<div id="note-{pk}" hx-swap-oob="delete"></div>')


def test_rows_can_be_written_by_the_page_itself(feed: Any) -> None:
    Note.objects.create(slug="a")
    assert (
        render('{% sse_feed "feedshop.NoteFeed" as feed %}{% for row in feed.rows %}{{ row.slug }}{% endfor %}') == "a"
    )


def test_datastar_gets_events_of_its_own(sse_client: StreamClient) -> None:
    class NoteFeed(ModelFeed):
        model = Note
        fields = ["slug", "text"]
        template_name = "feedshop/note.html"
        datastar = "#notes"

    with url_of(NoteFeed), sse_client.stream("/notes/live/") as stream:
        assert stream.next().data == "selector #notes\nmode inner"
        note = Note.objects.create(slug="a", text="A")
        event = stream.next()
        assert event.event == "datastar-patch-elements"
        assert event.data == f'selector #notes\nmode append\nelements <li id="note-{note.pk}" >a: A</li>'
        note.text = "B"
        note.save()
        assert stream.next().data == f'mode outer\nelements <li id="note-{note.pk}" >a: B</li>'
        pk = note.pk
        note.delete()
        assert stream.next().data == f"selector #note-{pk}\nmode remove"


def test_a_page_that_may_not_read_the_feed_says_so(feed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "has_permission", lambda self, request: False)
    with pytest.raises(PermissionDenied):
        render('{% sse_feed "feedshop.NoteFeed" %}')


def test_what_is_missing_is_said(feed: Any) -> None:
    with pytest.raises(ImproperlyConfigured, match="without a request"):
        Template('{% load sse %}{% sse_feed "feedshop.NoteFeed" %}').render(Context())
    with pytest.raises(ImproperlyConfigured, match="no feed"):
        render('{% sse_feed "feedshop.Nope" %}')
    with override_settings(ROOT_URLCONF="tests.urls"):
        with pytest.raises(ImproperlyConfigured, match="finds no URL"):
            render('{% sse_feed "feedshop.NoteFeed" %}')
        assert render('{% sse_feed "feedshop.NoteFeed" url="/x/?a=1" as feed %}{{ feed.url|safe }}').startswith(
            "/x/?a=1&last_event_id="
        )
