"""What every test may use."""

import signal
from collections.abc import Iterator

import pytest
from django.utils import translation

from tests.engines.fixtures import (  # noqa: F401
    _unblocked,
    mariadb,
    mariadb_alias,
    nats,
    plain_sqlite_alias,
    postgresql,
    postgresql_alias,
    repeatable_mariadb_alias,
    sqlite_alias,
    valkey,
)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Async tests run on asyncio alone: Django's ASGI handler and asgiref know no other loop."""
    return "asyncio"


@pytest.fixture
def complaints() -> list[str]:
    """What the consoles of pages complain about that a test listens to (tests/live/browser.py).

    A folder's fixture for pages sees to it that there are none at the end; a test that expects some takes them out.
    """
    return []


@pytest.fixture(autouse=True)
def _no_language_outlives_its_test() -> Iterator[None]:
    """A request through LocaleMiddleware leaves its language active in the thread."""
    yield
    translation.deactivate()


# A shell that runs this in the background has SIGINT ignored, and every server started here would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
