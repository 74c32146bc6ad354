"""A dashboard as a class, in a site, and who may see what of it."""

import json
import re
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import django
import pytest
from asgiref.sync import sync_to_async
from django.contrib import admin
from django.contrib.admin import AdminSite
from django.contrib.auth.models import Permission, User
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.http import HttpRequest
from django.test import Client
from django.urls import path

from sse_django import publish
from sse_django.admin import Dashboard, Log, Number, Table, TimeSeries, register_dashboard
from sse_django.testing import AsyncStreamClient, StreamClient, live_backend
from tests.app.models import Product

pytestmark = [pytest.mark.urls(__name__)]

QUICK = 0.1


class Bakery(AdminSite):
    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        return [
            *super().get_app_list(request, app_label),
            {"name": "Ours", "app_label": "ours", "app_url": "/", "models": []},
        ]


site = Bakery(name="bakery")
site.register(Product)
bare = AdminSite(name="bare")


@register_dashboard(site=site)
class ShopFloor(Dashboard):
    description = "Everything at once"
    recheck_interval = 0.2

    ovens = Number(lambda: 3, interval=QUICK)
    takings = Number(lambda: 100, currency="EUR", permission="shop.change_product", interval=QUICK)
    nobodys = Number(lambda: 666, permission=lambda request: False, interval=QUICK)
    newest = Table(Product.objects.order_by("-id"), fields=["name"], interval=QUICK)


@register_dashboard(site=site)
class Accounts(Dashboard):
    permission = "shop.view_account"
    total = TimeSeries(lambda: 1)


urlpatterns = [path("bakery/", site.urls), path("bare/", bare.urls)]

PAGE = "/bakery/live-dashboards/shop-floor/"
EVENTS = f"{PAGE}events/"


def user(name: str, *permissions: str, staff: bool = True) -> User:
    made = User.objects.create_user(name, is_staff=staff)
    made.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return made


def signed_in(*permissions: str, staff: bool = True, client: Any = None) -> Any:
    client = client or Client()
    client.force_login(user("ann", *permissions, staff=staff))
    return client


def config(response: Any) -> Any:
    text = response.content.decode()
    start = text.index('<script id="sse-dashboard-config" type="application/json">')
    return json.loads(text[text.index(">", start) + 1 : text.index("</script>", start)])


# -- classes


def test_names_come_from_the_class_unless_said() -> None:
    assert (ShopFloor.title, ShopFloor.slug) == ("Shop Floor", "shop-floor")
    assert [(w.name, w.label) for w in ShopFloor.widgets.values()][:2] == [("ovens", "Ovens"), ("takings", "Takings")]


def test_a_subclass_has_its_parents_widgets_and_may_take_one_away() -> None:
    class Night(ShopFloor):
        newest = None  # type: ignore[assignment]
        stars = Number(lambda: 1)

    assert list(Night.widgets) == ["ovens", "takings", "nobodys", "stars"]
    assert list(ShopFloor.widgets) == ["ovens", "takings", "nobodys", "newest"]
    assert Night.slug == "night"


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"n": Number}, "is the class Number: call it, with a source"),
        ({"slug": "no spaces"}, "slug is letters"),
        ({"permission": "nothing"}, "permission is 'app.codename'"),
        ({"recheck_interval": 0}, "recheck_interval is seconds above 0"),
    ],
)
def test_what_can_not_be_is_said_when_the_class_is_made(attributes: dict[str, Any], said: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=said):
        type("Wrong", (Dashboard,), attributes)


def test_what_can_not_be_registered_is_said() -> None:
    with pytest.raises(ImproperlyConfigured, match="Empty has no widgets"):
        register_dashboard(type("Empty", (Dashboard,), {}), site=bare)
    with pytest.raises(ImproperlyConfigured, match="registers subclasses of Dashboard"):
        register_dashboard(Product, site=bare)  # type: ignore[type-var]
    with pytest.raises(ImproperlyConfigured, match="have the same slug, 'shop-floor'"):
        register_dashboard(ShopFloor, site=site)
    with pytest.raises(ImproperlyConfigured, match="site= is an AdminSite"):
        register_dashboard(ShopFloor, site="bakery")  # type: ignore[call-overload]


