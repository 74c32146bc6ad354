"""The threat model of docs/security.md, a test for each line with its number; those of the admin are beside its others."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User
from django.contrib.auth.tokens import default_token_generator
from django.core import signing
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import HttpRequest
from django.template import engines
from django.test import RequestFactory, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import include, path

from sse_django import ServerSentEvent, event_stream, publish, subscribe, tokens
from sse_django.backends import get_backend
from sse_django.hubs import get_hub
from sse_django.testing import AsyncStreamClient, StreamClient, live_backend
from sse_django.tokens import Grant, sign, signed_url

TESTS = Path(__file__).parents[1]
DOCS = (Path(__file__).parents[2] / "docs" / "security.md").read_text()
BACKENDS = {"default": {"BACKEND": "sse_django.backends.memory.MemoryBackend"}}
NOBODY = AnonymousUser()
FAR = 4_000_000_000

urlpatterns = [path("events/", include("sse_django.urls"))]

pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("_memory")]

Serve = Callable[..., None]


@pytest.fixture
def _memory() -> Iterator[None]:
    with override_settings(SSE_DJANGO={"BACKENDS": BACKENDS}), live_backend():
        yield


@pytest.fixture
def ada(transactional_db: None) -> User:
    return User.objects.create_user("ada", password="a")


@pytest.fixture
def bob(transactional_db: None) -> User:
    return User.objects.create_user("bob", password="b")


def url_of(user: User | AnonymousUser, *channels: str, expires: int = FAR, cursor: str | None = None) -> str:
    return f"/events/{sign(Grant(channels or ('orders',), tokens.pk_of(user), 'default', cursor, expires))}/"


def status(client: StreamClient, url: str, **options: Any) -> int:
    """The status; asserts that there are bytes of a stream if, and only if, it is 200."""
    with client.stream(url, **options) as stream:
        if stream.status_code == 200:
            stream.wait_for(lambda s: s.last_event_id != "")
        else:
            assert stream.rest() == []
            assert get_hub("default").readers == 0
    assert (b"id: " in stream.body) is (stream.status_code == 200)
    return stream.status_code


def reconnect() -> dict[str, str]:
    return {"last_event_id": get_backend().head()}


def render(source: str, request: HttpRequest | None, **variables: Any) -> str:
    return engines["django"].from_string("{% load sse %}" + source).render(variables, request=request)


def test_each_line_has_its_test_and_each_test_its_line() -> None:
    lines = re.findall(r"^\| (T\d\d) \|", DOCS, re.MULTILINE)
    files = [Path(__file__), *TESTS.glob("admin_*/test_*.py")]
    tests = [
        name.upper()
        for file in files
        for name in re.findall(r"^(?:async )?def test_(t\d\d)_", file.read_text(), re.MULTILINE)
    ]
    assert lines == [f"T{n:02}" for n in range(1, len(lines) + 1)]
    assert sorted(tests) == lines


# -- reading what is not yours


def test_t01_a_guessed_channel_is_not_read(sse_client: StreamClient) -> None:
    assert [status(sse_client, f"/events/{guess}/") for guess in ("orders", "orders.", "W1si.x")] == [403] * 3


def test_t02_no_field_of_a_url_can_be_changed(sse_client: StreamClient, ada: User, bob: User) -> None:
    sse_client.force_login(bob)
    mine = signed_url(bob, "orders")
    assert status(sse_client, mine) == 200
    signature = mine.strip("/").rpartition(".")[2]
    grant = tokens.unsign(mine.split("/")[2])
    fields = [list(grant.channels), grant.user, grant.backend, grant.cursor, grant.expires]
    for at, value in enumerate((["orders", "secrets"], None, "other", None, FAR)):
        changed = [*fields[:at], value, *fields[at + 1 :]]
        payload = signing.Signer(sep=".").sign_object(changed, serializer=tokens._Json).partition(".")[0]
        assert status(sse_client, f"/events/{payload}.{signature}/") == 403


def test_t03_a_url_works_in_its_users_sessions_only(sse_client: StreamClient, ada: User, bob: User) -> None:
    url = signed_url(ada, "orders")
    assert status(sse_client, url) == 403
    sse_client.force_login(bob)
    assert status(sse_client, url) == 403
    sse_client.force_login(ada)
    assert status(sse_client, url) == 200


def test_t04_an_anonymous_url_works_for_whoever_has_it(sse_client: StreamClient, bob: User) -> None:
    url = signed_url(NOBODY, "orders")
    assert status(sse_client, url) == 200
    sse_client.force_login(bob)
    assert status(sse_client, url) == 200


def test_t05_an_anonymous_url_expires_for_good(sse_client: StreamClient) -> None:
    assert status(sse_client, url_of(NOBODY, expires=1)) == 403
    assert status(sse_client, url_of(NOBODY, expires=1), **reconnect()) == 403


def test_t06_a_bound_url_expires_unless_its_user_reconnects(sse_client: StreamClient, ada: User) -> None:
    sse_client.force_login(ada)
    assert status(sse_client, url_of(ada, expires=1)) == 403
    assert status(sse_client, url_of(ada, expires=1), query_params=reconnect()) == 403
    assert status(sse_client, url_of(ada, expires=1), **reconnect()) == 200


def test_t07_the_header_alone_opens_nothing(sse_client: StreamClient, ada: User, bob: User) -> None:
    assert status(sse_client, url_of(ada, expires=1), **reconnect()) == 403
    sse_client.force_login(bob)
    assert status(sse_client, url_of(ada, expires=1), **reconnect()) == 403


def test_t08_a_session_that_is_no_longer_the_users_opens_nothing(sse_client: StreamClient, ada: User) -> None:
    url = signed_url(ada, "orders")

    def sign_out() -> None:
        sse_client.logout()

    def deactivate() -> None:
        User.objects.filter(pk=ada.pk).update(is_active=False)

    def change_password() -> None:
        User.objects.filter(pk=ada.pk).update(password="!")

    for change in (sign_out, deactivate, change_password):
        sse_client.force_login(User.objects.get(pk=ada.pk))
        assert status(sse_client, url, **reconnect()) == 200
        change()
        assert status(sse_client, url, **reconnect()) == 403
        User.objects.filter(pk=ada.pk).update(is_active=True)


def documented_view() -> tuple[Any, asyncio.Semaphore]:
    """The view of "When a right can be withdrawn", asking often, and a semaphore that each question releases."""
    [source] = [code for code in re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL) if "recheck" in code]
    source = source.replace("recheck_interval=30", "recheck_interval=0.05")
    source = source.replace("    return await user", "    asked.release()\n    return await user")
    namespace: dict[str, Any] = {"__name__": __name__, "asked": asyncio.Semaphore(0)}
    exec(source, namespace)
    return namespace["orders"], namespace["asked"]


@pytest.fixture
def _closing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Django never closes an in-memory database; here a thread's connection to it must not outlive the thread."""

    def close_own(shared: dict[str, BaseDatabaseWrapper]) -> None:
        for opened in connections.all(initialized_only=True):
            BaseDatabaseWrapper.close(opened)

    monkeypatch.setattr("sse_django.recheck.close_own", close_own)


