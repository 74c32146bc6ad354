"""Streams for the doctor, and what stands before them: an ASGI application that is well, and some that aren't."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest, HttpResponse
from django.urls import path

from sse_django import ServerSentEvent, event_stream, last_event_id, subscribe

Application = Callable[[Any, Any, Any], Awaitable[None]]


@event_stream(ping_interval=0.2)
async def channel(request: HttpRequest) -> Any:
    return subscribe("doctor", after=last_event_id(request))


@event_stream(ping_interval=None)
async def mute(request: HttpRequest) -> Any:
    yield {"n": 0}
    await asyncio.sleep(3600)


@event_stream
async def finite(request: HttpRequest) -> Any:
    for number in range(last_event_id(request, int, default=0) + 1, 3):
        yield ServerSentEvent(data=number, id=str(number))


@event_stream(ping_interval=0.2)
async def forgetful(request: HttpRequest) -> Any:
    yield ServerSentEvent(data="again", id="1")
    yield ServerSentEvent(data="again", id="2")
    await asyncio.sleep(3600)


@event_stream(ping_interval=0.2, compress=True)
async def flushed(request: HttpRequest) -> Any:
    yield {"n": 0}
    await asyncio.sleep(3600)


urlpatterns = [
    path("channel/", channel),
    path("mute/", mute),
    path("finite/", finite),
    path("forgetful/", forgetful),
    path("flushed/", flushed),
    path("private/", login_required(channel)),
    path("page/", lambda request: HttpResponse("a page")),
]


def application() -> Application:
    """What serves the streams: `/well/…` as they are, `/gzip/…` compressed without a flush, `/held/…` buffered."""
    django = ASGIHandler()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        _, kind, rest = scope["path"].split("/", 2)
        inner = {**scope, "path": f"/{rest}", "raw_path": f"/{rest}".encode()}
        await django(inner, receive, {"well": lambda send: send, "gzip": compressing, "held": holding}[kind](send))

    return app


def compressing(send: Any) -> Any:
    """As a proxy does that compresses whatever it is told not to: nothing comes out before there is enough."""
    pack = zlib.compressobj(wbits=31)

    async def packed(message: Any) -> None:
        if message["type"] == "http.response.start":
            kept = [(name, value) for name, value in message["headers"] if name.lower() != b"content-encoding"]
            message = {**message, "headers": [*kept, (b"content-encoding", b"gzip")]}
        elif message["type"] == "http.response.body":
            message = {**message, "body": pack.compress(message["body"])}
        await send(message)

    return packed


def holding(send: Any) -> Any:
    """As a proxy does that buffers: 4 KiB at a time."""
    held = b""

    async def hold(message: Any) -> None:
        nonlocal held
        if message["type"] == "http.response.body":
            held += message["body"]
            if message.get("more_body") and len(held) < 4096:
                message = {**message, "body": b""}
            else:
                message, held = {**message, "body": held}, b""
        await send(message)

    return hold
