"""Dashboards on real servers: what many viewers cost, ASGI and WSGI, processes forked before the first viewer."""

import json
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import pytest

from sse_django.testing import EventParser
from tests.live.client import fetch
from tests.live.servers import Server
from tests.live.waiting import until

pytestmark = pytest.mark.live

EVENTS = "/admin/live-dashboards/shop/events/"
#: Without a log: the hub of a channel asks the database for half a minute after its last reader.
COUNTED = "/admin/live-dashboards/counted/events/"
PEOPLE = "/admin/live-dashboards/people/events/"


def sign_in(server: Server, name: str) -> str:
    """The cookie of a new session."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as line:
        line.sendall(f"GET /sign-in/{name}/ HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: line.recv(65536), b"")).decode()
    cookie = next(part for part in answer.split("\r\n") if part.lower().startswith("set-cookie: sessionid="))
    return cookie.split(": ", 1)[1].split(";")[0]


class Viewer:
    """A stream read by a thread."""

    def __init__(self, server: Server, cookie: str, path: str) -> None:
        self.body = b""
        self._line = socket.create_connection(("127.0.0.1", server.port), timeout=60)
        request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\n\r\n"
        self._line.sendall(request.encode())
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            while chunk := self._line.recv(65536):
                self.body += chunk
        except OSError:
            pass

    def events(self, name: str) -> list[Any]:
        """The data of the events of a name so far."""
        body = self.body.partition(b"\r\n\r\n")[2]
        # Without the chunks' sizes, which stand on lines of their own and are no fields.
        return [json.loads(e.data) for e in EventParser().feed(body) if e.dispatched and e.event == name]

    def values(self, widget: str) -> int:
        return sum(1 for update in self.events("update") if update["widget"] == widget)

    def close(self) -> None:
        with suppress(OSError):  # the server may have ended it
            self._line.shutdown(socket.SHUT_RDWR)  # wakes the thread, which a close does not
        self._line.close()
        self._thread.join(30)


@contextmanager
def viewers(server: Server, cookie: str, count: int, path: str = EVENTS) -> Iterator[list[Viewer]]:
    with ExitStack() as stack:
        made = [Viewer(server, cookie, path) for _ in range(count)]
        for viewer in made:
            stack.callback(viewer.close)
        yield made


def asked(server: Server) -> Any:
    return json.loads(fetch(f"{server.url}/asked/"))


@pytest.mark.parametrize("kind", ["uvicorn", "gunicorn-gthread"])
def test_thirty_viewers_cost_what_one_costs_and_nobody_costs_nothing(serve: Callable[..., Server], kind: str) -> None:
    server = serve(kind)
    cookie = sign_in(server, "boss")
    assert asked(server)["asked"] == {}

    def cost(count: int) -> float:
        """Queries for each call of a source, over a number of calls."""
        with viewers(server, cookie, count, COUNTED) as opened:
            until(lambda: all(viewer.values("products") >= 1 for viewer in opened), 30, "all see values")
            before = asked(server)
            until(lambda: asked(server)["asked"]["products"] - before["asked"]["products"] >= 10, 30, "ten calls")
            after = asked(server)
        calls = after["asked"]["products"] - before["asked"]["products"]
        return (after["queries"] - before["queries"]) / calls

    one, thirty = cost(1), cost(30)
    assert 0 < thirty <= one * 1.5 + 0.5, (one, thirty)

    until(lambda: asked(server)["watched"] == {}, 30, "the server knows that nobody looks")
    until(lambda: _still(server, 1.0), 10, "nothing is asked, of sources or of the database")


def test_asking_again_costs_two_queries_for_each_session_however_many_tabs_it_has(
    serve: Callable[..., Server],
) -> None:
    """Of a superuser, once an interval, which is a second here, give or take a fifth."""
    server = serve("uvicorn")

    def cost(tabs: int, sessions: int) -> tuple[int, float]:
        """Queries, and the seconds that they were counted for."""
        with ExitStack() as stack:
            opened = [
                viewer
                for _ in range(sessions)
                for viewer in stack.enter_context(viewers(server, sign_in(server, "boss"), tabs, PEOPLE))
            ]
            until(lambda: all(viewer.values("one") >= 1 for viewer in opened), 60, "all see values")
            started, before = time.monotonic(), asked(server)["queries"]

            def enough() -> bool:
                return asked(server)["queries"] - before >= 2 * sessions and time.monotonic() - started > 2

            until(enough, 60, "all are asked about")
            return asked(server)["queries"] - before, time.monotonic() - started

    queries, seconds = cost(tabs=30, sessions=1)
    # An answer holds for half an interval. At its end four may ask at once, and not all thirty.
    assert queries <= 4 * 2 * (seconds / 0.5 + 1)
    queries, seconds = cost(tabs=1, sessions=8)
    assert queries <= 8 * 2 * (seconds / 0.8 + 1)


def _still(server: Server, seconds: float) -> bool:
    """Whether nothing was asked for so long."""
    before = asked(server)
    time.sleep(seconds)  # the time over which "nothing" is judged
    return bool(asked(server) == before)


def test_the_processes_of_a_server_have_boards_of_their_own_after_the_fork(serve: Callable[..., Server]) -> None:
    server = serve("gunicorn-gthread", env={"GUNICORN_CMD_ARGS": "--preload --workers 2"})
    cookie = sign_in(server, "boss")

    with viewers(server, cookie, 12) as opened:
        until(lambda: all(viewer.values("products") >= 2 for viewer in opened), 60, "all see values")


@pytest.mark.parametrize("kind", ["uvicorn", "gunicorn-gthread"])
def test_a_server_stops_although_somebody_looks_and_a_source_hangs(serve: Callable[..., Server], kind: str) -> None:
    server = serve(kind)
    with viewers(server, sign_in(server, "boss"), 2, "/admin/live-dashboards/hanging/events/") as opened:
        until(lambda: all(viewer.values("other") >= 2 for viewer in opened), 30, "values come")
        until(lambda: all(viewer.events("problem") for viewer in opened), 30, "the other one is late")
        server.send_signal(signal.SIGTERM)
        server.wait(10)


def test_a_stream_ends_when_its_viewer_may_no_more(serve: Callable[..., Server], server: Server) -> None:
    cookie = sign_in(server, "clerk")
    with viewers(server, cookie, 1) as (viewer,):
        until(lambda: viewer.values("open") >= 2, 30, "values come")
        assert viewer.events("widgets")[0]["names"] == [
            *("open", "products", "broken", "sales", "by_status", "newest", "log", "jobs")
        ]
        fetch(f"{server.url}/staff/clerk/no/")
        until(lambda: not viewer._thread.is_alive() or viewer.body.endswith(b"0\r\n\r\n"), 30, "the stream ends")
        fetch(f"{server.url}/staff/clerk/yes/")
