"""The site under test: `/events/` as an application writes it, and `/naive/`, which is wrong on purpose."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from asgiref.sync import sync_to_async
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

import sse_django.asgi
from sse_django import EventSourceResponse, ServerSentEvent, event_stream, last_event_id, subscribe

PING_INTERVAL = 2.0
#: Seconds between two looks of the naive reader.
NAIVE_POLL = 0.02


def events(request: HttpRequest, publisher: int) -> HttpResponse:
    """What is for everybody, and what is for those who read this publisher."""
    wanted = subscribe("faults", f"publisher:{publisher}", after=last_event_id(request))
    return EventSourceResponse(wanted, ping_interval=PING_INTERVAL)


@event_stream(ping_interval=PING_INTERVAL)
async def naive(request: HttpRequest, publisher: int) -> AsyncIterator[ServerSentEvent]:
    """Reads the table by the order of its ids, which is not the order of commits: events are missed without a trace."""
    from sse_django.models import LogEvent

    last = last_event_id(request, int)
    if last is None:
        newest = await sync_to_async(LogEvent.objects.order_by("-id").values_list("id", flat=True).first)()
        last = newest or 0
        yield ServerSentEvent(id=str(last))
    wanted = {"faults", f"publisher:{publisher}"}
    while True:
        rows = LogEvent.objects.filter(id__gt=last).order_by("id").values_list("id", "channels", "data")
        for id_, channels, data in await sync_to_async(list)(rows):
            last = id_
            if not wanted.isdisjoint(channels.split()):
                yield ServerSentEvent(data=json.loads(data), id=str(id_))
        await asyncio.sleep(NAIVE_POLL)


def up(request: HttpRequest) -> HttpResponse:
    """For whoever waits for the server."""
    return HttpResponse("up", content_type="text/plain")


urlpatterns = [path("events/<int:publisher>/", events), path("naive/<int:publisher>/", naive), path("up/", up)]
application = get_asgi_application()
direct = sse_django.asgi.get_asgi_application()
