"""The Django project under plain Django and sse_django: no middleware and no database, so that nothing hides behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import django
from django.conf import settings
from django.core.asgi import get_asgi_application


def application(urlconf: str, installed_apps: Sequence[str] = ()) -> Any:
    settings.configure(
        DEBUG=False,
        SECRET_KEY="a benchmark has no secrets",
        ALLOWED_HOSTS=["*"],
        INSTALLED_APPS=list(installed_apps),
        MIDDLEWARE=[],
        DATABASES={},
        USE_TZ=True,
        LOGGING_CONFIG=None,
        ROOT_URLCONF=urlconf,
    )
    django.setup()
    return get_asgi_application()
