"""The built-in endpoint through the real handlers: who gets in, from where on, and how the others are turned away."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.test import override_settings
from django.urls import include, path, resolve

from sse_django import kick, publish, tokens
from sse_django.backends import get_backend
from sse_django.hubs import get_hub
from sse_django.response import EventSourceResponse
from sse_django.testing import AsyncStreamClient, StreamClient, live_backend
from sse_django.tokens import Grant, sign, signed_url
from tests.unit.test_tokens import Broken

MEMORY = "sse_django.backends.memory.MemoryBackend"
BACKENDS = {"default": {"BACKEND": MEMORY}, "other": {"BACKEND": MEMORY}}
NOBODY = AnonymousUser()

urlpatterns = [path("events/", include("sse_django.urls"))]

pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("_memory")]


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


def expired_url(user: User | AnonymousUser) -> str:
    token = sign(Grant(("orders",), tokens.pk_of(user), "default", get_backend().head(), 1))
    return f"/events/{token}/"


def turned_away(client: StreamClient, url: str, **options: Any) -> str:
    """Asserts a 403 with nothing of a stream, and returns what it says."""
    with client.stream(url, **options) as stream:
        events = stream.rest()
    assert (stream.status_code, events) == (403, [])
    assert stream.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert get_hub("default").readers == 0
    return stream.body.decode()


def gets_in(client: StreamClient, url: str, **options: Any) -> None:
    """Asserts a 200 and an event."""
    with client.stream(url, **options) as stream:
        assert (stream.status_code, stream.headers["Content-Type"]) == (200, "text/event-stream; charset=utf-8")
        publish("orders", "hello")
        assert stream.next().json() == "hello"


# -- the stream


async def test_nothing_is_missed_between_the_page_and_the_first_connection(
    async_sse_client: AsyncStreamClient, ada: User
) -> None:
    await async_sse_client.aforce_login(ada)
    publish("orders", "on the page")
    url = signed_url(ada, "orders", "mine")
    publish("orders", "in between", event="created")
    publish("others", "not asked for")
    async with async_sse_client.stream(url) as stream:
        event = await stream.next()
        assert (event.event, event.json()) == ("created", "in between")
        publish("mine", "live")
        event = await stream.next()
        assert (event.json(), event.id) == ("live", get_backend().head())


def test_the_same_under_wsgi(sse_client: StreamClient, ada: User) -> None:
    sse_client.force_login(ada)
    url = signed_url(ada, "orders", "mine")
    publish("orders", "in between")
    publish("others", "not asked for")
    with sse_client.stream(url) as stream:
        assert stream.next().json() == "in between"
        publish("mine", "live")
        assert stream.next().json() == "live"


def test_the_header_wins_over_the_query_and_the_query_over_the_url(sse_client: StreamClient, ada: User) -> None:
    sse_client.force_login(ada)
    url = signed_url(ada, "orders")
    cursors = []
    for n in range(3):
        publish("orders", n)
        cursors.append(get_backend().head())
    for options, expected in (
        ({}, [0, 1, 2]),
        ({"query_params": {"last_event_id": cursors[0]}}, [1, 2]),
        ({"query_params": {"last_event_id": cursors[0]}, "last_event_id": cursors[1]}, [2]),
        ({"last_event_id": ""}, [0, 1, 2]),
    ):
        with sse_client.stream(url, **options) as stream:  # type: ignore[arg-type]
            assert [event.json() for event in stream.take(len(expected))] == expected


def test_a_url_reads_the_backend_it_was_signed_for(sse_client: StreamClient) -> None:
    url = signed_url(NOBODY, "orders", backend="other")
    publish("orders", "default")
    publish("orders", "other", backend="other")
    with sse_client.stream(url) as stream:
        assert stream.next().json() == "other"


def test_a_url_made_while_the_engine_was_down_begins_with_what_is_new(sse_client: StreamClient) -> None:
    token = sign(Grant(("orders",), None, "default", None, 4_000_000_000))
    publish("orders", "before")
    with sse_client.stream(f"/events/{token}/") as stream:
        stream.wait_for(lambda s: s.last_event_id != "")
        publish("orders", "after")
        assert stream.next().json() == "after"


@pytest.mark.usefixtures("real_waits")
def test_an_engine_that_is_down_is_a_delay_and_no_error(sse_client: StreamClient) -> None:
    down = {"BACKENDS": {"default": {"BACKEND": f"{Broken.__module__}.Broken"}}}
    with override_settings(SSE_DJANGO=down), sse_client.stream(signed_url(NOBODY, "orders")) as stream:
        stream.wait_for(lambda s: s.comments != [])
        assert stream.status_code == 200


@pytest.mark.parametrize("cursor", ["a\nb", "a\rb", "a\0b"])
def test_a_cursor_that_no_stream_can_have_sent_is_400(sse_client: StreamClient, cursor: str) -> None:
    url = signed_url(NOBODY, "orders")
    assert sse_client.get(url, query_params={"last_event_id": cursor}).status_code == 400


def test_a_cursor_of_another_log_is_a_reset(sse_client: StreamClient) -> None:
    with sse_client.stream(signed_url(NOBODY, "orders"), last_event_id="nonsense") as stream:
        assert stream.next().event == "stream-reset"


async def test_it_is_the_fast_path_and_knows_whose_stream_it_is(rf: Any) -> None:
    user = User(pk=7)
    request = rf.get(signed_url(user, "orders"))
    request.user = user
    match = resolve(request.path)
    response = await match.func(request, *match.args, **match.kwargs)
    assert isinstance(response, EventSourceResponse)
    assert response.event_stream.subscription is not None
    assert request.sse_user_pk == "7"
    response.event_stream.abandon()


# -- who gets in


def test_a_tampered_url_is_403(sse_client: StreamClient, ada: User) -> None:
    sse_client.force_login(ada)
    url = signed_url(ada, "orders")
    gets_in(sse_client, url)
    at = len("/events/")
    for tampered in (url[:at] + "X" + url[at + 1 :], url[:-2] + ("A" if url[-2] != "A" else "B") + "/", "/events/x/"):
        assert "not signed here" in turned_away(sse_client, tampered)


def test_a_url_is_for_its_user_alone(sse_client: StreamClient, ada: User, bob: User) -> None:
    url = signed_url(ada, "orders")
    assert "another user" in turned_away(sse_client, url)
    sse_client.force_login(bob)
    assert "another user" in turned_away(sse_client, url)
    assert "another user" in turned_away(sse_client, url, last_event_id=get_backend().head())
    sse_client.force_login(ada)
    gets_in(sse_client, url)
    sse_client.logout()
    assert "another user" in turned_away(sse_client, url)


async def test_the_same_under_asgi(async_sse_client: AsyncStreamClient, ada: User, bob: User) -> None:
    url = signed_url(ada, "orders")
    for user, status in ((None, 403), (bob, 403), (ada, 200)):
        if user is not None:
            await async_sse_client.aforce_login(user)
        async with async_sse_client.stream(url) as stream:
            assert stream.status_code == status
            if status == 200:
                await stream.wait_for(lambda s: b"id: " in s.body)
            else:
                assert await stream.rest() == []
                assert b"id: " not in stream.body


def test_a_deactivated_user_and_one_with_a_new_password_are_out(sse_client: StreamClient, ada: User) -> None:
    sse_client.force_login(ada)
    url = signed_url(ada, "orders")
    gets_in(sse_client, url)
    User.objects.filter(pk=ada.pk).update(is_active=False)
    turned_away(sse_client, url, last_event_id=get_backend().head())
    User.objects.filter(pk=ada.pk).update(is_active=True)
    gets_in(sse_client, url)
    ada.set_password("new")
    ada.save()
    turned_away(sse_client, url, last_event_id=get_backend().head())


def test_an_anonymous_url_is_for_whoever_has_it(sse_client: StreamClient, ada: User) -> None:
    url = signed_url(NOBODY, "orders")
    gets_in(sse_client, url)
    sse_client.force_login(ada)
    gets_in(sse_client, url)


def test_the_user_of_an_expired_url_may_come_back_but_not_begin(sse_client: StreamClient, ada: User, bob: User) -> None:
    url = expired_url(ada)
    cursor = get_backend().head()
    sse_client.force_login(ada)
    assert "expired" in turned_away(sse_client, url)
    assert "expired" in turned_away(sse_client, url, last_event_id="")
    assert "expired" in turned_away(sse_client, url, query_params={"last_event_id": cursor})
    gets_in(sse_client, url, last_event_id=cursor)
    sse_client.force_login(bob)
    assert "another user" in turned_away(sse_client, url, last_event_id=cursor)
    sse_client.logout()
    assert "another user" in turned_away(sse_client, url, last_event_id=cursor)


def test_an_anonymous_url_expires_for_good(sse_client: StreamClient, ada: User) -> None:
    url = expired_url(NOBODY)
    assert "expired" in turned_away(sse_client, url)
    assert "expired" in turned_away(sse_client, url, last_event_id=get_backend().head())
    sse_client.force_login(ada)
    assert "expired" in turned_away(sse_client, url, last_event_id=get_backend().head())


def test_a_stream_that_is_open_outlives_its_url(sse_client: StreamClient, monkeypatch: pytest.MonkeyPatch) -> None:
    url = signed_url(NOBODY, "orders", lifetime=60)
    with sse_client.stream(url) as stream:
        monkeypatch.setattr(Grant, "expired", True)
        publish("orders", 1)
        assert stream.next().json() == 1
        assert not stream.ended
    turned_away(sse_client, url)


@pytest.mark.parametrize("url_for", ["ada", "nobody"])
async def test_kick_finds_the_streams_of_a_user_whatever_url_he_used(
    async_sse_client: AsyncStreamClient, ada: User, bob: User, url_for: str
) -> None:
    await async_sse_client.aforce_login(ada)
    async with async_sse_client.stream(signed_url(ada if url_for == "ada" else NOBODY, "orders")) as stream:
        await stream.wait_for(lambda s: s.last_event_id != "")
        await asyncio.to_thread(kick, user=bob)
        publish("orders", 1)
        await stream.next()
        await asyncio.to_thread(kick, user=ada)
        assert await stream.rest() == []
        assert stream.ended


# -- HTTP


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_only_get_is_answered_and_csrf_has_no_say(method: str) -> None:
    client = StreamClient(enforce_csrf_checks=True)
    with client.stream(signed_url(NOBODY, "orders"), method=method) as stream:
        stream.rest()
        assert (stream.status_code, stream.headers["Allow"]) == (405, "GET")


@pytest.mark.parametrize(
    ("url", "method", "status"), [("good", "GET", 200), ("bad", "GET", 403), ("good", "POST", 405)]
)
def test_no_answer_is_cached_or_readable_by_other_origins(
    sse_client: StreamClient, url: str, method: str, status: int
) -> None:
    url = signed_url(NOBODY, "orders") if url == "good" else expired_url(NOBODY)
    with sse_client.stream(url, method=method, headers={"Origin": "https://elsewhere.example"}) as stream:
        assert stream.status_code == status
        assert {"no-store", "private", "no-cache"} <= set(stream.headers["Cache-Control"].split(", "))
        assert ("no-transform" in stream.headers["Cache-Control"]) is (status == 200)
        assert not [name for name in stream.headers if name.startswith("Access-Control-")]


def test_answers_vary_by_cookie(sse_client: StreamClient) -> None:
    with sse_client.stream(signed_url(NOBODY, "orders")) as stream:
        assert stream.headers["Vary"] == "Cookie"


class OtherUser:
    """Middleware that puts another user on the request, as impersonation and token authentication do."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> Any:
        request.user = User.objects.get(username="bob")
        return self.get_response(request)


SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"
AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"


def test_the_user_is_the_one_that_views_see(sse_client: StreamClient, ada: User, bob: User) -> None:
    sse_client.force_login(ada)
    with override_settings(MIDDLEWARE=[SESSIONS, AUTHENTICATION, f"{__name__}.OtherUser"]):
        gets_in(sse_client, signed_url(bob, "orders"))
        turned_away(sse_client, signed_url(ada, "orders"))


def test_without_authentication_middleware_there_are_anonymous_urls_only(sse_client: StreamClient, ada: User) -> None:
    with override_settings(MIDDLEWARE=[]):
        gets_in(sse_client, signed_url(NOBODY, "orders"))
        turned_away(sse_client, expired_url(NOBODY))
        with pytest.raises(ImproperlyConfigured, match="AuthenticationMiddleware"):
            sse_client.get(signed_url(ada, "orders"))


def test_a_site_that_requires_login_everywhere_does_not_redirect_event_sources(
    sse_client: StreamClient, ada: User
) -> None:
    required = "django.contrib.auth.middleware.LoginRequiredMiddleware"
    with override_settings(MIDDLEWARE=[SESSIONS, AUTHENTICATION, required]):
        turned_away(sse_client, signed_url(ada, "orders"))
        gets_in(sse_client, signed_url(NOBODY, "orders"))


def test_atomic_requests_hold_no_transaction_for_a_stream(sse_client: StreamClient) -> None:
    from django.db import connections

    connections["default"].settings_dict["ATOMIC_REQUESTS"] = True
    try:
        gets_in(sse_client, signed_url(NOBODY, "orders"))
    finally:
        connections["default"].settings_dict["ATOMIC_REQUESTS"] = False


def test_a_backend_that_is_no_longer_configured_is_403(sse_client: StreamClient) -> None:
    url = signed_url(NOBODY, "orders", backend="other")
    with override_settings(SSE_DJANGO={"BACKENDS": {"default": {"BACKEND": MEMORY}}}):
        turned_away(sse_client, url)
