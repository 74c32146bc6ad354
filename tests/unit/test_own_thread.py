"""A question's own thread, and its connections, are gone after it, whenever it is cancelled."""

import asyncio
import threading
import time
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from sse_django import recheck
from sse_django.recheck import OwnThread


async def test_a_cancelled_question_leaves_no_thread_and_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    before = set(threading.enumerate())
    asked: set[threading.Thread] = set()
    closed: set[threading.Thread] = set()
    contexts: list[OwnThread] = []  # so that no garbage collection does the work

    def question() -> None:
        asked.add(threading.current_thread())
        time.sleep(0.001)

    def close(known: Any) -> None:
        time.sleep(0.001)
        closed.add(threading.current_thread())

    async def ask() -> None:
        contexts.append(own := OwnThread())
        async with own:
            await sync_to_async(question)()

    monkeypatch.setattr(recheck, "close_own", close)
    for steps in range(60):
        task = asyncio.create_task(ask())
        for _ in range(steps // 4):
            await asyncio.sleep(0.0005)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async with asyncio.timeout(30):
        while any(one in asked for one in set(threading.enumerate()) - before):  # noqa: ASYNC110 threads set no event
            await asyncio.sleep(0.01)
    assert asked
    assert closed >= asked
