"""Reloading a server ends the streams of its old process at once, cleanly, and that process with them."""

import signal
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.live.client import Stream, StreamEnded, fetch
from tests.live.conftest import StartServer
from tests.live.servers import RELOADING_KINDS, START_TIMEOUT, Server
from tests.live.stops import STUCK, open_stuck
from tests.live.waiting import until

RELOADED = ["idle", "silent", "busy", "sync-idle"]


@pytest.mark.parametrize("kind", RELOADING_KINDS)
def test_a_changed_file_reloads_a_server_with_open_streams(kind: str, own_server: StartServer, limit: float) -> None:
    server = own_server(kind)
    with ExitStack() as stack:
        streams = {path: stack.enter_context(Stream(f"{server.url}/{path}/?name={path}")) for path in RELOADED}
        for stream in streams.values():
            stream.event()
        before = server.trace("idle")[0]["pid"]

        change(server, lambda: ended(streams["idle"], 0.5), "the reloader saw a change and idle ended", limit)

        clean = {}
        for path, stream in streams.items():
            clean[path] = stream.wait_for_end(limit)
            stream.close()
        until(lambda: before not in server.processes(), limit, "the old process is gone")
    until(lambda: answers(server), START_TIMEOUT, "the reloaded server answers")
    assert all(clean.values()), f"broke off instead of ending: {[path for path in clean if not clean[path]]}"
    for path in RELOADED:
        server.traced(path, "finally", timeout=0)


@pytest.mark.parametrize("kind", RELOADING_KINDS)
def test_a_changed_file_reloads_a_server_although_readers_do_not_read(
    kind: str, own_server: StartServer, limit: float
) -> None:
    server = own_server(kind)
    with ExitStack() as stack:
        open_stuck(server, stack)
        before = server.trace("greedy")[0]["pid"]

        change(
            server, lambda: gone(server, before, 0.5), "the reloader saw a change and the old process is gone", limit
        )

    until(lambda: answers(server), START_TIMEOUT, "the reloaded server answers")
    for path in STUCK:
        server.traced(path, "finally", timeout=0)


@pytest.mark.parametrize(
    ("kind", "later"),
    [
        ("gunicorn-gthread", 0),
        ("gunicorn-asgi", 0),
        ("granian", 3.5),  # its --respawn-interval: the old worker isn't told before
    ],
)
def test_sighup_replaces_workers_with_open_streams(
    kind: str, later: float, own_server: StartServer, limit: float
) -> None:
    server = own_server(kind)
    with Stream(f"{server.url}/idle/?name=idle") as idle, Stream(f"{server.url}/busy/?name=busy") as busy:
        idle.event()
        busy.event()
        before = server.trace("idle")[0]["pid"]

        server.send_signal(signal.SIGHUP)

        assert idle.wait_for_end(later + limit), "idle broke off instead of ending"
        busy.wait_for_end(limit)
    until(lambda: before not in server.processes(), limit, "the old worker is gone")
    assert answers(server)
    server.traced("idle", "finally", timeout=0)
    server.traced("busy", "finally", timeout=0)


def change(server: Server, seen: Callable[[], bool], what: str, limit: float) -> None:
    """Change a file every now and then until it shows: most look once a second, and what came before the first look is none."""
    until(lambda: server.reload() or seen(), 2 * limit, what)


def gone(server: Server, pid: int, timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    while pid in server.processes():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def ended(stream: Stream, timeout: float) -> bool:
    try:
        stream.wait_for_end(timeout)
    except TimeoutError:
        return False
    return True


def answers(server: Server) -> bool:
    try:
        return fetch(f"{server.url}/ping/") == b"pong"
    except (ConnectionError, StreamEnded):
        return False