def test_the_default_site_is_djangos() -> None:
    @register_dashboard
    class OfTheDefault(Dashboard):
        n = Number(lambda: 1)

    try:
        assert admin.site._sse_dashboards["of-the-default"].site is not None  # type: ignore[attr-defined]
    finally:
        del admin.site._sse_dashboards["of-the-default"]  # type: ignore[attr-defined]


# -- the index


@pytest.mark.django_db
def test_the_index_and_the_sidebar_lead_to_what_may_be_seen() -> None:
    client = signed_in("view_product")
    index = client.get("/bakery/").content.decode()

    assert f'href="{PAGE}"' in index
    assert "accounts" not in index
    assert "Ours" in index  # what the site's own class adds
    sidebar = client.get("/bakery/shop/product/").content.decode()
    assert f'href="{PAGE}"' in sidebar
    assert client.get("/bakery/shop/").status_code == 200
    assert PAGE not in client.get("/bakery/shop/").content.decode().partition('id="content-main"')[2]


@pytest.mark.django_db
def test_the_section_has_a_page_of_its_own() -> None:
    client = signed_in("view_account")
    page = client.get("/bakery/live-dashboards/")

    assert page.status_code == 200
    assert "/bakery/live-dashboards/accounts/" in page.content.decode()


@pytest.mark.django_db
def test_a_site_without_dashboards_is_as_it_was() -> None:
    client = signed_in("view_product")

    assert "live-dashboards" not in client.get("/bare/").content.decode()
    assert client.get("/bare/live-dashboards/").status_code == 404


# -- permissions


@pytest.mark.django_db
@pytest.mark.parametrize("address", [PAGE, EVENTS, "/bakery/live-dashboards/"])
def test_who_is_no_staff_is_asked_to_sign_in(address: str) -> None:
    for client in (Client(), signed_in(staff=False)):
        response = client.get(address)
        assert response.status_code == 302
        assert response.headers["Location"].startswith("/bakery/login/")


@pytest.mark.django_db
def test_a_dashboard_is_for_those_with_its_permission() -> None:
    client = signed_in("view_product")

    for address in ("/bakery/live-dashboards/accounts/", "/bakery/live-dashboards/accounts/events/"):
        assert client.get(address).status_code == 403
    assert client.get("/bakery/live-dashboards/none/").status_code == 404
    assert client.get("/bakery/live-dashboards/none/events/").status_code == 404


@pytest.mark.django_db
def test_rows_lead_to_their_object_for_those_who_may_go_there() -> None:
    assert config(signed_in().get(PAGE))["widgets"]["newest"]["link"] is None
    User.objects.all().delete()
    linked = config(signed_in("view_product").get(PAGE))["widgets"]["newest"]["link"]
    assert linked == "/bakery/shop/product/__pk__/change/"


@pytest.mark.django_db
def test_the_page_speaks_the_viewers_language(settings: Any) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.middleware.locale.LocaleMiddleware"]
    settings.TIME_ZONE = "Europe/Berlin"
    page = signed_in().get(PAGE, headers={"Accept-Language": "de"})

    assert (config(page)["language"], config(page)["timeZone"]) == ("de", "Europe/Berlin")


@pytest.mark.django_db
def test_a_page_without_an_inline_script_or_style() -> None:
    text = signed_in("view_product").get(PAGE).content.decode()

    assert "<style" not in text
    assert " style=" not in text
    assert "onclick" not in text
    assert (
        text.count("<script") == text.count("<script src=") + text.count('<script type="module" src=') + 1
    )  # the JSON


