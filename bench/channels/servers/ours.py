"""sse_django: a response from a subscription. The engine is told by BENCH_CONFIG, Django's settings as JSON."""

from __future__ import annotations

import json
import os

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest
from django.urls import path

from bench.channels.servers import PING
from bench.servers.tick import tick_now

MEMORY = {"BACKENDS": {"default": {"BACKEND": "sse_django.backends.memory.MemoryBackend"}}}


def configure(**more: object) -> None:
    """Settings without middleware, so that nothing hides behind it."""
    told = json.loads(os.environ.get("BENCH_CONFIG", "{}"))
    given = told if "DATABASES" in told else {"DATABASES": {}, "SSE_DJANGO": MEMORY}
    given["SSE_DJANGO"] = {**given["SSE_DJANGO"], "PING_INTERVAL": PING}
    # fmt: off
    settings.configure(
        DEBUG=False, SECRET_KEY="a benchmark has no secrets", ALLOWED_HOSTS=["*"], INSTALLED_APPS=["sse_django"],
        MIDDLEWARE=[], USE_TZ=True, LOGGING_CONFIG=None, ROOT_URLCONF=__name__, **{**given, **more},
    )
    # fmt: on
    django.setup()


if not settings.configured:
    configure()

from sse_django import EventSourceResponse, subscribe  # noqa: E402 - needs the settings above
from sse_django import publish as publish_one  # noqa: E402

app = get_asgi_application()


async def stream(request: HttpRequest) -> EventSourceResponse:
    return EventSourceResponse(subscribe(*request.GET.getlist("channel")))


def publish(channel: str, events: int) -> None:
    for _ in range(events):
        publish_one(channel, tick_now(), event="tick")


urlpatterns = [path("stream", stream)]
