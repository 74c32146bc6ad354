"""What is signed, for whom and for how long; what a dead engine costs a page."""

from __future__ import annotations

import json
import logging
import math
import re
import string
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import ImproperlyConfigured
from django.core.signing import BadSignature, Signer, b64_decode
from django.http import HttpRequest
from django.test import RequestFactory, override_settings
from django.urls import include, path

from sse_django import publish, tokens
from sse_django.backends import get_backend
from sse_django.backends.memory import MemoryBackend
from sse_django.tokens import Grant, asigned_url, sign, signed_url, unsign

MEMORY = "sse_django.backends.memory.MemoryBackend"
BACKENDS = {"default": {"BACKEND": MEMORY}, "other": {"BACKEND": MEMORY}}
ADA = User(pk=1, username="ada")
GRANT = Grant(("orders", "user:1"), "1", "default", "0a-12-beef", 4_000_000_000)

urlpatterns = [path("events/", include("sse_django.urls"))]


class Broken(MemoryBackend):
    """An engine whose head can't be had."""

    asked = 0

    def head(self) -> str:
        type(self).asked += 1
        raise ConnectionError("nobody there")


class Guarded(MemoryBackend):
    """As a backend on Django's ORM: no queries in a thread that runs a loop. Notes in which threads it was closed."""

    closed: list[str] = []

    def head(self) -> str:
        assert not tokens._in_loop()
        return super().head()

    def close(self) -> None:
        self.closed.append(threading.current_thread().name)


pytestmark = [pytest.mark.urls(__name__), pytest.mark.usefixtures("_memory")]


