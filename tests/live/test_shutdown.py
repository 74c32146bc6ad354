"""Stopping a server ends its streams at once, cleanly, and the process with them.

What readers that don't read, streams that begin, and reloads add to that have files of their own.
"""

import time
from contextlib import ExitStack

import pytest

from tests.live.client import Stream
from tests.live.conftest import StartServer
from tests.live.servers import PLAIN_KINDS
from tests.live.stops import CASES, STOPS, ends_cleanly, interrupt, runs_finally

READ = ["idle", "silent", "busy", "greedy", "sync-idle"]


@pytest.mark.parametrize(("kind", "stop"), CASES)
def test_a_server_with_open_streams_stops_in_time(kind: str, stop: str, own_server: StartServer, limit: float) -> None:
    server = own_server(kind)
    with ExitStack() as stack:
        streams = {path: stack.enter_context(Stream(f"{server.url}/{path}/?name={path}")) for path in READ}
        for stream in streams.values():
            stream.event()

        stopped = time.monotonic()
        STOPS[stop](server)

        clean = {}
        for path, stream in streams.items():
            clean[path] = stream.wait_for_end(limit)
            stream.close()  # or gunicorn's threads would keep the connection for 2 s more, in case of another request
        server.wait(limit - (time.monotonic() - stopped))
        if ends_cleanly(kind, stop):
            assert all(clean.values()), f"broke off instead of ending: {[path for path in clean if not clean[path]]}"
        for path in READ:
            if runs_finally(kind, stop, path):
                server.traced(path, "finally", timeout=0)


@pytest.mark.parametrize(("kind", "stop"), [case for case in CASES if case[1] != "SIGTERM-to-all"])
def test_a_server_stops_in_time_although_a_sync_generator_is_in_a_long_step(
    kind: str, stop: str, own_server: StartServer, limit: float
) -> None:
    """Nothing can interrupt it; its response ends cleanly nevertheless."""
    server = own_server(kind)
    with Stream(f"{server.url}/sync-sleeper/?sleep=40") as stream:
        stream.event()

        stopped = time.monotonic()
        STOPS[stop](server)

        clean = stream.wait_for_end(limit)
        stream.close()
        server.wait(limit - (time.monotonic() - stopped))
        if ends_cleanly(kind, stop):
            assert clean


@pytest.mark.parametrize("kind", PLAIN_KINDS)
def test_a_server_stops_in_time_although_its_first_stream_began_in_a_thread(
    kind: str, own_server: StartServer, limit: float
) -> None:
    """A sync view runs outside the main thread, where no signal handler can be set."""
    server = own_server(kind)
    with Stream(f"{server.url}/sync-idle/?name=sync-idle") as stream:
        stream.event()

        stopped = time.monotonic()
        STOPS[interrupt(kind)](server)

        stream.wait_for_end(limit)
        stream.close()
        server.wait(limit - (time.monotonic() - stopped))
        if runs_finally(kind, interrupt(kind), "sync-idle"):
            server.traced("sync-idle", "finally", timeout=0)
