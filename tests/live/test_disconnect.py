"""When the client leaves, the generator ends: its `finally` runs within a second, wherever it happened to be."""

import time

import pytest

from tests.live.client import Stream, abort, never_read
from tests.live.conftest import StartServer
from tests.live.servers import ASGI_KINDS, WSGI_KINDS, Server
from tests.live.waiting import on_this_machine, stands_still, until

LIMIT = 1.0
"""Seconds from the client's leaving to the end of `finally`."""


def finished(server: Server, name: str, left: float, limit: float = LIMIT) -> None:
    line = server.traced(name, "finally", timeout=30)  # when it ran is judged by the server's own clock
    assert line["at"] - left < on_this_machine(limit), f"finally ran {line['at'] - left:.2f} s after the client left"


@pytest.mark.parametrize("path", ["idle", "silent", "busy", "sync-idle"])
@pytest.mark.parametrize("kind", ASGI_KINDS)
def test_a_generator_ends_when_its_reader_closes(kind: str, path: str, shared_server: StartServer, name: str) -> None:
    server = shared_server(kind)
    with Stream(f"{server.url}/{path}/?name={name}") as stream:
        stream.event()
    finished(server, name, time.time())


@pytest.mark.parametrize("path", ["idle", "busy", "greedy"])
@pytest.mark.parametrize("kind", ASGI_KINDS)
def test_a_generator_ends_when_the_connection_is_reset(
    kind: str, path: str, shared_server: StartServer, name: str
) -> None:
    server = shared_server(kind)
    with Stream(f"{server.url}/{path}/?name={name}") as stream:
        stream.event()
        stream.abort()
    finished(server, name, time.time())


@pytest.mark.parametrize("path", ["greedy", "sync-greedy"])
@pytest.mark.parametrize("kind", ["uvicorn", "granian", "hypercorn"])
def test_a_generator_ends_when_the_client_leaves_during_a_blocked_send(
    kind: str, path: str, shared_server: StartServer, name: str
) -> None:
    """A cancel inside send() used to leave `finally` to the garbage collector."""
    server = shared_server(kind)
    with never_read(f"{server.url}/{path}/?name={name}&size=1000") as connection:
        until(lambda: stands_still(server, name), 30, "the reader that doesn't read holds the generator back")
        abort(connection)
    finished(server, name, time.time())


@pytest.mark.parametrize("path", ["greedy", "sync-greedy"])
def test_a_generator_ends_when_a_client_of_daphne_leaves_that_never_read(
    path: str, shared_server: StartServer, name: str
) -> None:
    """daphne's sends never block; it is the stream that waits."""
    server = shared_server("daphne")
    with never_read(f"{server.url}/{path}/?name={name}&size=1000") as connection:
        until(lambda: stands_still(server, name), 30, "the stream waits for its reader")
        abort(connection)
    finished(server, name, time.time())


@pytest.mark.parametrize("path", ["idle", "busy", "greedy", "sync-idle"])
@pytest.mark.parametrize("kind", WSGI_KINDS)
def test_under_wsgi_a_generator_ends_at_the_next_write_or_ping(
    kind: str, path: str, shared_server: StartServer, name: str
) -> None:
    """Two pings of 0.3 s: the first is answered with a reset, the second finds it."""
    server = shared_server(kind)
    with Stream(f"{server.url}/{path}/?name={name}") as stream:
        stream.event()
    finished(server, name, time.time(), limit=1.5)


@pytest.mark.parametrize("path", ["greedy", "sync-greedy"])
@pytest.mark.parametrize("kind", WSGI_KINDS)
def test_under_wsgi_a_generator_ends_when_the_client_leaves_during_a_blocked_send(
    kind: str, path: str, shared_server: StartServer, name: str
) -> None:
    server = shared_server(kind)
    with never_read(f"{server.url}/{path}/?name={name}&size=1000") as connection:
        until(lambda: stands_still(server, name), 30, "the reader that doesn't read holds the generator back")
        abort(connection)
    finished(server, name, time.time())
