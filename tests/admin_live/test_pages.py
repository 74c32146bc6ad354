"""Pages, the stream and the state of an object, asked by people with different rights; queries; hooks; checks."""

import json
import re
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.contrib.messages import get_messages
from django.contrib.sessions.models import Session
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.models.signals import post_save
from django.test import Client, RequestFactory, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import path
from django.utils.functional import SimpleLazyObject

from sse_django.admin import LiveModelAdmin
from sse_django.admin.asking import Answers, as_of_now
from sse_django.admin.live import modeladmin
from sse_django.admin.live.checks import check_admin
from sse_django.admin.live.notices import isolated, row_key
from sse_django.testing import StreamClient, live_backend
from tests.admin_live.orders.models import Draft, OpenOrder, Order, RushOrder, Tag

pytestmark = pytest.mark.django_db

LIST = "/admin/orders/order/"
LIVE = f"{LIST}live/"


def person(name: str, *rights: str, staff: bool = True) -> User:
    user = User.objects.create_user(name, is_staff=staff)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights, content_type__app_label="orders"))
    return user


@pytest.fixture
def anna() -> User:
    return User.objects.create_superuser("anna")


@pytest.fixture
def as_anna(client: Client, anna: User) -> Client:
    client.force_login(anna)
    return client


def script(html: str) -> dict[str, str]:
    """The attributes of our script."""
    (tag,) = re.findall(r"<script[^>]*data-sse-live[^>]*>", html)
    return {name: _unescape(value) for name, value in re.findall(r'([\w-]+)="([^"]*)"', tag)}


def _unescape(text: str) -> str:
    from html import unescape

    return unescape(text)


# -- the list


def test_the_list_has_one_module_with_all_it_needs_in_attributes(as_anna: Client) -> None:
    orders = [Order.objects.create(number=n) for n in "ab"]
    html = as_anna.get(LIST).content.decode()
    found = script(html)
    assert found["type"] == "module"
    assert found["src"] == "/static/sse_django/admin/live.js"
    assert found["data-sse-live"] == "changelist"
    assert found["data-stream"] == LIVE
    assert json.loads(found["data-keys"]) == [row_key(Order, order.pk) for order in reversed(orders)]
    assert re.fullmatch(r"[0-9a-z]+-[0-9]+-[0-9a-f]*", found["data-cursor"])
    assert "sse_django/admin/live.css" in html


def test_a_live_list_costs_one_query_more_for_its_cursor_and_a_refresh_none(as_anna: Client) -> None:
    Order.objects.create(number="a")
    as_anna.get(LIST)

    def queries(**headers: str) -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            as_anna.get(LIST, headers=headers)
        return [query["sql"] for query in captured]

    page, refresh = queries(), queries(**{"X-SSE-Refresh": "1"})
    assert len(page) - len(refresh) == len([sql for sql in page if "sse_django_log" in sql]) <= 2
    assert not [sql for sql in refresh if "sse_django_log" in sql]
    assert not [sql for sql in page if sql.startswith(("INSERT", "UPDATE"))]