@pytest.mark.usefixtures("_closing")
async def test_t09_a_view_with_recheck_takes_a_right_back_and_a_signed_url_does_not(
    serve: Serve, async_sse_client: AsyncStreamClient, ada: User
) -> None:
    url = url_of(ada)
    group = await Group.objects.acreate(name="orders")
    await ada.groups.aadd(group)
    await async_sse_client.aforce_login(ada)
    async with async_sse_client.stream(url) as signed:
        view, asked = documented_view()
        serve(view)
        async with async_sse_client.stream("/") as stream:
            await stream.wait_for(lambda s: s.last_event_id != "")
            async with asyncio.timeout(30):
                for _ in range(4):
                    await asked.acquire()
            publish("orders", "to a member")
            cursor = (await stream.next()).id
            await ada.groups.aremove(group)
            assert await stream.rest() == []
            assert (stream.status_code, stream.ended) == (200, True)
        async with async_sse_client.stream("/", last_event_id=cursor) as stream:
            assert stream.status_code == 403
        assert not signed.ended


def test_t10_who_may_read_a_channel_may_read_what_is_kept_of_it(sse_client: StreamClient, ada: User) -> None:
    beginning = get_backend().head()
    publish("orders", "before")
    publish("secrets", "never")
    sse_client.force_login(ada)
    url = signed_url(ada, "orders")
    publish("orders", "since")
    with sse_client.stream(url, last_event_id=beginning) as stream:
        assert [event.json() for event in stream.take(2)] == ["before", "since"]


