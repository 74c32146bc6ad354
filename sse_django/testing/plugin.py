"""The pytest plugin: fixtures `sse_client`, `async_sse_client` and `sse_live_backend`, and no hub that outlives its test.

Loaded by its entry point; Django is imported when a fixture is asked for, not before.
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sse_django.testing.clients import AsyncStreamClient, StreamClient


@pytest.fixture
def sse_client() -> StreamClient:
    """A `StreamClient`: Django's test client that also opens streams."""
    from sse_django.testing.clients import StreamClient

    return StreamClient()


@pytest.fixture
def async_sse_client() -> AsyncStreamClient:
    """An `AsyncStreamClient`: Django's async test client that also opens streams."""
    from sse_django.testing.clients import AsyncStreamClient

    return AsyncStreamClient()


@pytest.fixture
def sse_live_backend() -> Iterator[None]:
    """Subscriptions receive in this test. See `live_backend`."""
    from sse_django.testing.published import live_backend

    with live_backend():
        yield


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown() -> Generator[None]:
    """Stop hubs before pytest-django drops or flushes the test database."""
    hubs = sys.modules.get("sse_django.hubs")
    if hubs is not None:
        hubs.stop_hubs()
    return (yield)
