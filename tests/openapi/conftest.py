"""A browser, and the site of site.py in a thread of this process."""

import asyncio
import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.handlers.asgi import ASGIHandler
from django.test import override_settings
from playwright.sync_api import Browser, Page

from tests.live.browser import chromium, listen
from tests.live.waiting import until


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for a module. While it is open, this thread can't run async code."""
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    """The address of the site, with DEBUG on, so that its pages are open to anybody."""
    with socket.socket() as listener, override_settings(ROOT_URLCONF="tests.openapi.site", DEBUG=True):
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        application = ASGIStaticFilesHandler(ASGIHandler())
        config = uvicorn.Config(application, lifespan="off", ws="none", log_level="error", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])), daemon=True)
        thread.start()
        until(lambda: server.started, 10, "uvicorn has started")
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(5)


@pytest.fixture
def page(browser: Browser, complaints: list[str]) -> Iterator[Page]:
    """A page whose console must stay clean."""
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    listen(page, complaints)
    yield page
    context.close()
    assert not complaints, complaints