def test_a_page_is_worth_more_than_its_cursor(as_anna: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from sse_django.backends import get_backend

    monkeypatch.setattr(type(get_backend()), "head", lambda self: 1 / 0)
    found = script(as_anna.get(LIST).content.decode())
    assert "data-cursor" not in found


def test_a_refresh_leaves_messages_for_the_page_that_is_opened(as_anna: Client) -> None:
    as_anna.post("/admin/orders/tag/add/", {"name": "fragile"})
    response = as_anna.get(LIST, headers={"X-SSE-Refresh": "1"})
    assert "was added successfully" not in response.content.decode()
    assert list(get_messages(response.wsgi_request)) == []
    assert "was added successfully" in as_anna.get(LIST).content.decode()


def test_a_list_that_answers_a_post_with_errors_says_so(as_anna: Client) -> None:
    order = Order.objects.create(number="a")
    data = {
        "form-TOTAL_FORMS": 1,
        "form-INITIAL_FORMS": 1,
        "form-0-id": order.pk,
        "form-0-status": "new",
        "form-0-total": "many",
        "form-0-placed_0": "2026-01-01",
        "form-0-placed_1": "10:00",
        "_save": "Save",
    }
    found = script(as_anna.post("/admin/orders/openorder/", data).content.decode())
    assert found["data-bound"] == ""
    assert json.loads(found["data-keys"]) == [row_key(OpenOrder, order.pk)]


def test_popups_are_live_too(as_anna: Client) -> None:
    assert script(as_anna.get(LIST, {"_popup": "1"}).content.decode())["data-stream"] == LIVE


# -- the form


def test_the_form_knows_its_version_and_a_new_object_has_none(as_anna: Client) -> None:
    order = Order.objects.create(number="a")
    found = script(as_anna.get(f"{LIST}{order.pk}/change/").content.decode())
    assert found["data-key"] == row_key(Order, order.pk)
    assert found["data-state"] == f"{LIST}{order.pk}/live/"
    assert re.fullmatch(r"[0-9a-f]{32}\.[0-9]+\.[0-9a-f]{32}", found["data-version"])
    assert "data-sse-live" not in as_anna.get(f"{LIST}add/").content.decode()


def test_a_version_that_comes_back_with_errors_is_kept_and_a_forged_one_isnt(as_anna: Client) -> None:
    order = Order.objects.create(number="a")
    url = f"{LIST}{order.pk}/change/"
    version = f"{'0' * 32}.1.{'0' * 32}"
    for sent, kept in ((version, version), ('"><script>', ""), (None, "")):
        data = {"number": ""} if sent is None else {"number": "", "_sse_version": sent}
        assert script(as_anna.post(url, data).content.decode())["data-version"] == kept


def state(client: Client, order: Order, version: str) -> Any:
    return client.get(f"{LIST}{order.pk}/live/", {"version": version}).json()


def test_the_state_is_same_changed_or_gone(as_anna: Client) -> None:
    order = Order.objects.create(number="a")
    version = script(as_anna.get(f"{LIST}{order.pk}/change/").content.decode())["data-version"]
    assert state(as_anna, order, version) == {"state": "same", "text": ""}
    Order.objects.update(views=5)  # not on the form
    assert state(as_anna, order, version)["state"] == "same"
    order.tags.add(Tag.objects.create(name="t"))
    assert state(as_anna, order, version)["state"] == "changed"
    order.tags.clear()
    assert state(as_anna, order, version)["state"] == "same"
    Order.objects.update(total=5)
    assert state(as_anna, order, version) == {
        "state": "changed",
        "text": "This order has been changed meanwhile.",
    }
    assert state(as_anna, order, "nonsense")["state"] == "same"
    pk = order.pk
    order.delete()
    order.pk = pk
    assert state(as_anna, order, version)["state"] == "gone"


def test_a_user_name_is_text_and_no_markup(as_anna: Client, client: Client) -> None:
    order = Order.objects.create(number="a")
    version = script(as_anna.get(f"{LIST}{order.pk}/change/").content.decode())["data-version"]
    other = Client()
    other.force_login(User.objects.create_superuser("<b>eve</b>"))
    fields = {"number": "b", "status": "new", "total": "1", "placed_0": "2026-01-01", "placed_1": "10:00"}
    assert other.post(f"{LIST}{order.pk}/change/", fields).status_code == 302
    response = as_anna.get(f"{LIST}{order.pk}/live/", {"version": version})
    assert response["Content-Type"] == "application/json"
    assert "<b>eve</b> changed this order." in response.json()["text"]


# -- who may


@pytest.mark.parametrize(
    ("rights", "staff", "status"),
    [
        (["view_order"], True, 200),
        (["change_order"], True, 200),
        (["add_order"], True, 403),
        (["view_order"], False, 403),
    ],
)
def test_t31_the_stream_and_the_state_want_staff_who_may_see_the_list(
    rights: list[str], staff: bool, status: int, sse_client: StreamClient
) -> None:
    order = Order.objects.create(number="a")
    sse_client.force_login(person("carl", *rights, staff=staff))
    assert sse_client.get(f"{LIST}{order.pk}/live/").status_code == status
    with sse_client.stream(LIVE) as stream:
        assert stream.status_code == status
    assert sse_client.get(LIST).status_code == (200 if status == 200 else 403 if staff else 302)


def test_who_isnt_signed_in_gets_a_403_and_no_login_page(sse_client: StreamClient) -> None:
    assert sse_client.get(LIVE).status_code == 403
    assert sse_client.get(f"{LIST}1/live/").status_code == 403
    with override_settings(
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.auth.middleware.LoginRequiredMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
        ]
    ):
        assert Client().get(LIVE).status_code == 403


