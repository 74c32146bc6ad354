"""A request's thread ends with its stream, without one more thread to wait for it."""

import asyncio
import inspect
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from asgiref.sync import SyncToAsync, ThreadSensitiveContext, sync_to_async
from django.db import connection

from sse_django import EventSourceResponse
from sse_django.connections import close_own, dismiss_thread
from tests.live.waiting import until


async def one() -> AsyncIterator[str]:
    yield "one"


async def served() -> EventSourceResponse:
    """One whose bytes have been sent."""
    response = EventSourceResponse(one())
    assert [chunk async for chunk in response]
    return response


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[threading.Thread]]:
    """Threads that are started in the test."""
    threads: list[threading.Thread] = []
    start = threading.Thread.start

    def remember(thread: threading.Thread) -> None:
        if not thread.name.startswith("sse-"):  # ours, of which a process has one
            threads.append(thread)
        start(thread)

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", remember)
        yield threads


async def as_django_does(close: Callable[[], Any]) -> None:
    """The end of a request: `django.core.handlers.asgi`."""
    async with ThreadSensitiveContext():
        await sync_to_async(lambda: None)()  # what receives `request_started`
        await sync_to_async(close)()


async def test_a_request_whose_stream_ends_has_had_one_thread(started: list[threading.Thread]) -> None:
    before = len(SyncToAsync.context_to_thread_executor)
    response = await served()
    await as_django_does(response.close)
    assert len(started) == 1
    assert len(SyncToAsync.context_to_thread_executor) == before
    until(lambda: not started[0].is_alive(), 5, "it ends")


async def test_work_that_comes_after_the_stream_gets_a_thread_again(started: list[threading.Thread]) -> None:
    async with ThreadSensitiveContext() as context:
        await sync_to_async(lambda: None)()
        await sync_to_async((await served()).close)()
        assert context not in SyncToAsync.context_to_thread_executor
        assert await sync_to_async(threading.current_thread)() is started[-1]
    assert len(started) >= 2


@pytest.mark.django_db(transaction=True)
async def test_a_thread_that_holds_a_connection_is_left_to_the_context() -> None:
    async with ThreadSensitiveContext() as context:
        await sync_to_async(lambda: connection.ensure_connection())()
        await sync_to_async(dismiss_thread)()
        assert context in SyncToAsync.context_to_thread_executor
        await sync_to_async(close_own)({})
        await sync_to_async(dismiss_thread)()
        assert context not in SyncToAsync.context_to_thread_executor


async def test_it_is_none_of_another_threads_business() -> None:
    """As with Django's AsyncClient, which closes a response in any thread."""
    async with ThreadSensitiveContext() as context:
        await sync_to_async(lambda: None)()
        await sync_to_async((await served()).close, thread_sensitive=False)()
        assert context in SyncToAsync.context_to_thread_executor
    await asyncio.to_thread(dismiss_thread)
    dismiss_thread()


async def test_a_middleware_that_closes_a_response_before_it_is_sent_keeps_its_thread() -> None:
    async with ThreadSensitiveContext() as context:
        await sync_to_async(lambda: None)()
        await sync_to_async(EventSourceResponse(one()).close)()
        assert context in SyncToAsync.context_to_thread_executor


async def test_an_executor_that_somebody_else_owns_is_left_to_its_owner() -> None:
    """asgiref has a context with an executor of the caller's, which outlives it."""
    if "executor" not in inspect.signature(ThreadSensitiveContext).parameters:
        pytest.skip("this asgiref has no such contexts")
    with ThreadPoolExecutor(max_workers=1) as pool:
        for _ in range(2):
            async with ThreadSensitiveContext(executor=pool):
                await sync_to_async(lambda: None)()
                await sync_to_async((await served()).close)()
        assert pool.submit(lambda: 1).result() == 1
