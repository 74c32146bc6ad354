"""What every test may use."""

import pytest


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Async tests run on asyncio alone: Django's ASGI handler and asgiref know no other loop."""
    return "asyncio"