def test_t11_nobody_known_is_an_error_and_no_url_for_everybody() -> None:
    with pytest.raises(ImproperlyConfigured, match="without a request"):
        render('{% sse_url "orders" %}', None, user=NOBODY)
    with pytest.raises(ValueError, match="no primary key"):
        signed_url(User(username="new"), "orders")
    with pytest.raises(TypeError, match="a request or a user"):
        signed_url(None, "orders")  # type: ignore[arg-type]


def test_t12_a_cached_page_gives_a_users_url_to_nobody(sse_client: StreamClient, ada: User, bob: User) -> None:
    request = RequestFactory().get("/")
    request.user = ada
    cached = render('{% load cache %}{% cache 60 page %}{% sse_url "orders" %}{% endcache %}', request)
    request.user = bob
    assert render('{% load cache %}{% cache 60 page %}{% sse_url "orders" %}{% endcache %}', request) == cached
    sse_client.force_login(bob)
    assert status(sse_client, cached) == 403


def test_t13_a_name_from_outside_stays_one_name() -> None:
    request = RequestFactory().get("/", {"channel": "a,b"})
    for name in ("a,b", "a b", "a\nb", "a\0", "", "_sse:kick", "x" * 201):
        with pytest.raises(ValueError, match="channel"):
            render("{% sse_url name %}", request, name=name)
    assert tokens.unsign(render("{% sse_url name %}", request, name="a|b:*").split("/")[2]).channels == ("a|b:*",)


def test_t14_the_packages_own_channels_are_out_of_reach(sse_client: StreamClient) -> None:
    name = "_sse:kick"
    for attempt in (lambda: signed_url(NOBODY, name), lambda: subscribe(name), lambda: publish(name, {})):
        with pytest.raises(ValueError, match="sse_django's own"):
            attempt()
    assert status(sse_client, url_of(NOBODY, name)) == 403
    assert status(sse_client, url_of(NOBODY, "orders", name)) == 403


def test_t15_what_the_site_signed_for_something_else_is_no_url(sse_client: StreamClient, ada: User) -> None:
    fields = [["orders"], None, "default", None, FAR]
    others = [
        signing.dumps(fields),
        signing.Signer().sign_object(fields),
        signing.Signer(sep=".").sign_object(fields),
        signing.Signer(salt="sse_django", sep=".").sign_object(fields),
        default_token_generator.make_token(ada),
    ]
    assert [status(sse_client, f"/events/{other}/") for other in others] == [403] * 5


def test_t16_a_new_secret_key_ends_all_urls_unless_the_old_one_is_a_fallback(sse_client: StreamClient) -> None:
    url = signed_url(NOBODY, "orders")
    with override_settings(SECRET_KEY="new"):
        assert status(sse_client, url) == 403
    with override_settings(SECRET_KEY="new", SECRET_KEY_FALLBACKS=["only for tests"]):
        assert status(sse_client, url) == 200


def test_t17_a_url_is_readable(ada: User) -> None:
    payload = signed_url(ada, "orders").split("/")[2].partition(".")[0]
    text = signing.b64_decode(payload.encode()).decode()
    assert text.startswith(f'[["orders"],"{ada.pk}","default","{get_backend().head()}",')