@pytest.fixture
def _memory() -> Any:
    with override_settings(SSE_DJANGO={"BACKENDS": BACKENDS}):
        yield


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`clock.now` is the time, in seconds since the epoch."""

    class Clock:
        now = 1_000_000.0

        def time(self) -> float:
            return self.now

        def monotonic(self) -> float:
            return self.now

    clock = Clock()
    monkeypatch.setattr(tokens, "time", clock)
    return clock


def granted(url: str) -> Grant:
    match = re.fullmatch(r"/events/([^/]+)/", url)
    assert match is not None
    return unsign(match[1])


# -- the signature


def test_what_is_signed_comes_back_as_it_was() -> None:
    for grant in (GRANT, Grant(("заказы",), None, "other", None, 1), Grant(("<\"&'>",), "a b/ü", "default", "0-0-", 1)):
        assert unsign(sign(grant)) == grant


def test_a_token_needs_no_escape_in_urls_and_html_and_begins_with_no_dot() -> None:
    for channels in (("заказы",), ('"><script>',), ("a" * 200,), tuple(f"order:{n}" for n in range(100))):
        assert re.fullmatch(r"\w[\w-]*\.[\w-]{43}", sign(Grant(channels, "1", "default", None, 1)), re.ASCII)


def test_a_url_for_one_channel_is_short() -> None:
    assert len(signed_url(ADA, "orders")) < 160
    assert len(signed_url(ADA, "заказы")) < 160


def test_every_change_of_one_character_is_noticed() -> None:
    token = sign(GRANT)
    alphabet = string.ascii_letters + string.digits + "-_."
    for at, was in enumerate(token):
        for character in alphabet.replace(was, ""):
            with pytest.raises(BadSignature):
                unsign(token[:at] + character + token[at + 1 :])
    for broken in (
        "",
        ".",
        token[:-1],
        token + "A",
        token + "=",
        token.partition(".")[0],
        "." + token,
        token * 2,
        "ü",
        "a.ü",
    ):
        with pytest.raises(BadSignature):
            unsign(broken)


@pytest.mark.parametrize("at", range(5), ids=["channels", "user", "backend", "cursor", "expires"])
def test_no_field_can_be_taken_over_from_another_token(at: int) -> None:
    other = sign(Grant(("secrets",), "2", "other", "0a-1-", 5_000_000_000))
    payload, _, signature = sign(GRANT).partition(".")
    fields = json.loads(b64_decode(payload.encode()))
    fields[at] = json.loads(b64_decode(other.partition(".")[0].encode()))[at]
    forged = Signer(key="guessed", salt=tokens._SALT, sep=".").sign_object(fields).partition(".")[0]
    assert forged != payload
    for by in (signature, other.partition(".")[2]):
        with pytest.raises(BadSignature):
            unsign(f"{forged}.{by}")


def test_what_was_signed_with_another_key_or_for_another_purpose_is_refused() -> None:
    fields = [["orders"], None, "default", None, 4_000_000_000]
    for signer in (
        Signer(key="another", salt=tokens._SALT, sep="."),
        Signer(salt="another", sep="."),
        Signer(sep="."),
    ):
        with pytest.raises(BadSignature):
            unsign(signer.sign_object(fields))
    assert unsign(Signer(salt=tokens._SALT, sep=".").sign_object(fields)).channels == ("orders",)


def test_a_rotated_key_keeps_urls_alive_while_it_is_a_fallback() -> None:
    token = sign(GRANT)
    with override_settings(SECRET_KEY="new", SECRET_KEY_FALLBACKS=["only for tests"]):
        assert unsign(token) == GRANT
    with override_settings(SECRET_KEY="new"), pytest.raises(BadSignature):
        unsign(token)


def test_names_are_checked_again_when_a_url_comes_back() -> None:
    for grant in (
        Grant(("_sse:kick",), None, "default", None, 4_000_000_000),
        Grant(("a b",), None, "default", None, 4_000_000_000),
        Grant((), None, "default", None, 4_000_000_000),
        Grant(("orders",), None, "gone", None, 4_000_000_000),
    ):
        with pytest.raises(BadSignature):
            unsign(sign(grant))


# -- for whom


@pytest.mark.parametrize(
    ("who", "user"),
    [
        (ADA, "1"),
        (AnonymousUser(), None),
        (RequestFactory().get("/"), None),
    ],
    ids=["user", "anonymous", "no AuthenticationMiddleware"],
)
def test_a_url_is_bound_to_the_user_or_to_nobody(who: Any, user: str | None) -> None:
    assert granted(signed_url(who, "orders")).user == user


def test_of_a_request_its_user_counts() -> None:
    request = RequestFactory().get("/")
    request.user = ADA
    assert granted(signed_url(request, "orders")).user == "1"
    request.user = AnonymousUser()
    assert granted(signed_url(request, "orders")).user is None


@pytest.mark.parametrize("who", [None, "1", 1, object()])
def test_what_is_no_user_is_not_taken_for_nobody(who: Any) -> None:
    with pytest.raises(TypeError, match="a request or a user is expected"):
        signed_url(who, "orders")


def test_a_user_that_is_not_saved_is_not_taken_for_nobody() -> None:
    with pytest.raises(ValueError, match="has no primary key"):
        signed_url(User(username="new"), "orders")


# -- what, for how long


@pytest.mark.parametrize(
    ("channels", "error"),
    [
        ((), ValueError),
        (("",), ValueError),
        (("_sse:kick",), ValueError),
        (("a b",), ValueError),
        (("a,b",), ValueError),
        (("a\nb",), ValueError),
        (("a" * 201,), ValueError),
        ((5,), TypeError),
        (tuple(str(n) for n in range(101)), ValueError),
        (tuple(f"{n}" * 100 for n in range(50)), ValueError),
    ],
)
def test_names_that_may_not_be_are_not_signed(channels: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="channel"):
        signed_url(ADA, *channels)


@pytest.mark.parametrize(
    ("lifetime", "seconds"), [({}, 43_200), ({"lifetime": 60}, 60), ({"lifetime": timedelta(days=1)}, 86_400)]
)
def test_a_lifetime_in_seconds_or_as_timedelta(clock: Any, lifetime: Any, seconds: int) -> None:
    grant = granted(signed_url(ADA, "orders", **lifetime))
    assert grant.expires == 1_000_000 + seconds
    clock.now += seconds - 0.1
    assert not grant.expired
    clock.now += 0.1
    assert grant.expired


def test_a_fraction_of_a_second_is_a_lifetime(clock: Any) -> None:
    clock.now += 0.5
    assert not granted(signed_url(ADA, "orders", lifetime=0.1)).expired


@pytest.mark.parametrize(
    ("lifetime", "error"),
    [
        (0, ValueError),
        (-1, ValueError),
        (math.inf, ValueError),
        (math.nan, ValueError),
        ("60", TypeError),
        (True, TypeError),
    ],
)
def test_lifetimes_that_make_no_sense_are_refused(lifetime: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="lifetime must be"):
        signed_url(ADA, "orders", lifetime=lifetime)


def test_an_unknown_backend_and_a_urlconf_without_the_endpoint_are_said() -> None:
    with pytest.raises(ImproperlyConfigured, match="has no 'third'"):
        signed_url(ADA, "orders", backend="third")
    with override_settings(ROOT_URLCONF="tests.urls"), pytest.raises(ImproperlyConfigured, match=r"include\("):
        signed_url(ADA, "orders")


# -- the cursor


def test_the_cursor_is_the_head_of_the_backend_at_that_moment() -> None:
    first = granted(signed_url(ADA, "orders"))
    publish("anything", 1)
    second = granted(signed_url(ADA, "orders"))
    assert (second.cursor, second.backend) == (get_backend().head(), "default")
    assert first.cursor != second.cursor
    other = granted(signed_url(ADA, "orders", backend="other"))
    assert (other.cursor, other.backend) == (get_backend("other").head(), "other")


def test_a_dead_engine_costs_the_cursor_and_only_the_first_page_waits_for_it(
    clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    Broken.asked = 0
    with override_settings(SSE_DJANGO={"BACKENDS": {"default": {"BACKEND": f"{__name__}.Broken"}}}):
        for _ in range(3):
            assert granted(signed_url(ADA, "orders")).cursor is None
        assert Broken.asked == 1
        assert [r.levelno for r in caplog.records] == [logging.WARNING]
        assert "ConnectionError: nobody there" in caplog.text
        clock.now += tokens.PAUSE
        assert granted(signed_url(ADA, "orders")).cursor is None
        assert Broken.asked == 2


async def test_async_code_gets_the_cursor_too_and_leaves_no_connection_behind() -> None:
    Guarded.closed.clear()
    with override_settings(SSE_DJANGO={"BACKENDS": {"default": {"BACKEND": f"{__name__}.Guarded"}}}):
        head = granted(await asigned_url(ADA, "orders", lifetime=5)).cursor
        assert head is not None
        assert Guarded.closed == []  # that was a thread of Django's, which keeps its connections
        assert granted(signed_url(ADA, "orders")).cursor == head
        assert Guarded.closed == ["sse-head"]
    with override_settings(SSE_DJANGO={"BACKENDS": {"default": {"BACKEND": f"{__name__}.Broken"}}}):
        assert granted(signed_url(ADA, "orders")).cursor is None


def test_drf_like_wrappers_of_a_request_are_requests() -> None:
    class Wrapper:
        def __init__(self, request: HttpRequest) -> None:
            self._request, self.user = request, ADA

        def __getattr__(self, name: str) -> Any:
            return getattr(self._request, name)

    assert granted(signed_url(Wrapper(RequestFactory().get("/")), "orders")).user == "1"  # type: ignore[arg-type]
