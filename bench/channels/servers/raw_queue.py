"""No framework: raw ASGI with a queue per client, the bytes made once for all. What people write by hand, at its best."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any
from urllib.parse import parse_qs

from bench.channels.servers import PING
from bench.servers.raw_asgi import dump
from bench.servers.tick import tick_now

HEADERS = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]
COMMENT = b": ping\n\n"

_queues: dict[str, set[asyncio.Queue[bytes]]] = defaultdict(set)  # by channel
_loop: asyncio.AbstractEventLoop | None = None
_pings: asyncio.Task[None] | None = None


def publish(channel: str, events: int) -> None:
    assert _loop is not None
    chunks = [b"event: tick\ndata: %b\n\n" % dump(tick_now()) for _ in range(events)]
    _loop.call_soon_threadsafe(_put, channel, chunks)


def _put(channel: str, chunks: list[bytes]) -> None:
    for chunk in chunks:
        for queue in _queues[channel]:
            queue.put_nowait(chunk)


async def _ping() -> None:
    while True:
        await asyncio.sleep(PING)
        for queue in set().union(*_queues.values()):
            queue.put_nowait(COMMENT)


async def app(scope: Any, receive: Any, send: Any) -> None:
    global _loop, _pings
    if _loop is None:
        _loop = asyncio.get_running_loop()
        _pings = _loop.create_task(_ping())
    queue: asyncio.Queue[bytes] = asyncio.Queue()
    channels = parse_qs(scope["query_string"].decode())["channel"]
    for channel in channels:
        _queues[channel].add(queue)
    try:
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send({"type": "http.response.body", "body": COMMENT, "more_body": True})
        while True:
            await send({"type": "http.response.body", "body": await queue.get(), "more_body": True})
    finally:
        for channel in channels:
            _queues[channel].discard(queue)