@pytest.mark.django_db
@pytest.mark.skipif(django.VERSION < (6, 0), reason="Django 6.0 brings the middleware")
def test_a_policy_of_nonces_is_served(settings: Any) -> None:
    settings.MIDDLEWARE = ["django.middleware.csp.ContentSecurityPolicyMiddleware", *settings.MIDDLEWARE]
    settings.SECURE_CSP = {"script-src": ["<CSP_NONCE_SENTINEL>"]}
    [engine] = settings.TEMPLATES
    processors = [*engine["OPTIONS"]["context_processors"], "django.template.context_processors.csp"]
    settings.TEMPLATES = [{**engine, "OPTIONS": {"context_processors": processors}}]

    response = signed_in("view_product").get(PAGE)
    nonce = response.headers["Content-Security-Policy"].partition("'nonce-")[2].partition("'")[0]

    assert nonce
    scripts = re.findall(r"<script [^>]*src=[^>]*>", response.content.decode())
    assert scripts
    assert all(f'nonce="{nonce}"' in script for script in scripts)


@pytest.mark.django_db
def test_hashed_static_files_find_each_other(settings: Any, tmp_path: Path) -> None:
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
    }
    call_command("collectstatic", verbosity=0, interactive=False)

    text = signed_in("view_product").get(PAGE).content.decode()

    for address in re.findall(r'(?:src|href)="/?static/([^"]+)"', text):
        assert (tmp_path / address).exists(), address
    script = tmp_path / next(a for a in re.findall(r'src="/?static/([^"]+)"', text) if "dashboard/main" in a)
    imported = re.findall(r'from "([^"]+)"', script.read_text())
    assert imported
    assert all((script.parent / one).exists() for one in imported)


# -- the stream


@pytest.mark.django_db(transaction=True)
def test_t35_pages_and_streams_tell_what_may_be_seen_and_no_more() -> None:
    client = signed_in("view_product", client=StreamClient())
    accounts = "/bakery/live-dashboards/accounts/"
    page = client.get(PAGE)
    with live_backend(), client.stream(EVENTS) as stream, client.stream(f"{accounts}events/") as refused:
        first = stream.next()
        seen = {stream.next().json()["widget"] for _ in range(6)}

    assert (client.get(accounts).status_code, refused.status_code) == (403, 403)
    assert b"Accounts" not in client.get("/bakery/live-dashboards/").content
    assert list(config(page)["widgets"]) == ["ovens", "newest"]
    assert b"takings" not in page.content
    assert b"666" not in page.content
    assert stream.status_code == 200
    assert stream.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert first.event == "widgets"
    assert first.json()["names"] == ["ovens", "newest"]
    assert seen == {"ovens", "newest"}
    assert b"666" not in stream.body


@pytest.mark.django_db(transaction=True)
def test_t37_the_channel_of_a_log_is_read_by_those_who_may_see_the_widget() -> None:
    class Whispers(Dashboard):
        ovens = Number(lambda: 3, interval=QUICK)
        heard = Log(channel="whispers", permission="shop.view_product")

    site._sse_dashboards["whispers"] = Whispers(site)  # type: ignore[attr-defined]
    address = "/bakery/live-dashboards/whispers/"
    allowed, other = signed_in("view_product", client=StreamClient()), StreamClient()
    other.force_login(user("bob"))
    assert b"heard" not in other.get(address).content
    with live_backend(), allowed.stream(f"{address}events/") as his, other.stream(f"{address}events/") as nothing:
        end = time.monotonic() + 60
        while b"swordfish" not in his.body and time.monotonic() < end:
            publish("whispers", "swordfish")  # again, until the log has its place
            his.next()
        told = {nothing.next().json().get("widget") for _ in range(5)}

    assert b"swordfish" in his.body
    assert told == {None, "ovens"}
    assert b"swordfish" not in nothing.body


