"""FastAPI: its own `EventSourceResponse`, typed in the same way as our views are."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterable, Iterable

from fastapi import FastAPI
from fastapi.sse import EventSourceResponse

from bench.servers.tick import PAUSE, Tick, tick, tick_now

app = FastAPI()


@app.get("/ready", response_class=EventSourceResponse)
async def ready(n: int) -> AsyncIterable[Tick]:
    for i in range(n):
        yield tick(i)


@app.get("/ready-sync", response_class=EventSourceResponse)
def ready_sync(n: int) -> Iterable[Tick]:
    for i in range(n):
        yield tick(i)


@app.get("/paced", response_class=EventSourceResponse)
async def paced(n: int) -> AsyncIterable[Tick]:
    for _ in range(n):
        await asyncio.sleep(PAUSE)
        yield tick_now()


@app.get("/paced-sync", response_class=EventSourceResponse)
def paced_sync(n: int) -> Iterable[Tick]:
    for _ in range(n):
        time.sleep(PAUSE)
        yield tick_now()