class Impersonate:
    """Makes everybody bob."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> Any:
        request.user = User.objects.get(username="bob")
        return self.get_response(request)


def test_t18_the_user_is_request_user_whoever_set_it(sse_client: StreamClient, ada: User, bob: User) -> None:
    sse_client.force_login(ada)
    middleware = [
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        f"{__name__}.Impersonate",
    ]
    with override_settings(MIDDLEWARE=middleware):
        assert status(sse_client, signed_url(bob, "orders")) == 200
        assert status(sse_client, signed_url(ada, "orders")) == 403


# -- through the browser


def test_t19_no_other_origin_may_read(sse_client: StreamClient) -> None:
    headers = {"Origin": "https://elsewhere.example"}
    for method in ("GET", "OPTIONS"):
        with sse_client.stream(signed_url(NOBODY, "orders"), method=method, headers=headers) as stream:
            assert stream.status_code == {"GET": 200, "OPTIONS": 405}[method]
            assert not [name for name in stream.headers if name.startswith("Access-Control-")]


def test_t20_only_get_is_answered() -> None:
    client = StreamClient(enforce_csrf_checks=True)
    for method in ("POST", "PUT", "PATCH", "DELETE", "HEAD"):
        assert status(client, signed_url(NOBODY, "orders"), method=method) == 405


def test_t21_a_channels_name_can_not_leave_the_attribute() -> None:
    request = RequestFactory().get("/")
    for mode in ("on", "off"):
        source = f"{{% autoescape {mode} %}}{{% sse_url name %}}{{% endautoescape %}}"
        out = render(source, request, name="\"'><script>alert(1)</script>")
        assert re.fullmatch(r"/events/[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+/", out)


def test_t22_a_refusal_repeats_nothing(sse_client: StreamClient) -> None:
    with sse_client.stream("/events/<script>alert(1)<%2Fscript>/") as stream:
        stream.rest()
    assert stream.status_code in (403, 404)
    with sse_client.stream("/events/<script>alert(1)/?<b>") as stream:
        stream.rest()
    assert (stream.status_code, stream.headers["Content-Type"]) == (403, "text/plain; charset=utf-8")
    assert b"<" not in stream.body
    assert b"alert" not in stream.body


def test_t23_nothing_is_for_shared_caches(sse_client: StreamClient, ada: User) -> None:
    for url, method in ((url_of(NOBODY), "GET"), (url_of(ada), "GET"), ("/events/x/", "GET"), (url_of(NOBODY), "POST")):
        with sse_client.stream(url, method=method) as stream:
            assert {"no-store", "private"} <= set(stream.headers["Cache-Control"].split(", "))
    for url in (url_of(NOBODY), url_of(ada)):
        with sse_client.stream(url) as stream:
            assert stream.headers["Vary"] == "Cookie"


def test_t24_a_cursor_forges_no_fields(sse_client: StreamClient) -> None:
    url = signed_url(NOBODY, "orders")
    for end in ("\n", "\r", "\r\n", "\0"):
        assert status(sse_client, url, query_params={"last_event_id": f"x{end}data: forged{end}{end}"}) == 400
    for nonsense in ("x", "0-0-", "😀", "9" * 5000, "abc-99999999999999999999-0"):
        with sse_client.stream(url, query_params={"last_event_id": nonsense}) as stream:
            assert stream.next().event == "stream-reset"


def test_t25_what_is_published_stays_one_event(sse_client: StreamClient) -> None:
    for name in ("a\nid: 1", "a\r", "a\n\ndata: forged"):
        with pytest.raises(ValueError, match="single line"):
            publish("orders", 1, event=name)
    text = "a\n\nevent: forged\rdata: b\r\n\r\nid: 9\u2028"
    with sse_client.stream(signed_url(NOBODY, "orders")) as stream:
        publish("orders", text)
        publish("orders", ServerSentEvent(raw_data=text))
        first, second = stream.take(2)
    assert (first.event, first.json()) == ("message", text)
    assert (second.event, second.data) == ("message", text.replace("\r\n", "\n").replace("\r", "\n"))
    assert second.id == get_backend().head()


def test_t26_an_error_is_not_told(serve: Serve, sse_client: StreamClient, caplog: pytest.LogCaptureFixture) -> None:
    @event_stream
    def view(request: HttpRequest) -> Any:
        yield 1
        raise RuntimeError("the password is swordfish")

    serve(view)
    with sse_client.stream("/") as stream:
        assert [event.event for event in stream.rest()] == ["message", "stream-error"]
    assert b"swordfish" not in stream.body
    assert "swordfish" in caplog.text


# -- wearing the site out


def test_t27_a_wrong_signature_costs_no_query_and_says_nothing(sse_client: StreamClient, ada: User) -> None:
    sse_client.force_login(ada)
    url = signed_url(ada, "orders")
    bodies = set()
    with CaptureQueriesContext(connection) as queries:
        for wrong in (url[:8] + "X" + url[9:], url[:-2] + ("A" if url[-2] != "A" else "B") + "/", "/events/x/"):
            with sse_client.stream(wrong) as stream:
                stream.rest()
            assert stream.status_code == 403
            bodies.add(stream.body)
    assert (len(queries), len(bodies), get_hub("default").readers) == (0, 1, 0)
    with CaptureQueriesContext(connection) as queries:
        assert status(sse_client, url) == 200
    assert len(queries) == 2  # the session and the user: so the count above can fail


async def test_t28_streams_over_a_limit_are_sent_away_until_later(
    async_sse_client: AsyncStreamClient, ada: User, bob: User
) -> None:
    await async_sse_client.aforce_login(ada)
    limits = {"BACKENDS": BACKENDS, "MAX_STREAMS_PER_USER": 1}
    with override_settings(SSE_DJANGO=limits), live_backend():
        async with async_sse_client.stream(signed_url(NOBODY, "orders")) as first:
            await first.wait_for(lambda s: s.last_event_id != "")
            async with async_sse_client.stream(signed_url(ada, "orders")) as second:
                assert await second.rest() == []
                assert (second.status_code, second.ended) == (200, True)
                assert re.fullmatch(rb"retry: \d+\n\n", second.body)
            await async_sse_client.aforce_login(bob)
            async with async_sse_client.stream(signed_url(bob, "orders")) as other:
                await other.wait_for(lambda s: s.last_event_id != "")
            assert not first.ended
    with override_settings(SSE_DJANGO={"BACKENDS": BACKENDS, "MAX_STREAMS": 1}), live_backend():
        async with async_sse_client.stream(signed_url(NOBODY, "orders")) as first:
            await first.wait_for(lambda s: s.last_event_id != "")
            async with async_sse_client.stream(signed_url(NOBODY, "orders")) as second:
                await second.rest()
                assert re.fullmatch(rb"retry: \d+\n\n", second.body)


def test_t29_a_dead_engine_holds_one_page_up_and_not_all(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def head() -> str:
        asked.append(1)
        raise TimeoutError("no answer")

    monkeypatch.setattr(get_backend(), "head", head)
    request = RequestFactory().get("/")
    urls = [render('{% sse_url "orders" %}', request) for _ in range(5)]
    assert [tokens.unsign(url.split("/")[2]).cursor for url in urls] == [None] * 5
    assert len(asked) == 1


def test_t30_a_url_that_servers_would_refuse_is_not_made() -> None:
    assert len(signed_url(NOBODY, *(f"order:{n}" for n in range(100)))) < tokens.MAX_TOKEN + 20
    with pytest.raises(ValueError, match="sign fewer, or write a view"):
        signed_url(NOBODY, *(f"order:{n}:{'x' * 100}" for n in range(100)))