@pytest.mark.django_db(transaction=True)
def test_t38_what_fails_in_a_widget_is_told_to_the_log_and_not_to_viewers(caplog: pytest.LogCaptureFixture) -> None:
    def fail(*args: Any) -> Any:
        raise ValueError("the password is swordfish")

    class Failing(Dashboard):
        source = Number(fail, interval=QUICK)
        column = Table(lambda: [{"a": 1}], fields=[("Heading", fail)], interval=QUICK)
        past = TimeSeries(lambda: 1, history=fail, interval=QUICK)
        line = Log(channel="failing", line=fail)
        kind = Number(lambda: "swordfish", interval=QUICK)  # whose type error quotes it

    site._sse_dashboards["failing"] = Failing(site)  # type: ignore[attr-defined]
    address = "/bakery/live-dashboards/failing/"
    client = signed_in(client=StreamClient())
    failed: set[str] = set()
    wanted = {"source", "column", "past", "line", "kind"}
    with live_backend(), client.stream(f"{address}events/") as stream:
        end = time.monotonic() + 60
        while failed != wanted and time.monotonic() < end:
            publish("failing", 1)
            told = stream.next().json()
            if told.get("problem"):
                assert told["problem"] == {"kind": "error", "detail": None}
                failed.add(told["widget"])
        page = client.get(address)

    assert failed == wanted
    for body in (stream.body, page.content):
        assert b"swordfish" not in body
        assert b"Traceback" not in body
    assert caplog.text.count("the password is swordfish") >= 4


@pytest.mark.django_db(transaction=True)
async def test_a_stream_under_asgi_follows_the_database() -> None:
    client = AsyncStreamClient()
    await sync_to_async(signed_in)("view_product", client=client)
    with live_backend():
        async with client.stream(EVENTS) as stream:
            await Product.objects.acreate(name="Stollen")
            while b"Stollen" not in stream.body:
                await stream.next()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "change",
    [
        lambda ann: User.objects.update(is_staff=False),
        lambda ann: User.objects.update(is_active=False),
        lambda ann: ann.user_permissions.clear(),
        lambda ann: ann.user_permissions.add(Permission.objects.get(codename="change_product")),
        lambda ann: ann.delete(),
    ],
    ids=["no staff", "inactive", "loses a permission", "gains a permission", "deleted"],
)
def test_t36_a_stream_ends_when_what_may_be_seen_changes(change: Any) -> None:
    class Watched(Dashboard):
        recheck_interval = 0.2
        always = Number(lambda: 1, interval=QUICK)
        sometimes = Number(lambda: 2, permission="shop.view_product", interval=QUICK)
        gained = Number(lambda: 2, permission="shop.change_product", interval=QUICK)

    site._sse_dashboards["watched"] = Watched(site)  # type: ignore[attr-defined]
    client = signed_in("view_product", client=StreamClient())
    with live_backend(), client.stream("/bakery/live-dashboards/watched/events/") as stream:
        stream.next()
        change(User.objects.get())
        stream.rest()

    assert stream.ended


@pytest.mark.django_db(transaction=True)
def test_a_stream_goes_on_for_who_still_may() -> None:
    client = signed_in("view_product", client=StreamClient())
    with live_backend(), client.stream(EVENTS) as stream:
        end = time.monotonic() + 1  # several times the recheck interval
        while time.monotonic() < end:
            stream.next()


@pytest.mark.django_db
def test_a_test_that_has_not_asked_for_it_runs_no_source() -> None:
    client = signed_in("view_product", client=StreamClient())
    with client.stream(EVENTS) as stream:
        assert stream.next().event == "widgets"
        states = stream.take(2)

    assert [state.json()["at"] for state in states] == [None, None]


@pytest.mark.django_db(transaction=True)
def test_the_streams_of_a_session_are_asked_about_together() -> None:
    asked: list[float] = []

    class Shared(Dashboard):
        recheck_interval = 1.0
        n = Number(lambda: 1, interval=QUICK, permission=lambda request: bool(asked.append(time.monotonic())) or True)

    site._sse_dashboards["shared"] = Shared(site)  # type: ignore[attr-defined]
    client = signed_in(client=StreamClient())
    with live_backend(), ExitStack() as stack:
        streams = [stack.enter_context(client.stream("/bakery/live-dashboards/shared/events/")) for _ in range(8)]
        opened = len(asked)
        end = time.monotonic() + 2.5
        while time.monotonic() < end:
            for stream in streams:
                stream.next()

    assert 1 <= len(asked) - opened <= 6  # and not 8 * 2
