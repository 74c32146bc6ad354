"""System checks: what would make streams fail or stall in this project, said before the first request.

E001 SSE_DJANGO has a wrong name or value; W001 only WSGI is configured; W002 GZipMiddleware, which streams bypass.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning

from sse_django.conf import SETTINGS_NAME, problems


def check_settings(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """E001: unknown names and wrong values in SSE_DJANGO."""
    return [
        Error(problem, hint="docs/reference.md lists the settings, their kinds and defaults.", id="sse_django.E001")
        for problem in problems(getattr(settings, SETTINGS_NAME, {}))
    ]


def check_asgi(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """W001: no ASGI application, so that every open stream holds a thread of the server."""
    if getattr(settings, "ASGI_APPLICATION", None) or not getattr(settings, "WSGI_APPLICATION", None):
        return []
    return [
        CheckWarning(
            "WSGI_APPLICATION is set and ASGI_APPLICATION is not: under WSGI an open stream holds one of the server's threads.",
            hint="Serve the project by ASGI (uvicorn, granian, hypercorn, daphne) and set ASGI_APPLICATION; "
            "or give the WSGI server a thread per expected stream and silence this.",
            id="sse_django.W001",
        )
    ]


def check_middleware(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """W002: GZipMiddleware is there and leaves streams alone; compression is an option of each stream."""
    if "django.middleware.gzip.GZipMiddleware" not in settings.MIDDLEWARE:
        return []
    return [
        CheckWarning(
            "GZipMiddleware doesn't compress event streams: it would hold events back, so they say Content-Encoding: identity.",
            hint="Where a stream is worth compressing, say @event_stream(compress=True); then silence this check.",
            id="sse_django.W002",
        )
    ]


ALL: Sequence[Any] = (check_settings, check_asgi, check_middleware)
