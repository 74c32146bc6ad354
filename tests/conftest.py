"""What every test may use."""

import gc
import signal
import time
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

#: Seconds after which a test that waits says that what it waits for doesn't come.
PATIENCE = 30.0


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


@pytest.fixture
def real_waits() -> None:
    """For a test of how long the library waits by itself: its limits are as they ship (see `_busy_is_not_broken`)."""


@pytest.fixture(autouse=True)
def _busy_is_not_broken(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine with more to do than cores a first event, an end or a thread may take longer than the library waits for it.

    What it does then is right, and another thing than what most tests ask about: those wait for what they ask about.
    """
    from sse_django import bridge, relay, respond, subscription
    from sse_django.testing import AsyncStreamClient, StreamClient, streams

    for client in (AsyncStreamClient, StreamClient):
        monkeypatch.setattr(
            client.stream, "__kwdefaults__", {**(client.stream.__kwdefaults__ or {}), "timeout": PATIENCE}
        )
    monkeypatch.setattr(streams.AsyncStream.disconnect, "__defaults__", (PATIENCE,))
    if "real_waits" not in request.fixturenames:
        monkeypatch.setattr(respond, "START_TIMEOUT", PATIENCE)
        monkeypatch.setattr(subscription, "OPENING", PATIENCE)
        monkeypatch.setattr(relay, "OPENING", PATIENCE)
        monkeypatch.setattr(bridge, "THREAD_GRACE", PATIENCE)


@pytest.fixture(autouse=True)
def _no_language_outlives_its_test() -> Iterator[None]:
    """A request through LocaleMiddleware leaves its language active in the thread."""
    yield
    translation.deactivate()


@pytest.fixture(autouse=True)
def _no_stream_outlives_its_test() -> Iterator[None]:
    """A stream left open would count against the caps that another test sets, hours later and in another folder."""
    from sse_django import shutdown

    before = shutdown.streams()  # of a test that failed, whose traceback holds them: they fail that one alone
    yield
    deadline = time.monotonic() + 30
    while (left := [each for each in shutdown.streams() if each not in before]) and time.monotonic() < deadline:
        gc.collect()  # a response that was made and never read is closed when it goes
        time.sleep(0.01)
    assert left == []


# A shell that runs this in the background has SIGINT ignored, and every server started here would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
