"""From `save()` in another process to the changed row in the browser: `python -m bench.live_admin`, from a clone.

A real server (uvicorn), a real Chromium that looks at a changelist of 20 rows with filters, a worker process that saves one
order after the other. The clock starts before `save()` and stops when the cell has the new value; both are this machine's.
Engines are those of the tests, from their wheels: `sqlite` (polled), `postgres` (told), `postgres-pool` (and Django's pool for
connections, where a request else opens its own), `valkey` (the log; rows are in SQLite). Nothing but 127.0.0.1 is asked.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.admin_live.servers import Site, Worker, make_database, prepare
from tests.live.browser import FLAGS, find

ENGINES = ["sqlite", "postgres", "postgres-pool", "valkey"]
#: Seconds between two saves: people edit one thing at a time. A burst is another question (see docs/howto/admin.md).
PAUSE = (0.8, 1.6)
#: Seconds that a change may take.
PATIENCE = 20
#: `shown(value, patience)` is when a cell first had a value, by the page's own clock: asking again and again would take the
#: processor that is measured.
SEEN = """
() => {
  const seen = new Map()
  let wake = () => {}
  const look = () => {
    const now = performance.timeOrigin + performance.now()
    for (const { textContent } of document.querySelectorAll("td.field-total")) {
      if (!seen.has(textContent)) seen.set(textContent, now)
    }
    wake()
  }
  const all = { subtree: true, childList: true, characterData: true }
  new MutationObserver(look).observe(document.querySelector("#content-main"), all)
  window.shown = (value, patience) => new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error(`${value} is not shown`)), 1000 * patience)
    wake = () => seen.has(value) && resolve(seen.get(value))
    wake()
  })
}
"""


@contextmanager
def engine(name: str, folder: Path) -> Iterator[tuple[str, str | None]]:
    """The database's address, and that of a Valkey."""
    if name.startswith("postgres"):
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
        times.append(page.evaluate("([value, patience]) => shown(value, patience)", [value, PATIENCE]) - began * 1000)
        time.sleep(random.uniform(*PAUSE))  # the pace of the load, not a wait for something
    return times[3:]  # the first ones warm up


def run(name: str, browser: Browser, count: int) -> list[float]:
    """The times of one engine, sorted."""
    os.environ["SSE_TEST_POOL"] = "1" if name.endswith("-pool") else "0"
    with tempfile.TemporaryDirectory(prefix="sse-live-admin-") as folder, engine(name, Path(folder)) as addresses:
        database, redis = addresses
        worker = Worker(database, redis)
        try:
            with Site(database, Path(folder) / "log", redis=redis) as site, browser.new_context() as context:
                return sorted(measure(context.new_page(), site, worker, count))
        finally:
            worker.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--engine", choices=ENGINES, action="append", help="may be given again; all by default")
    parser.add_argument("--count", type=int, default=100, help="saves; 100 by default, which take two minutes")
    options = parser.parse_args()
    try:
        path = find()
    except (pytest.skip.Exception, pytest.fail.Exception) as missing:
        sys.exit(str(missing))
    os.environ["SSE_TEST_LOOK"] = "5"  # the default, where the tests are in a hurry
    print("ms from save() to the row in the browser", f"{'p50':>6}{'p95':>6}{'max':>6}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        for name in options.engine or ENGINES:
            times = run(name, browser, options.count)
            p95 = times[round(0.95 * (len(times) - 1))]
            label = f"{name}, {len(times)} saves"
            print(f"{label:<40} {statistics.median(times):6.0f}{p95:6.0f}{times[-1]:6.0f}", flush=True)
        browser.close()


if __name__ == "__main__":
    main()
