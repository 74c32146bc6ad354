"""Under the middleware that people have, a stream still streams: the first event is there while the generator waits.

The views of this file never end by themselves, so a middleware that collects the stream would give no event at all.
"""

from typing import Any

import django
import pytest

from tests.live.client import Stream, fetch
from tests.live.conftest import StartServer

KINDS = pytest.mark.parametrize("kind", ["uvicorn", "gunicorn-gthread"])

GZIP = "django.middleware.gzip.GZipMiddleware"
LOCALE = "django.middleware.locale.LocaleMiddleware"
CSP = "django.middleware.csp.ContentSecurityPolicyMiddleware"
TOOLBAR = "debug_toolbar.middleware.DebugToolbarMiddleware"
CONDITIONAL = "django.middleware.http.ConditionalGetMiddleware"
UPDATE_CACHE = "django.middleware.cache.UpdateCacheMiddleware"
XFRAME = "django.middleware.clickjacking.XFrameOptionsMiddleware"
SECURITY = "django.middleware.security.SecurityMiddleware"
SYNC_ONLY = "tests.project.middleware.SyncOnlyMiddleware"
WRAPPING = "tests.project.middleware.wrapping_middleware"

TOOLBAR_SETTINGS = {
    "DEBUG": True,
    "INSTALLED_APPS": ["debug_toolbar"],
    "INTERNAL_IPS": ["127.0.0.1"],
}
CSP_SETTINGS = {"SECURE_CSP": {"default-src": ["'self'"]}}

PATHS = ["idle", "sync-idle", "session", "user"]


@KINDS
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "middleware", [GZIP, CONDITIONAL, UPDATE_CACHE, SYNC_ONLY, WRAPPING], ids=lambda m: m.split(".")[-1]
)
def test_a_stream_streams_under(middleware: str, path: str, kind: str, shared_server: StartServer, name: str) -> None:
    server = shared_server(kind, middleware=(middleware,))
    with Stream(f"{server.url}/{path}/?name={name}", headers={"Accept-Encoding": "gzip, br"}) as stream:
        assert stream.status == 200
        assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert stream.headers.get("content-encoding", "identity") == "identity"
        assert stream.event().json() in ({"n": 0}, {"visits": 0}, {"user": ""})


@KINDS
@pytest.mark.parametrize("path", PATHS)
def test_a_stream_streams_under_the_usual_stack(path: str, kind: str, shared_server: StartServer, name: str) -> None:
    stack = (SECURITY, GZIP, CONDITIONAL, LOCALE, XFRAME)
    server = shared_server(kind, middleware=stack)
    with Stream(f"{server.url}/{path}/?name={name}", headers={"Accept-Encoding": "gzip"}) as stream:
        stream.event()


@KINDS
@pytest.mark.parametrize("path", PATHS)
def test_a_stream_streams_under_the_debug_toolbar(path: str, kind: str, shared_server: StartServer, name: str) -> None:
    server = shared_server(kind, middleware=(TOOLBAR,), settings=TOOLBAR_SETTINGS)
    assert b"djDebug" in fetch(f"{server.url}/page/"), "the toolbar is not on, so this would show nothing"
    with Stream(f"{server.url}/{path}/?name={name}") as stream:
        stream.event()


@pytest.mark.skipif(django.VERSION < (6, 0), reason="ContentSecurityPolicyMiddleware came with Django 6.0")
@KINDS
@pytest.mark.parametrize("path", PATHS)
def test_a_stream_streams_under_csp(path: str, kind: str, shared_server: StartServer, name: str) -> None:
    server = shared_server(kind, middleware=(CSP,), settings=CSP_SETTINGS)
    with Stream(f"{server.url}/{path}/?name={name}") as stream:
        assert stream.headers["content-security-policy"] == "default-src 'self'"
        stream.event()


@KINDS
@pytest.mark.parametrize("path", ["language", "sync-language"])
def test_a_generator_sees_the_language_of_its_request(
    path: str, kind: str, shared_server: StartServer, name: str
) -> None:
    server = shared_server(kind, middleware=(LOCALE,))
    for language, word in {"de": "Montag", "en": "Monday"}.items():
        with Stream(f"{server.url}/{path}/?name={name}", headers={"Accept-Language": language}) as stream:
            assert stream.event().json() == {"language": language, "word": word}
            assert stream.event().json() == {"language": language, "word": word}


@KINDS
@pytest.mark.parametrize("path", ["write", "sync-write"])
@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_atomic_requests_do_not_put_a_transaction_around_a_stream(
    database: str, path: str, kind: str, shared_server: StartServer, name: str
) -> None:
    server = shared_server(kind, database=database, settings={"DATABASE_DEFAULT": {"ATOMIC_REQUESTS": True}})
    before = int(fetch(f"{server.url}/db-ping/"))
    try:
        with Stream(f"{server.url}/{path}/?name={name}") as stream:
            stream.event()
            assert int(fetch(f"{server.url}/db-ping/")) == before + 1, "the row waits for the end of the stream"
    finally:
        fetch(f"{server.url}/forget/?name={name}")


@KINDS
def test_a_session_written_before_the_stream_is_saved_before_it(
    kind: str, shared_server: StartServer, name: str
) -> None:
    server = shared_server(kind)
    with Stream(f"{server.url}/session-by-hand/?name={name}-1") as first:
        assert first.event().json() == {"visits": 1}
        cookie = first.headers["set-cookie"].split(";")[0]
        assert cookie.startswith("sessionid=")
        # The first stream is still open.
        with Stream(f"{server.url}/session-by-hand/?name={name}-2", headers={"Cookie": cookie}) as second:
            assert second.event().json() == {"visits": 2}


@KINDS
@pytest.mark.parametrize("path", ["idle", "sync-idle"])
def test_a_post_needs_a_csrf_token_and_then_streams(
    path: str, kind: str, shared_server: StartServer, name: str
) -> None:
    server = shared_server(kind)
    url = f"{server.url}/{path}/?name={name}"
    request: dict[str, Any] = {"method": "POST", "body": b"x=1"}
    with Stream(url, **request) as refused:
        assert refused.status == 403
    assert not server.trace(name), "the generator of a refused request ran"
    token = "a" * 32
    headers = {"Cookie": f"csrftoken={token}", "X-CSRFToken": token}
    with Stream(url, headers=headers, **request) as stream:
        assert stream.status == 200
        assert stream.event().json() == {"n": 0}
