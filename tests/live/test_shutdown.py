"""Stopping and reloading a server ends its streams at once, cleanly, and the process with them."""

import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from tests.live.client import Stream, StreamEnded, fetch, never_read
from tests.live.conftest import StartServer
from tests.live.servers import PLAIN_KINDS, RELOADING_KINDS, START_TIMEOUT, Server
from tests.live.waiting import on_this_machine, stands_still, until

STOPS: dict[str, Callable[[Server], None]] = {
    # Docker, `kill`: the main process alone is told, and tells its workers.
    "SIGTERM": lambda server: server.send_signal(signal.SIGTERM),
    # systemd: every process of the unit is told at the same time.
    "SIGTERM-to-all": lambda server: server.send_signal_to_all(signal.SIGTERM),
    # A terminal.
    "Ctrl-C": lambda server: server.send_signal_to_all(signal.SIGINT),
    # Process managers that say it so: the main process alone again.
    "SIGINT": lambda server: server.send_signal(signal.SIGINT),
}

# A threaded gunicorn worker that gets a SIGINT of the terminal's and the main process's SIGQUIT, the second in the midst of
# the first one's handler, can hang in it, with a stream as without one (python/cpython#121649). So its main process alone is
# told.
CASES = [(kind, stop) for kind in PLAIN_KINDS for stop in STOPS if (kind, stop) != ("gunicorn-gthread", "Ctrl-C")]

READ = ["idle", "silent", "busy", "greedy", "sync-idle"]
STUCK = ["greedy", "sync-greedy"]
RELOADED = ["idle", "silent", "busy", "sync-idle"]


@pytest.fixture
def limit() -> float:
    """Seconds from the signal to the end of the last process."""
    return on_this_machine(3.0)


def interrupt(kind: str) -> str:
    """A person's way to stop it."""
    return "Ctrl-C" if (kind, "Ctrl-C") in CASES else "SIGINT"


def promised(kind: str, stop: str) -> bool:
    """Whether `finally` is: runserver stops by SIGTERM as any script does, with no chance for anybody's."""
    return kind != "runserver" or stop in ("Ctrl-C", "SIGINT")


def ends_cleanly(kind: str, stop: str) -> bool:
    """Whether responses do. gunicorn's asgi worker takes SIGINT for a quick exit, which breaks connections off.

    Its streams have what is left of the second between two of its looks at whether it is to end: no time at all, perhaps.
    """
    return promised(kind, stop) and not (kind == "gunicorn-asgi" and stop in ("Ctrl-C", "SIGINT"))


def runs_finally(kind: str, stop: str, path: str) -> bool:
    """Whether a stream's `finally` is sure to run: a quick exit doesn't wait for that of a sync generator's thread."""
    return promised(kind, stop) and (ends_cleanly(kind, stop) or not path.startswith("sync-"))


def open_stuck(server: Server, stack: ExitStack) -> None:
    """Streams that are held back by readers that don't read."""
    for path in STUCK:
        stack.enter_context(never_read(f"{server.url}/{path}/?name={path}&size=1000"))
        until(lambda path=path: stands_still(server, path), 10, f"{path} is held back")


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


def polite(kind: str) -> str:
    """A stop with which a kind of server promises `finally`."""
    return "SIGTERM" if promised(kind, "SIGTERM") else "Ctrl-C"


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
