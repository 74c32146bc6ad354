"""Streams for the proxies' tests: what each shows is how soon it arrives, or that it arrives at all."""

import asyncio
from collections.abc import AsyncIterator

from django.http import HttpRequest
from django.urls import path

from sse_django import ServerSentEvent, event_stream, last_event_id

#: Names of the streams whose `finally` has run.
ended: list[str] = []


@event_stream(ping_interval=0.3)
async def held(request: HttpRequest) -> AsyncIterator[object]:
    """One small event, then only pings: whoever buffers never hands it on."""
    try:
        yield {"n": 0}
        await asyncio.sleep(3600)
    finally:
        ended.append(request.GET.get("name", ""))


@event_stream(start_timeout=0)
async def silent(request: HttpRequest) -> AsyncIterator[object]:
    """Nothing: the headers and the opening comment have to come by themselves."""
    await asyncio.sleep(3600)
    yield None


@event_stream
async def counted(request: HttpRequest) -> AsyncIterator[object]:
    """Three events with ids; who comes back gets the rest of them."""
    for n in range(last_event_id(request, int, default=-1) + 1, 3):
        yield ServerSentEvent(data=n, id=str(n))


urlpatterns = [path("held/", held), path("silent/", silent), path("counted/", counted)]
