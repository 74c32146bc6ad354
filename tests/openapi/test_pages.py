"""Who sees the pages about streams, and what is on them."""

import json
from collections.abc import AsyncIterable
from types import ModuleType
from typing import Any

import pytest
import yaml
from django.contrib.auth.models import User
from django.core.management import call_command
from django.http import HttpRequest
from django.test import Client, RequestFactory, override_settings
from django.urls import include, path, set_script_prefix

from sse_django import event_stream
from sse_django.openapi import openapi_document, openapi_view, typescript_types

pytestmark = [pytest.mark.urls("tests.openapi.site"), pytest.mark.django_db]

PAGES = ["/streams/", "/streams/rows/", "/streams/openapi.json", "/streams/openapi.yaml", "/streams/streams.d.ts"]


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_user("sam", is_staff=True))
    return client


@pytest.mark.parametrize("where", PAGES)
def test_strangers_are_sent_to_the_login_page(client: Client, where: str) -> None:
    response = client.get(where)

    assert response.status_code == 302
    assert response["Location"] == f"/accounts/login/?next={where}"


def test_where_there_is_an_admin_its_login_page_is_meant(client: Client) -> None:
    with override_settings(ROOT_URLCONF="tests.openapi.site_with_admin"):
        assert client.get("/streams/")["Location"] == "/admin/login/?next=/streams/"


@pytest.mark.parametrize("where", PAGES)
def test_who_is_signed_in_and_not_of_the_staff_may_not_look(client: Client, where: str) -> None:
    client.force_login(User.objects.create_user("kim"))
    assert client.get(where).status_code == 403


@pytest.mark.parametrize("where", PAGES)
def test_staff_may_look_and_with_debug_anybody(staff: Client, where: str) -> None:
    assert staff.get(where).status_code == 200
    with override_settings(DEBUG=True):
        assert Client().get(where).status_code == 200


def test_without_users_the_pages_are_closed_unless_debug_is_on(client: Client) -> None:
    with override_settings(MIDDLEWARE=[]):
        assert client.get("/streams/").status_code == 403


def test_a_stream_that_cant_be_described_is_named_beside_the_others(staff: Client) -> None:
    @event_stream
    async def unclear(request: HttpRequest) -> "AsyncIterable[Nope]":  # type: ignore[name-defined]  # noqa: F821
        yield 1

    @event_stream
    async def clear(request: HttpRequest) -> AsyncIterable[int]:
        """Numbers."""
        yield 1

    urlconf: Any = ModuleType("urlconf_of_a_test")
    urlconf.urlpatterns = [
        path("unclear/", unclear),
        path("clear/", clear),
        path("streams/", include("sse_django.docs_urls")),
    ]
    with override_settings(ROOT_URLCONF=urlconf):
        html = staff.get("/streams/").content.decode()
        assert staff.get("/streams/clear/").status_code == 200
    assert "Numbers" in html
    assert "/unclear/: " in html
    assert "Nope" in html


def test_a_command_for_the_terminal_says_that_the_view_wants_a_csrf_token(staff: Client) -> None:
    assert "X-CSRFToken" in staff.get("/streams/chat/").content.decode()
    assert "X-CSRFToken" not in staff.get("/streams/rows/").content.decode()


@pytest.mark.parametrize("where", PAGES[:2])
def test_pages_allow_nothing_but_their_own_files(staff: Client, where: str) -> None:
    response = staff.get(where)
    html = response.content.decode()

    assert "script-src 'self'; style-src 'self'" in response["Content-Security-Policy"]
    assert "default-src 'none'" in response["Content-Security-Policy"]
    assert "style=" not in html
    assert "<style" not in html
    assert "no-store" in response["Cache-Control"]


def test_static_files_of_another_host_are_allowed(staff: Client) -> None:
    with override_settings(STATIC_URL="https://files.example/static/"):
        policy = staff.get("/streams/")["Content-Security-Policy"]
    assert "script-src 'self' https://files.example; style-src 'self' https://files.example;" in policy
    assert "connect-src 'self';" in policy


def test_list_has_every_stream_with_its_events(staff: Client) -> None:
    html = staff.get("/streams/").content.decode()

    for stream_id in ("rows", "chat", "finite", "forgetful", "quick"):
        assert f'href="{stream_id}/"' in html
    assert "<code>token</code> <code>done</code>" in html


def test_page_of_a_stream_has_its_words_events_types_and_answers(staff: Client) -> None:
    html = staff.get("/streams/rows/").content.decode()

    for words in (
        "The rows of a table, then silence",
        "/tables/{table}/from/{start}/",
        "Each has its number as id",
        "which table",
        "Counted from one.",
        "label: string | null;",
        "404",
    ):
        assert words in html


def test_form_begins_with_a_body_that_fits(staff: Client) -> None:
    html = staff.get("/streams/chat/").content.decode()
    assert "{\n  &quot;text&quot;: &quot;three little words&quot;,\n  &quot;loud&quot;: false\n}" in html


def test_stream_that_is_not_there_is_a_404(staff: Client) -> None:
    assert staff.get("/streams/nothing/").status_code == 404


def test_documents_are_those_of_the_command(staff: Client) -> None:
    document = openapi_document("tests.openapi.site")

    assert json.loads(staff.get("/streams/openapi.json").content) == document
    assert yaml.safe_load(staff.get("/streams/openapi.yaml").content) == document
    assert staff.get("/streams/streams.d.ts").content.decode() == typescript_types("tests.openapi.site")


def test_document_has_a_view_for_programs_too(client: Client) -> None:
    response = client.get("/openapi.json")

    assert response["Content-Type"] == "application/json"
    assert response.json() == openapi_document("tests.openapi.site", title="The site")
    assert client.post("/openapi.json").status_code == 405


def test_prefix_of_the_site_is_the_documents_server() -> None:
    set_script_prefix("/app/")  # as the handlers do
    try:
        document = openapi_view(RequestFactory().get("/app/openapi.json")).content
    finally:
        set_script_prefix("/")
    assert json.loads(document)["servers"] == [{"url": "/app"}]


def test_pages_pass_djangos_checks(capsys: Any) -> None:
    call_command("check", "--fail-level", "WARNING", "--database", "default")  # others may be left of other tests