def test_an_object_that_isnt_in_ones_queryset_is_gone(client: Client) -> None:
    order = Order.objects.create(number="secret")
    client.force_login(person("carl", "view_order"))
    assert state(client, order, f"{'0' * 32}.1.{'0' * 32}")["state"] == "gone"


def test_t33_who_deleted_what_one_never_saw_isnt_told(as_anna: Client) -> None:
    """Primary keys are easily guessed, and the admin's log is about all objects."""
    carl, eve = Client(), Client()
    carl.force_login(person("carl", "view_order"))
    eve.force_login(person("eve", "view_order"))
    seen, hidden = Order.objects.create(number="a"), Order.objects.create(number="secret")
    version = script(carl.get(f"{LIST}{seen.pk}/change/").content.decode())["data-version"]
    for order in (seen, hidden):
        assert as_anna.post(f"{LIST}{order.pk}/delete/", {"post": "yes"}).status_code == 302
    assert "anna deleted this order." in state(carl, seen, version)["text"]
    nothing = {"state": "gone", "text": "This order has been deleted, or you may no longer see it."}
    assert state(carl, hidden, version) == nothing
    assert state(carl, hidden, "") == nothing
    assert state(carl, hidden, f"{'0' * 32}.1.{'0' * 32}") == nothing
    assert state(eve, seen, version) == nothing  # it isn't hers


def test_t41_a_version_that_is_forged_or_somebody_elses_tells_nothing_new_and_goes_nowhere(as_anna: Client) -> None:
    carl, eve = Client(), Client()
    carl.force_login(person("carl", "view_order"))
    eve.force_login(person("eve", "view_order"))
    order, another = Order.objects.create(number="a"), Order.objects.create(number="b")
    hers, its = (
        script(as_anna.get(f"{LIST}{o.pk}/change/").content.decode())["data-version"] for o in (order, another)
    )
    mine = script(carl.get(f"{LIST}{order.pk}/change/").content.decode())["data-version"]
    digest, made, seal = mine.split(".")
    forged = [
        *(hers, its, f"{digest}.1.{seal}", f"{digest}.{made}.{'0' * 32}", f"{'0' * 32}.{made}.{seal}"),
        *("", "x", '"><script>', f"{mine}\n", f"{mine}.x", f"{digest}.{'9' * 17}.{seal}", f"{digest}.-1.{seal}"),
    ]
    for version in forged:  # nothing but a line of text about an object that he may see
        answer = carl.get(f"{LIST}{order.pk}/live/", {"version": version})
        assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
        assert answer.json()["text"] in ("", "This order has been changed meanwhile.")
    fields = {"number": "c", "status": "new", "total": "1", "placed_0": "2026-01-01", "placed_1": "10:00"}
    assert as_anna.post(f"{LIST}{order.pk}/change/", fields).status_code == 302
    assert (
        "anna changed" in state(carl, order, f"{'0' * 32}.1.{'0' * 32}")["text"]
    )  # as the history that he may see says
    assert "anna" in carl.get(f"{LIST}{order.pk}/history/").content.decode()
    assert as_anna.post(f"{LIST}{order.pk}/delete/", {"post": "yes"}).status_code == 302
    for version in forged:
        assert "anna" not in state(carl, order, version)["text"]
    assert "anna deleted" in state(carl, order, mine)["text"]
    assert "anna" not in state(eve, order, mine)["text"]


