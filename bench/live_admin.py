"""From `save()` in another process to the changed row in the browser: `python -m bench.live_admin --engine sqlite`.

A real server (uvicorn), a real Chromium that looks at a changelist of 20 rows with filters, a worker process that saves one
order after the other. The clock starts before `save()` and stops when the cell shows the new value; both are this machine's.
The engines are those of the tests, from their wheels: `sqlite` (polled), `postgres` (told), `valkey` (rows in SQLite).
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from tests.admin_live.servers import Site, Worker, make_database, prepare
from tests.live.browser import FLAGS, find
from tests.live.waiting import until

#: Seconds between two saves: people edit one thing at a time. A burst is another question (see docs/howto/admin.md).
PAUSE = (0.8, 1.6)
SEEN = """
window.seen = {}
const look = () => {
  for (const cell of document.querySelectorAll("td.field-total")) {
    window.seen[cell.textContent] ??= performance.timeOrigin + performance.now()
  }
}
const all = { subtree: true, childList: true, characterData: true }
new MutationObserver(look).observe(document.querySelector("#content-main"), all)
"""


@contextmanager
def engine(name: str, folder: Path) -> Iterator[tuple[str, str | None]]:
    """The database's address, and that of a Valkey."""
    if name == "postgres":
        from tests.live.postgres import Postgres

        server = Postgres()
        try:
            address = server.create("orders")
            prepare(address)
            yield address, None
        finally:
            server.stop()
    elif name == "valkey":
        from tests.engines.valkey import Valkey

        valkey = Valkey()
        try:
            address = f"sqlite:///{folder / 'orders.sqlite3'}"
            prepare(address, valkey.url)
            yield address, valkey.url
        finally:
            valkey.stop()
    else:
        yield make_database(folder), None


def measure(page: Page, site: Site, worker: Worker, count: int) -> list[float]:
    """Milliseconds, one for each save."""
    worker.run("for i in range(40): Order.objects.create(number=f'A{i}', status=['new', 'paid', 'shipped'][i % 3])")
    page.goto(f"{site.url}/admin/login/")
    page.fill("#id_username", "anna")
    page.fill("#id_password", "anna")
    page.click("[type=submit]")
    page.goto(f"{site.url}/admin/orders/order/")
    expect(page.locator(".sse-live-mark")).to_have_attribute("data-state", "live")
    page.evaluate(SEEN)
    times: list[float] = []
    for n in range(count + 3):
        value = f"{1000 + n}.00"
        began = worker.run(
            "import time\no = Order.objects.all()[7]\nresult = time.time()\n"
            f"o.total = '{value}'; o.save(update_fields=['total'])"
        )
        # No wait_for_function: the site's content security policy forbids eval.
        shown = until(lambda value=value: page.evaluate("value => window.seen[value]", value), 20, f"{value} is shown")
        times.append(shown - began * 1000)
        time.sleep(random.uniform(*PAUSE))  # the pace of the load, not a wait for something
    return times[3:]  # the first ones warm up


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--engine", choices=["sqlite", "postgres", "valkey"], default="sqlite")
    parser.add_argument("--count", type=int, default=100, help="saves; 100 by default")
    options = parser.parse_args()
    os.environ["SSE_TEST_LOOK"] = "5"  # the default, where the tests are in a hurry
    with tempfile.TemporaryDirectory(prefix="sse-live-admin-") as name, engine(options.engine, Path(name)) as addresses:
        database, redis = addresses
        worker = Worker(database, redis)
        try:
            with Site(database, Path(name) / "log", redis=redis) as site, sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=find(), args=FLAGS)
                times = sorted(measure(browser.new_page(), site, worker, options.count))
                browser.close()
        finally:
            worker.stop()
    p95 = times[round(0.95 * (len(times) - 1))]
    print(
        f"{options.engine}: save() to the row in the browser, {len(times)} saves: "
        f"p50 {statistics.median(times):.0f} ms, p95 {p95:.0f} ms, longest {times[-1]:.0f} ms"
    )


if __name__ == "__main__":
    main()
