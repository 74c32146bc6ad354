"""Stopping a server while streams begin: whoever asks is told to come back, and comes back."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from tests.live.client import Stream, StreamEnded
from tests.live.conftest import StartServer
from tests.live.servers import PLAIN_KINDS
from tests.live.stops import STOPS, polite


@pytest.mark.parametrize("kind", PLAIN_KINDS)
def test_a_resumed_stream_that_is_stopped_before_its_first_event_is_200_so_that_its_client_comes_back(
    kind: str, own_server: StartServer, limit: float
) -> None:
    """Only a generator that has nothing left is answered with 204, after which a browser asks no more."""
    server = own_server(kind)
    with ThreadPoolExecutor() as threads, ExitStack() as stack:
        asked = [
            threads.submit(Stream, f"{server.url}/{path}/?name={path}", headers={"Last-Event-ID": "7"})
            for path in ("quiet", "sync-quiet")
        ]
        for path in ("quiet", "sync-quiet"):
            server.traced(path, "started", timeout=10)
        assert not any(answer.done() for answer in asked), "no response has begun"

        stopped = time.monotonic()
        STOPS[polite(kind)](server)

        for stream in [stack.enter_context(answer.result(limit)) for answer in asked]:
            assert stream.status == 200
            assert stream.wait_for_end(limit)
            stream.close()
        server.wait(limit - (time.monotonic() - stopped))


@pytest.mark.parametrize("kind", PLAIN_KINDS)
def test_a_stream_that_would_begin_while_the_server_stops_is_told_when_to_come_back(
    kind: str, own_server: StartServer, limit: float
) -> None:
    server = own_server(kind)
    with ThreadPoolExecutor() as threads, Stream(f"{server.url}/lingering/?name=lingering") as lingering:
        lingering.event()
        answer = threads.submit(Stream, f"{server.url}/late/?name=late")
        server.traced("late", "asked", timeout=10)

        STOPS[polite(kind)](server)

        with answer.result(limit) as late:
            assert late.status == 200
            assert 1000 <= int(late.block().retry or 0) <= 5000
            assert late.rest() == b""
        # Most accept nobody by now, or break off. A browser comes back from that, too.
        try:
            with Stream(f"{server.url}/busy/?name=new") as new:
                assert new.status == 200
                assert 1000 <= int(new.block().retry or 0) <= 5000
        except ConnectionError:
            pass
        except StreamEnded as end:
            if end.clean:
                raise
    assert [line["what"] for line in server.trace("late")] == ["asked"], "its generator has not begun"
    assert server.trace("new") == []
