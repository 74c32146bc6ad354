"""The Django app."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import register


class SSEDjangoConfig(AppConfig):
    """Put `"sse_django"` into INSTALLED_APPS for the system checks, the commands and the static files."""

    name = "sse_django"
    verbose_name = "Server-sent events"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from sse_django import checks

        for check in checks.ALL:
            register(check, "sse_django")
