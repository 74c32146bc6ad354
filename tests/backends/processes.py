"""Publishers in processes of their own, and a reader that must see every event once."""

import json
import subprocess
import sys
import time
from typing import Any

from django.db import connections

from sse_django.testing.contract import PATIENCE, BackendContract, texts
from tests.live.servers import ROOT


class AcrossProcesses(BackendContract):
    """One more promise for engines that processes share."""

    #: Aliases of the databases that a publisher needs.
    databases: tuple[str, ...] = ()

    def test_processes_that_publish_at_once_make_one_order(self) -> None:
        backend = self.new()
        cursor = backend.head()
        count, processes = 25, 2
        task: dict[str, Any] = {
            "backend": f"{type(backend).__module__}.{type(backend).__qualname__}",
            "options": backend.settings,
            "databases": {alias: connections[alias].settings_dict for alias in self.databases},
            "count": count,
        }
        publishers = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.engines.publisher", json.dumps({**task, "names": names})],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for names in ([f"{number}a", f"{number}b"] for number in range(processes))
        ]
        try:
            for publisher in publishers:
                assert publisher.stdout is not None
                line = publisher.stdout.readline()
                assert line == "ready\n", publisher.communicate()
            for publisher in publishers:
                assert publisher.stdin is not None
                publisher.stdin.write("\n")
                publisher.stdin.flush()
            seen: list[str] = []
            end = time.monotonic() + PATIENCE
            while len(seen) < 2 * processes * count and time.monotonic() < end:
                events, cursor = backend.read(cursor, None, 10)
                seen += texts(events)
                if not events:
                    backend.wait(cursor, 0.5)
        finally:
            outcomes = [publisher.communicate(timeout=2 * PATIENCE)[1] for publisher in publishers]
        assert outcomes == [""] * processes
        assert len(seen) == len(set(seen)) == 2 * processes * count
        for name in {text.partition(":")[0] for text in seen}:
            assert [text for text in seen if text.startswith(f"{name}:")] == [f"{name}:{n}" for n in range(count)]
        assert backend.read(cursor, None, 10) == ([], cursor)
