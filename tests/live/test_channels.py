"""A response from a subscription on every kind of ASGI server: events arrive, readers that leave are gone, the end is clean."""

import json
import signal

import pytest

from tests.live.client import Stream, fetch
from tests.live.conftest import StartServer
from tests.live.servers import ASGI_KINDS, DIRECT_KINDS, Server
from tests.live.waiting import until

MEMORY = {"SSE_DJANGO": {"BACKENDS": {"default": {"BACKEND": "sse_django.backends.memory.MemoryBackend"}}}}


def readers(server: Server) -> int:
    return int(json.loads(fetch(f"{server.url}/channel/readers/"))["readers"])


@pytest.mark.parametrize("kind", [*ASGI_KINDS, *DIRECT_KINDS])
def test_readers_get_every_event_and_are_forgotten_when_they_leave(kind: str, shared_server: StartServer) -> None:
    server = shared_server(kind, settings=MEMORY)
    url = f"{server.url}/channel/read/"
    with Stream(url) as first, Stream(url) as second:
        cursors = [stream.block().id for stream in (first, second)]
        assert all(cursors), "a stream begins with its cursor"
        for text in ("one", "two"):
            fetch(f"{server.url}/channel/tell/?text={text}")
        for stream in (first, second):
            assert [stream.event().json()["text"] for _ in range(2)] == ["one", "two"]
        assert first.block().fields[0] == ("", "ping")
        assert readers(server) == 2
        second.abort()
        until(lambda: readers(server) == 1, 30, "the one that was cut off is gone")
    until(lambda: readers(server) == 0, 30, "the one that closed is gone")


@pytest.mark.parametrize("kind", [*ASGI_KINDS, *DIRECT_KINDS])
def test_a_server_that_stops_ends_a_silent_channel_cleanly(kind: str, own_server: StartServer) -> None:
    server = own_server(kind, settings=MEMORY)
    with Stream(f"{server.url}/channel/read/") as stream:
        stream.block()
        server.send_signal(signal.SIGTERM)
        assert stream.wait_for_end(10), "the response has its proper end"
    server.wait(10)