def test_a_cursor_that_could_not_stand_in_a_stream_is_refused(as_anna: Client) -> None:
    assert as_anna.get(LIVE, {"last_event_id": "1\n\ndata: forged"}).status_code == 400


def test_only_get_is_answered(as_anna: Client) -> None:
    assert as_anna.post(LIVE).status_code == 405
    assert as_anna.post(f"{LIST}1/live/").status_code == 405


def test_asking_again_sees_the_session_and_the_user_as_they_are(anna: User, client: Client) -> None:
    client.force_login(anna)
    request = client.get(LIST).wsgi_request
    assert request.user == anna
    assert as_of_now(request).user == anna
    User.objects.update(is_staff=False)
    assert not as_of_now(request).user.is_staff
    assert request.user.is_staff
    Session.objects.all().delete()
    assert as_of_now(request).user.is_anonymous


@pytest.mark.parametrize("lazy", [False, True])
def test_asking_again_reads_a_user_who_came_without_a_session(anna: User, lazy: bool) -> None:
    request: Any = RequestFactory().get(LIST)
    request.user = SimpleLazyObject(lambda: anna) if lazy else anna  # as middleware that reads a token sets it
    User.objects.update(is_active=False)
    assert not as_of_now(request).user.is_active
    User.objects.all().delete()
    assert as_of_now(request).user.is_anonymous


