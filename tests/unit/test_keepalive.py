"""Pings in silences, and a generator that never notices them."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator, Callable

import anyio
import pytest

from sse_django.events import KEEPALIVE_COMMENT
from sse_django.keepalive import with_keepalive

PING = KEEPALIVE_COMMENT


async def test_chunks_pass_through_and_silence_gets_pings() -> None:
    pinged = asyncio.Event()

    async def chunks() -> AsyncIterator[bytes]:
        yield b"a"
        await pinged.wait()
        yield b"b"

    got: list[bytes] = []
    async for chunk in with_keepalive(chunks(), 0.05):
        got.append(chunk)
        if got.count(PING) == 2:
            pinged.set()
    assert got[:3] == [b"a", PING, PING]
    assert got[-1] == b"b"


async def test_any_chunks_pass_one_by_one() -> None:
    async def chunks() -> AsyncIterator[object]:
        for chunk in (b"", "text", 1, None):
            yield chunk

    assert [c async for c in with_keepalive(chunks(), 1)] == [b"", "text", 1, None]


async def test_no_interval_no_pings() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        await asyncio.sleep(0.05)
        yield b"a"

    assert [c async for c in with_keepalive(chunks(), None)] == [b"a"]


@pytest.mark.parametrize("interval", [0, -1])
async def test_an_interval_that_makes_no_sense_is_refused(interval: float) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"a"

    with pytest.raises(ValueError, match="interval must be above 0"):
        await anext(with_keepalive(chunks(), interval))


async def test_an_exception_comes_out_after_the_chunks_before_it() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"a"
        raise RuntimeError("boom")

    got = []
    with pytest.raises(RuntimeError, match="boom"):  # noqa: PT012
        async for chunk in with_keepalive(chunks(), 1):
            got.append(chunk)  # noqa: PERF401
    assert got == [b"a"]


async def test_a_generators_own_timeout_is_seen_by_it_and_by_nobody_else() -> None:
    limits: list[Callable[[], object]] = []  # a ping each, then the limit is reached

    async def chunks() -> AsyncIterator[str]:
        try:
            async with asyncio.timeout(None) as limit:
                limits.append(lambda: limit.reschedule(asyncio.get_running_loop().time()))
                await asyncio.sleep(60)
        except TimeoutError:
            yield "timed out"
        with anyio.CancelScope() as scope:
            limits.append(lambda: setattr(scope, "deadline", anyio.current_time()))
            await asyncio.sleep(60)
        yield "cancelled" if scope.cancelled_caught else "not cancelled"

    got = []
    async for chunk in with_keepalive(chunks(), 0.05):
        got.append(chunk)
        if chunk == PING and limits:
            limits.pop()()
    assert [c for c in got if c != PING] == ["timed out", "cancelled"]
    assert got.count(PING) >= 2


async def test_a_timeout_may_span_yields() -> None:
    async def chunks() -> AsyncIterator[int]:
        with anyio.fail_after(30):
            for n in range(3):
                yield n
                await asyncio.sleep(0.03)

    assert [c for c in [c async for c in with_keepalive(chunks(), 0.02)] if c != PING] == [0, 1, 2]


async def test_every_step_and_the_end_run_in_one_task_and_context() -> None:
    tasks = set()
    variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable", default=0)
    seen = []

    async def chunks() -> AsyncIterator[int]:
        try:
            for n in range(3):
                tasks.add(asyncio.current_task())
                variable.set(variable.get() + 1)
                yield n
        finally:
            tasks.add(asyncio.current_task())
            seen.append(variable.get())

    stream = with_keepalive(chunks(), 1)
    assert [await anext(stream), await anext(stream)] == [0, 1]
    await stream.aclose()
    assert len(tasks) == 1
    assert asyncio.current_task() not in tasks
    assert variable.get() == 0
    assert seen[0] >= 2


@pytest.mark.parametrize("at_yield", [True, False])
async def test_closing_runs_finally_before_it_returns(at_yield: bool) -> None:
    ended = []

    async def chunks() -> AsyncIterator[bytes]:
        try:
            yield b"a"
            if at_yield:
                while True:
                    yield b"b"
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0.01)  # a finally may await
            ended.append(True)

    stream = with_keepalive(chunks(), 1)
    await anext(stream)
    await asyncio.sleep(0.01)
    await stream.aclose()
    assert ended == [True]


async def test_cancelling_the_reader_closes_the_generator() -> None:
    ended = asyncio.Event()

    async def chunks() -> AsyncIterator[bytes]:
        try:
            await asyncio.sleep(3600)
            yield b"never"
        finally:
            ended.set()

    async def read() -> None:
        async for _ in with_keepalive(chunks(), 1):
            pass

    task = asyncio.create_task(read())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(ended.wait(), 10)


async def test_a_task_group_in_the_generator_survives_its_closing() -> None:
    cancelled = []

    async def worker() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            cancelled.append(True)

    async def chunks() -> AsyncIterator[bytes]:
        async with asyncio.TaskGroup() as group:
            group.create_task(worker())
            while True:
                await asyncio.sleep(0)
                yield b"a"

    stream = with_keepalive(chunks(), 1)
    await anext(stream)
    await stream.aclose()
    assert cancelled == [True]
