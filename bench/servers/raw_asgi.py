"""No framework: an ASGI application that sends every event by itself, typed, or from bytes that are ready."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs

from pydantic import TypeAdapter

from bench.servers.tick import PAUSE, Tick, tick, tick_now

dump = TypeAdapter(Tick).dump_json
HEADERS = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]
BYTES = b"data: %b\n\n" % dump(tick(123456))


async def ready(n: int) -> AsyncIterator[bytes]:
    for i in range(n):
        yield b"data: %b\n\n" % dump(tick(i))


async def ready_bytes(n: int) -> AsyncIterator[bytes]:
    for _ in range(n):
        yield BYTES


async def paced(n: int) -> AsyncIterator[bytes]:
    for _ in range(n):
        await asyncio.sleep(PAUSE)
        yield b"data: %b\n\n" % dump(tick_now())


STREAMS = {"/ready": ready, "/ready-bytes": ready_bytes, "/paced": paced}


async def app(scope: Any, receive: Any, send: Any) -> None:
    n = int(parse_qs(scope["query_string"])[b"n"][0])
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    async for body in STREAMS[scope["path"]](n):
        await send({"type": "http.response.body", "body": body, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
