"""The background loop outlives what runs on it."""

import asyncio
import logging

import pytest

from sse_django.background import background_loop


def test_a_task_that_would_end_the_process_doesnt_end_the_loop(caplog: pytest.LogCaptureFixture) -> None:
    async def exits() -> None:
        raise SystemExit(2)

    async def answers() -> int:
        await asyncio.sleep(0)
        return 7

    loop = background_loop()
    ended = asyncio.run_coroutine_threadsafe(exits(), loop)
    with caplog.at_level(logging.ERROR, "sse_django"), pytest.raises(SystemExit):
        ended.result(5)

    assert asyncio.run_coroutine_threadsafe(answers(), loop).result(5) == 7
    assert background_loop() is loop
    assert "asked the process to exit" in caplog.text
