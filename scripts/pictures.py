"""The pictures in docs/images, of a running demo: `make demo`, a quarter of an hour of `manage.py make_orders`, then
`.venv/bin/python scripts/pictures.py http://127.0.0.1:8000`.

Nobody should have looked at the dashboard before: its chart asks once for what was, and has a gap for when nobody looked.
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
#: Seconds for which the dashboard is open before its picture: its numbers say how they changed in the last minute.
A_MINUTE = 65


def signed_in(browser: Browser, url: str, height: int) -> Page:
    """A page of somebody who works in the bakery."""
    page = browser.new_page(viewport={"width": 1280, "height": height}, color_scheme="light")
    page.goto(f"{url}/shop/")
    page.get_by_role("button", name="Ada").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    return page


def main() -> None:
    url = sys.argv[1].rstrip("/")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = signed_in(browser, url, 800)
        page.goto(f"{url}/admin/live-dashboards/bakery/")
        page.wait_for_timeout(1000 * A_MINUTE)
        page.screenshot(path=IMAGES / "dashboard.png")

        page = signed_in(browser, url, 640)
        page.goto(f"{url}/admin/shop/order/")
        newest = page.locator("#result_list tbody th").first
        before = newest.inner_text()
        expect(newest).not_to_have_text(before, timeout=60_000)
        page.wait_for_timeout(400)  # it is marked for a moment
        page.screenshot(path=IMAGES / "live-list.png")
        browser.close()


if __name__ == "__main__":
    main()
