"""What every test may use."""

import signal

import pytest


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Async tests run on asyncio alone: Django's ASGI handler and asgiref know no other loop."""
    return "asyncio"


# A shell that runs this in the background has SIGINT ignored, and every server started here would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
