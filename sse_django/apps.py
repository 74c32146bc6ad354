"""The Django app."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.core.checks import register


class SSEDjangoConfig(AppConfig):
    """Put `"sse_django"` into INSTALLED_APPS for the system checks, the commands and the static files."""

    name = "sse_django"
    verbose_name = "Server-sent events"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.contrib.auth.signals import user_logged_out
        from django.utils.module_loading import autodiscover_modules

        from sse_django import checks
        from sse_django.feeds import checks as feed_checks
        from sse_django.feeds import tracking

        for check in (*checks.ALL, *feed_checks.ALL):
            register(check, "sse_django")
        user_logged_out.connect(_end_session, dispatch_uid="sse_django.logout")
        autodiscover_modules("feeds")
        tracking.refresh()


def _end_session(request: Any, **kwargs: Any) -> None:
    from sse_django.audience import session_of
    from sse_django.kicks import kick_session

    digest = session_of(request)
    if digest is not None:
        kick_session(digest)
