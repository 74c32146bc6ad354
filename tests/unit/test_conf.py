"""Settings and system checks."""

from __future__ import annotations

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from sse_django.conf import get_settings


def ids() -> list[str | None]:
    return [message.id for message in run_checks(tags=["sse_django"])]


def test_defaults() -> None:
    conf = get_settings()
    assert (conf.PING_INTERVAL, conf.MAX_SYNC_STREAMS, conf.MAX_DURATION) == (15.0, 256, None)
    assert ids() == []


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"PING": 1}, "no setting 'PING'; it knows"),
        ({"PING_INTERVAL": 0}, r"\['PING_INTERVAL'\] must be seconds above 0, or None for no pings, got 0"),
        ({"PING_INTERVAL": "5"}, "got '5'"),
        ({"MAX_SYNC_STREAMS": 1.5}, "whole number"),
        ({"MAX_SYNC_STREAMS": True}, "got True"),
        ([], "must be a dict"),
    ],
)
def test_a_wrong_setting_is_named_at_check_and_at_use(setting: object, message: str) -> None:
    with override_settings(SSE_DJANGO=setting):
        assert ids() == ["sse_django.E001"]
        with pytest.raises(ImproperlyConfigured, match=message):
            get_settings()
    assert get_settings().PING_INTERVAL == 15.0


def test_wsgi_alone_and_gzip_are_warned_of() -> None:
    with override_settings(WSGI_APPLICATION="x.application", ASGI_APPLICATION=None):
        assert ids() == ["sse_django.W001"]
    with override_settings(WSGI_APPLICATION="x.application", ASGI_APPLICATION="y.application"):
        assert ids() == []
    with override_settings(MIDDLEWARE=["django.middleware.gzip.GZipMiddleware"]):
        assert ids() == ["sse_django.W002"]
