"""sse_django: a view that iterates its subscription and yields the events on."""

from __future__ import annotations

from collections.abc import AsyncIterator

from django.http import HttpRequest
from django.urls import path

from bench.channels.servers import ours
from bench.channels.servers.ours import app, publish
from sse_django import event_stream, subscribe

__all__ = ["app", "publish"]

ours.settings.ROOT_URLCONF = __name__


@event_stream
async def stream(request: HttpRequest) -> AsyncIterator[object]:
    async for event in subscribe(*request.GET.getlist("channel")):
        yield event


urlpatterns = [path("stream", stream)]
