"""sse_django: views that yield."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterable, Iterable

from django.http import HttpRequest
from django.urls import path

from bench.servers.project import application
from bench.servers.tick import PAUSE, Tick, tick, tick_now

app = application(__name__, ["sse_django"])

from sse_django import event_stream  # noqa: E402 - needs the settings above


@event_stream
async def ready(request: HttpRequest) -> AsyncIterable[Tick]:
    for i in range(int(request.GET["n"])):
        yield tick(i)


@event_stream
def ready_sync(request: HttpRequest) -> Iterable[Tick]:
    for i in range(int(request.GET["n"])):
        yield tick(i)


@event_stream
async def paced(request: HttpRequest) -> AsyncIterable[Tick]:
    for _ in range(int(request.GET["n"])):
        await asyncio.sleep(PAUSE)
        yield tick_now()


@event_stream
def paced_sync(request: HttpRequest) -> Iterable[Tick]:
    for _ in range(int(request.GET["n"])):
        time.sleep(PAUSE)
        yield tick_now()


urlpatterns = [
    path("ready", ready),
    path("ready-sync", ready_sync),
    path("paced", paced),
    path("paced-sync", paced_sync),
]
