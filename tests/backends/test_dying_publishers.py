"""A publisher that really dies between its commit and the wake-up, on each database: subscribers find its event by polling."""

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import AsyncIterator, Iterator

import pytest
from django.db import connections
from django.test import override_settings

from sse_django import ServerSentEvent, subscribe
from sse_django.backends import get_backend
from sse_django.testing import live_backend
from sse_django.testing.contract import PATIENCE
from tests.engines import databases
from tests.live.servers import ROOT


@pytest.fixture
def alias(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


@pytest.fixture
def head(alias: str) -> Iterator[str]:
    """Of the empty log that subscribers read."""
    databases.empty(alias)
    backend = {"BACKEND": "sse_django.backends.database.DatabaseBackend", "OPTIONS": {"using": alias}}
    with override_settings(SSE_DJANGO={"BACKENDS": {"default": backend}}), live_backend():
        yield get_backend().head()


async def next_text(events: AsyncIterator[ServerSentEvent]) -> str:
    """Of the next event that isn't a cursor alone."""
    while (event := await anext(events)).data is None:
        pass
    return str(event.data)


@contextlib.contextmanager
def told_only_once(alias: str) -> Iterator[None]:
    """Of all events in the block, readers are told of one: so the others were found by polling. Only PostgreSQL could tell."""
    if connections[alias].vendor != "postgresql":
        yield
        return
    import psycopg

    host, port = connections[alias].settings_dict["HOST"], connections[alias].settings_dict["PORT"]
    with psycopg.connect(host=host, port=port, user="postgres", autocommit=True) as listening:
        listening.execute("LISTEN sse_django")
        yield
        listening.execute("NOTIFY sse_django, 'ours, after theirs'")
        told = []
        for notice in listening.notifies(timeout=PATIENCE):
            told.append(notice.payload)
            if notice.payload:
                break
    assert told == ["", "ours, after theirs"]


@pytest.mark.parametrize("how", ["transaction", "alone"])
@pytest.mark.parametrize("alias", ["sqlite_alias", "postgresql_alias", "mariadb_alias"], indirect=True)
async def test_what_was_committed_is_heard_though_nobody_told_of_it(alias: str, head: str, how: str) -> None:
    task = {"database": connections[alias].settings_dict, "how": how}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.engines.dying", json.dumps(task)),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    events = aiter(subscribe("orders", after=head))
    try:
        with told_only_once(alias):
            async with asyncio.timeout(4 * PATIENCE):
                assert await next_text(events) == "alive"
                _, printed = await process.communicate(b"\n")
                assert process.returncode == -signal.SIGKILL, printed.decode()
                assert await next_text(events) == "last words"
    finally:
        await events.aclose()  # type: ignore[attr-defined]
        if process.returncode is None:
            process.kill()
            await process.wait()
