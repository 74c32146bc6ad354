"""Stopping a server ends it at once although readers don't read what its streams send."""

from contextlib import ExitStack

import pytest

from tests.live.client import fetch, never_read
from tests.live.conftest import StartServer
from tests.live.servers import PLAIN_KINDS
from tests.live.stops import CASES, STOPS, STUCK, interrupt, open_stuck, runs_finally
from tests.live.waiting import stands_still, until


@pytest.mark.parametrize(("kind", "stop"), CASES)
def test_a_server_stops_in_time_although_readers_do_not_read(
    kind: str, stop: str, own_server: StartServer, limit: float
) -> None:
    server = own_server(kind)
    with ExitStack() as stack:
        open_stuck(server, stack)

        STOPS[stop](server)

        server.wait(limit)
        for path in STUCK:
            if runs_finally(kind, stop, path):
                server.traced(path, "finally", timeout=0)


@pytest.mark.parametrize("kind", [kind for kind in PLAIN_KINDS if kind != "daphne"])  # whose sends never block
def test_a_server_stops_in_time_although_the_last_events_are_not_read(
    kind: str, own_server: StartServer, limit: float
) -> None:
    """A client fell asleep: the kernel's buffers are full, the server's own hold a little, no send is blocked.

    The stream ends, but the server waits for those last bytes to leave.
    """
    server = own_server(kind)
    with ExitStack() as stack:
        # A stream that goes on until it is blocked shows how much that is.
        stack.enter_context(never_read(f"{server.url}/trickle/?name=full"))
        fetch(f"{server.url}/more/?name=full&count=100000")
        until(lambda: stands_still(server, "full"), 10, "the first stream is blocked")
        stack.enter_context(never_read(f"{server.url}/trickle/?name=asleep"))
        almost = server.progress("full") - 4
        fetch(f"{server.url}/more/?name=asleep&count={almost}")
        until(lambda: server.progress("asleep") == almost, 10, "the second stream has a little room left")

        STOPS[interrupt(kind)](server)

        server.wait(limit)
        server.traced("asleep", "finally", timeout=0)
