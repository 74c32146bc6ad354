"""What would keep a live admin from being alive, said by `manage.py check` with the admin's own checks.

E010 no such backend; E011 an interval that is none; W010 the script isn't among the static files.
A mixin in the wrong place needs no check: LiveModelAdmin is a ModelAdmin, and Python itself refuses to put it behind one.
"""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning
from django.core.exceptions import ImproperlyConfigured

from sse_django.admin.live.page import SCRIPT
from sse_django.conf import get_settings


def check_admin(admin: Any) -> list[CheckMessage]:
    """All of them, for one ModelAdmin."""
    return [*_check_backend(admin), *_check_interval(admin), *_check_static(admin)]


def _check_backend(admin: Any) -> list[CheckMessage]:
    try:
        backends = get_settings().BACKENDS
    except ImproperlyConfigured:  # E001 says it
        return []
    if admin.live_backend in backends:
        return []
    return [
        Error(
            f"live_backend is {admin.live_backend!r}; SSE_DJANGO['BACKENDS'] has {', '.join(map(repr, backends))}.",
            hint="Name one of them.",
            obj=type(admin),
            id="sse_django.E010",
        )
    ]


def _check_interval(admin: Any) -> list[CheckMessage]:
    interval = admin.live_check_interval
    if interval is None or (isinstance(interval, (int, float)) and not isinstance(interval, bool) and interval > 0):
        return []
    return [
        Error(
            f"live_check_interval must be seconds above 0, or None, got {interval!r}.",
            hint="5 is the default; None never looks for changes that send no signal.",
            obj=type(admin),
            id="sse_django.E011",
        )
    ]


def _check_static(admin: Any) -> list[CheckMessage]:
    if not apps.is_installed("django.contrib.staticfiles"):
        return []  # somebody else serves them, from where we can't know
    from django.contrib.staticfiles import finders

    if finders.find(SCRIPT) is not None:
        return []
    return [
        CheckWarning(
            f"{SCRIPT} isn't found among the static files, so the changelist will not be live.",
            hint='Have "django.contrib.staticfiles.finders.AppDirectoriesFinder" in STATICFILES_FINDERS.',
            obj=type(admin),
            id="sse_django.W010",
        )
    ]
