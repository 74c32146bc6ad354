"""A real Chromium, driven by Playwright.

Playwright is given the browser that the machine has: its own builds need a download of their own.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

# Without these Chromium asks Google for things at every start, and as root it won't start at all.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

#: Seconds that `expect` waits: the machine may be busy, and an EventSource rests three seconds before it asks again.
PATIENCE = 15.0


def find() -> str:
    """The browser's path. Without one the test is skipped, or fails where CI_REQUIRE_BROWSER=1."""
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        if path := shutil.which(name):
            return path
    message = "no Chromium here; on Debian and Ubuntu: apt install chromium"
    if os.environ.get("CI_REQUIRE_BROWSER") == "1":
        pytest.fail(message)
    pytest.skip(message)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless browser with an empty profile.

    Playwright's sync API leaves its event loop marked as running in this thread, so Django would refuse the ORM here,
    although nothing of ours is async. Hence DJANGO_ALLOW_ASYNC_UNSAFE, for as long as the browser is open.
    """
    path = find()
    expect.set_options(timeout=1000 * PATIENCE)
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
            try:
                yield browser
            finally:
                browser.close()
    finally:
        expect.set_options(timeout=None)
        if before is None:
            del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]
        else:
            os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = before


def listen(page: Page, complaints: list[str]) -> None:
    """Collect what a page's console complains about: errors, warnings, refusals of the content security policy."""

    def on_console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    page.on("console", on_console)
    page.on("pageerror", lambda error: complaints.append(str(error)))
