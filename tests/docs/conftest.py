"""Fixtures of the documentation's tests: a page's project, and a server and a browser for what pages show of browsers."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from django.core.handlers.asgi import ASGIHandler
from playwright.sync_api import Browser

from tests.docs.project import Project
from tests.live.browser import chromium
from tests.live.waiting import until


@pytest.fixture
def project() -> Iterator[Project]:
    """The project that a page writes."""
    with Project() as project:
        yield project


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for a module. While it is open, this thread can't run async code."""
    with chromium() as running:
        yield running


@contextmanager
def uvicorn_on(listener: socket.socket) -> Iterator[None]:
    """uvicorn in a thread of this process, serving whatever ROOT_URLCONF is at the moment."""
    listener.listen()
    config = uvicorn.Config(ASGIHandler(), lifespan="off", ws="none", log_level="error", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])), daemon=True)
    thread.start()
    until(lambda: server.started, 10, "uvicorn has started")
    yield
    server.should_exit = True
    thread.join(5)


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    """The address of a server for browsers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        with uvicorn_on(listener):
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture(scope="module")
def uds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The Unix socket of a server for proxies."""
    path = tmp_path_factory.mktemp("uds") / "socket"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        with uvicorn_on(listener):
            yield path