@pytest.fixture
def asked_often(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a list's stream that asks again ten times a second."""
    monkeypatch.setattr(modeladmin, "RECHECK", 0.1)
    with isolated():
        site = Site(name="other")
        site.register(Order, LiveModelAdmin)
        urlconf: Any = ModuleType("urlconf_of_a_test")
        urlconf.urlpatterns = [path("other/", site.urls)]
    with override_settings(ROOT_URLCONF=urlconf):
        yield "/other/orders/order/live/"


class Impersonate:
    """Whom the session names as impersonated is the request's user, for superusers: django-impersonate's way."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        other = request.session.get("impersonated")
        if other is not None and request.user.is_superuser:
            request.user = User.objects.get(pk=other)
        return self.get_response(request)


@pytest.mark.django_db(transaction=True)
def test_a_list_of_somebody_impersonated_is_asked_for_anew_and_is_then_as_a_reload_would_show_it(
    sse_client: StreamClient, anna: User, asked_often: str
) -> None:
    carl = person("carl", "view_order")
    sse_client.force_login(anna)
    session = sse_client.session
    session["impersonated"] = carl.pk
    session.save()
    # Not the fixture `settings`, which is undone after asked_often, and brings its URLs back for all tests that follow.
    impersonating = override_settings(MIDDLEWARE=[*settings.MIDDLEWARE, f"{__name__}.Impersonate"])
    with impersonating, live_backend():
        for _ in range(2):
            with sse_client.stream(asked_often) as stream:
                assert stream.status_code == 200
                stream.rest()  # ends, as neither of the two can be asked about
        carl.user_permissions.clear()
        assert sse_client.get(asked_often).status_code == 403  # though the superuser, whose session it is, may


def test_asking_again_takes_an_impersonated_user_for_nobody_and_the_same_user_for_themselves(
    anna: User, client: Client
) -> None:
    client.force_login(anna)
    request: Any = client.get(LIST).wsgi_request
    request.user = person("carl", "view_order")
    assert as_of_now(request).user.is_anonymous
    request.user = User.objects.get(pk=anna.pk)  # read by middleware itself
    assert as_of_now(request).user == anna
    request.user = AnonymousUser()
    assert as_of_now(request).user.is_anonymous


@pytest.mark.parametrize(("rights", "cost"), [(None, 2), (("view_order",), 4)], ids=["superuser", "staff"])
def test_whether_they_still_may_is_one_question_for_all_streams_of_a_session(
    rights: tuple[str, ...] | None, cost: int, client: Client
) -> None:
    user = User.objects.create_superuser("anna") if rights is None else person("carl", *rights)
    live: Any = admin.site.get_model_admin(Order)

    def asked(count: int) -> int:
        client.force_login(user)
        responses = [client.get(LIVE) for _ in range(count)]
        with CaptureQueriesContext(connection) as queries:
            assert all(live._still_may_watch(response.wsgi_request) for response in responses)
        for response in responses:
            response.close()
        return len(queries)

    assert asked(1) == cost
    client.logout()
    assert asked(50) == cost


def test_an_answer_is_no_older_than_it_may_be_and_no_other_sessions(anna: User) -> None:
    answers: Answers[bool] = Answers()

    def ask(request: Any, lasting: float = 60) -> bool:
        return answers.of(request, lambda now: now.user.is_superuser, lasting)

    def signed_in(user: User) -> Any:
        client = Client()
        client.force_login(user)
        return client.get("/admin/").wsgi_request

    hers, his = signed_in(anna), signed_in(person("carl"))
    sessionless = RequestFactory().get("/admin/")
    sessionless.user = anna
    assert (ask(hers), ask(his), ask(sessionless)) == (True, False, True)
    User.objects.update(is_superuser=False)
    assert (ask(hers), ask(his), ask(sessionless)) == (True, False, False)
    User.objects.update(is_superuser=True)
    assert not ask(his)

    answers = Answers()
    assert ask(his, lasting=0)
    User.objects.update(is_superuser=False)
    assert not ask(his, lasting=0)


def test_an_answer_is_not_that_of_another_user_or_host_of_the_same_session(anna: User, client: Client) -> None:
    answers: Answers[bool] = Answers()
    client.get("/admin/login/")
    session = client.session
    session.save()

    def ask(user: User, host: str) -> bool:
        request: Any = RequestFactory(headers={"host": host}).get(LIVE)
        request.user, request.session = user, session  # a header says who it is, or a proxy
        return answers.of(
            request, lambda now: now.user.is_superuser and now.META["HTTP_HOST"] == "one.example.com", lasting=60
        )

    assert ask(anna, "one.example.com")
    assert not ask(person("carl"), "one.example.com")
    assert not ask(anna, "two.example.com")


# -- the stream


@pytest.mark.django_db(transaction=True)
def test_the_stream_tells_what_changes(sse_client: StreamClient, anna: User) -> None:
    sse_client.force_login(anna)
    with live_backend(), sse_client.stream(LIVE) as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        stream.wait_for(lambda stream: bool(stream.last_event_id))
        order = Order.objects.create(number="a")
        event = stream.next()
        assert event.event == "change"
        assert event.json()["rows"][row_key(Order, order.pk)] == "created"


@pytest.mark.django_db(transaction=True)
def test_t32_a_stream_tells_of_hidden_rows_a_keyed_digest_and_nothing_else(sse_client: StreamClient) -> None:
    sse_client.force_login(person("carl", "view_order"))
    with live_backend(), sse_client.stream(LIVE) as stream:
        stream.wait_for(lambda stream: bool(stream.last_event_id))
        hidden = Order.objects.create(pk=987654321, number="secret swordfish", total=123456)
        Order.objects.filter(pk=hidden.pk).update(number="secret trout")
        hidden.refresh_from_db()
        hidden.save()
        hidden.delete()
        told = [stream.next() for _ in range(3)]
        seen = stream.body
    assert [event.event for event in told] == ["change"] * 3
    keys = (row_key(Order, 987654321), row_key(RushOrder, 987654321))
    assert [event.json() for event in told] == [
        {"rows": dict.fromkeys(keys, action)} for action in ("created", "updated", "deleted")
    ]
    with override_settings(SECRET_KEY="another"):
        assert row_key(Order, 987654321) not in keys
    for word in (b"swordfish", b"trout", b"secret", b"123456", b"987654321", b"number"):
        assert word not in seen
    assert b"987654321" not in sse_client.get(LIST).content


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "change",
    [
        lambda: User.objects.update(is_active=False),
        lambda: User.objects.get().user_permissions.clear(),
        lambda: Session.objects.all().delete(),
    ],
    ids=["inactive", "no right", "no session"],
)
def test_t34_a_stream_ends_when_its_reader_may_no_more(change: Any, sse_client: StreamClient, asked_often: str) -> None:
    sse_client.force_login(person("carl", "view_order"))
    with live_backend():
        with sse_client.stream(asked_often) as stream:
            stream.wait_for(lambda stream: bool(stream.last_event_id))
            change()
            stream.rest()
        assert stream.ended
        assert sse_client.get(asked_often).status_code == 403


# -- hooks, and what is checked


class Site(admin.AdminSite):
    """Another site than the default one."""


def make(admin_class: Any, model: Any = Order) -> Any:
    return admin_class(model, Site(name="other"))


def test_urls_media_and_templates_of_ones_own_go_on_working(rf: RequestFactory, anna: User) -> None:
    from django.http import HttpResponse
    from django.urls import path

    class Mine(LiveModelAdmin):
        change_list_template = "orders/rush.html"

        class Media:
            js = ["mine.js"]

        def get_urls(self) -> Any:
            return [path("mine/", lambda request: HttpResponse()), *super().get_urls()]

        def changelist_view(self, request: Any, extra_context: Any = None) -> Any:
            return super().changelist_view(request, {**(extra_context or {}), "mine": 1})

    mine = make(Mine)
    assert [str(url.pattern) for url in mine.get_urls()][:3] == ["mine/", "live/", "<path:object_id>/live/"]
    assert "mine.js" in str(mine.media)
    request = rf.get("/")
    request.user = anna
    request.session = {}
    response = mine.changelist_view(request)
    assert response.template_name == "orders/rush.html"
    assert response.context_data["mine"] == 1
    assert "mine.js" in str(response.context_data["media"])
    assert "data-sse-live" in str(response.context_data["media"])


def test_in_front_of_another_admin_it_is_a_mixin_and_behind_one_python_refuses_it() -> None:
    class Other(admin.ModelAdmin):  # type: ignore[type-arg]
        list_display = ["number"]

    class Both(LiveModelAdmin, Other): ...

    assert make(Both).list_display == ["number"]
    with pytest.raises(TypeError, match=r"method resolution order|MRO"):
        type("Wrong", (admin.ModelAdmin, LiveModelAdmin), {})


def ids(**attributes: Any) -> list[str | None]:
    return [message.id for message in make(type("Mine", (LiveModelAdmin,), attributes)).check()]


def test_the_checks() -> None:
    assert ids() == []
    assert ids(live_check_interval=None, live_backend="default") == []
    nowhere = SimpleNamespace(live_backend="nowhere", live_check_interval=None)
    assert [message.id for message in check_admin(nowhere)] == ["sse_django.E010"]
    for wrong in (0, -1, "5", True):
        assert ids(live_check_interval=wrong) == ["sse_django.E011"]
    with override_settings(STATICFILES_FINDERS=["django.contrib.staticfiles.finders.FileSystemFinder"]):
        from django.contrib.staticfiles.finders import get_finder

        get_finder.cache_clear()
        assert ids() == ["sse_django.W010"]
        get_finder.cache_clear()


def test_models_may_be_named_before_they_are_needed() -> None:
    mine = make(type("Mine", (LiveModelAdmin,), {"live_models": ["orders.Customer"]}))
    registered: Any = admin.site._registry[Order]
    assert mine._follower is registered._follower


@pytest.mark.parametrize("model", ["Customer", "orders.Nothing", "a.b.c", "nowhere.Customer", 5, str])
def test_what_is_no_model_among_the_followed_is_named(model: Any) -> None:
    with pytest.raises(
        ImproperlyConfigured, match=r"Mine\.live_models: .* is no model: 'app_label\.Model', or the class"
    ):
        make(type("Mine", (LiveModelAdmin,), {"live_models": [model]}))


def test_what_is_followed_in_isolation_is_forgotten() -> None:
    with isolated():
        make(LiveModelAdmin, Draft)
        assert post_save.has_listeners(Draft)
    assert not post_save.has_listeners(Draft)
    assert post_save.has_listeners(Order)
