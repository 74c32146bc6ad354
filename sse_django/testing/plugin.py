"""The pytest plugin: fixtures `sse_client` and `async_sse_client`, and no stream that outlives its test.

Loaded by its entry point; Django is imported when a fixture is asked for, not before.
"""

from __future__ import annotations

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
