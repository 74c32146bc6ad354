"""A generator is never much further than its reader, and never in the way of others."""

import threading
import time

import pytest

from tests.live.client import Stream, abort, fetch, never_read
from tests.live.conftest import StartServer
from tests.live.servers import ASGI_KINDS, WSGI_KINDS
from tests.live.waiting import on_this_machine, stands_still, until

COUNT = 200_000
SIZE = 1000
"""Bytes of an event of the streams that nobody reads."""
AHEAD = 12_000_000
"""Bytes by which such a stream may be ahead: the kernel's buffers on both sides of a loopback connection, and ours."""
MEMORY = 24_000_000
"""Bytes by which the process may grow meanwhile."""


@pytest.mark.parametrize("path", ["greedy", "sync-greedy"])
@pytest.mark.parametrize("kind", [*ASGI_KINDS, *WSGI_KINDS])
def test_a_greedy_generator_delivers_everything_while_others_are_answered(
    kind: str, path: str, shared_server: StartServer, name: str
) -> None:
    server = shared_server(kind)
    received: list[bytes] = []

    def read() -> None:
        with Stream(f"{server.url}/{path}/?name={name}&count={COUNT}") as stream:
            received.append(stream.rest(timeout=40))

    reader = threading.Thread(target=read)
    reader.start()
    until(lambda: server.trace(name), 30, "the generator has begun")
    answered, slowest = 0, 0.0
    while reader.is_alive():
        asked = time.monotonic()
        assert fetch(f"{server.url}/ping/") == b"pong"
        slowest = max(slowest, time.monotonic() - asked)
        # Its last event was not read yet, so this answer began and ended while the stream ran.
        answered += reader.is_alive()
        reader.join(0.01)

    assert answered, "the generator was over before anybody else was answered"
    assert slowest < on_this_machine(1)
    assert received, "the reader failed"
    numbers = [
        int(block.split(b",", 1)[0].removeprefix(b'data: {"n":')) for block in received[0].split(b"\n\n") if block
    ]
    assert numbers == list(range(1, COUNT + 1))
    server.traced(name, "finally", timeout=30)


@pytest.mark.parametrize("path", ["greedy", "sync-greedy"])
@pytest.mark.parametrize("kind", [*ASGI_KINDS, *WSGI_KINDS])
def test_a_reader_that_does_not_read_holds_the_generator_back(
    kind: str, path: str, shared_server: StartServer, name: str
) -> None:
    server = shared_server(kind)
    worker = server.facts()["pid"]
    before = server.resident(worker)
    with never_read(f"{server.url}/{path}/?name={name}&size={SIZE}") as connection:
        until(lambda: stands_still(server, name, 1), 30, "the generator stands still")
        assert server.progress(name) * SIZE < AHEAD
        assert server.resident(worker) - before < MEMORY
        abort(connection)
    server.traced(name, "finally", timeout=30)


@pytest.mark.parametrize("path", ["greedy", "sync-greedy"])
@pytest.mark.parametrize("kind", ["uvicorn", "gunicorn-gthread"])
def test_a_reader_that_does_not_read_is_cut(kind: str, path: str, shared_server: StartServer, name: str) -> None:
    server = shared_server(
        kind,
        settings={"SSE_DJANGO": {"WRITE_TIMEOUT": 1}},
        middleware=("tests.project.middleware.outcomes_middleware",),
    )
    with never_read(f"{server.url}/{path}/?name={name}&size={SIZE}"):
        server.traced(name, "finally", timeout=15)
        assert server.traced(name, "closed", timeout=5)["outcome"] == "slow"


def test_under_runserver_which_names_no_port_at_least_its_generator_ends(shared_server: StartServer, name: str) -> None:
    server = shared_server("runserver", settings={"SSE_DJANGO": {"WRITE_TIMEOUT": 1}})
    with never_read(f"{server.url}/greedy/?name={name}&size={SIZE}"):
        server.traced(name, "finally", timeout=15)
