"""Django as it comes: a `StreamingHttpResponse`, and the events written in the view."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from django.http import HttpRequest, StreamingHttpResponse
from django.urls import path

from bench.servers.project import application
from bench.servers.tick import PAUSE, tick, tick_now

app = application(__name__)


async def ready(request: HttpRequest) -> StreamingHttpResponse:
    async def events() -> AsyncIterator[str]:
        for i in range(int(request.GET["n"])):
            yield f"data: {tick(i).model_dump_json()}\n\n"

    return StreamingHttpResponse(events(), content_type="text/event-stream")


async def paced(request: HttpRequest) -> StreamingHttpResponse:
    async def events() -> AsyncIterator[str]:
        for _ in range(int(request.GET["n"])):
            await asyncio.sleep(PAUSE)
            yield f"data: {tick_now().model_dump_json()}\n\n"

    return StreamingHttpResponse(events(), content_type="text/event-stream")


urlpatterns = [path("ready", ready), path("paced", paced)]
