"""Sync generators have threads of their own: many of them starve nobody, and too many are told to come back."""

import time
from contextlib import ExitStack

import pytest

from tests.live.client import Stream, fetch
from tests.live.conftest import StartServer
from tests.live.servers import ASGI_KINDS
from tests.live.waiting import on_this_machine, until

STREAMS = 200


@pytest.mark.parametrize("kind", [*ASGI_KINDS, "gunicorn-gthread"])
def test_many_sync_generators_do_not_starve_other_views(kind: str, shared_server: StartServer) -> None:
    """In asgiref's pool 200 of them held each other, and every other view, up for 32 s."""
    server = shared_server(kind)
    with ExitStack() as stack:
        opened = time.monotonic()
        streams = [stack.enter_context(Stream(f"{server.url}/sync-idle/?name=many-{n}")) for n in range(STREAMS)]
        for stream in streams:
            assert stream.event().json() == {"n": 0}
        assert time.monotonic() - opened < on_this_machine(10)
        for path, answer in {"ping": b"pong", "sync-ping": b"pong", "db-ping": b"3"}.items():
            asked = time.monotonic()
            assert fetch(f"{server.url}/{path}/") == answer
            assert time.monotonic() - asked < on_this_machine(1)
    for n in range(STREAMS):
        server.traced(f"many-{n}", "finally", timeout=30)


@pytest.mark.parametrize("kind", ["uvicorn", "gunicorn-gthread"])
def test_a_sync_stream_over_the_limit_is_told_to_come_back(kind: str, shared_server: StartServer, name: str) -> None:
    """Not a 503: EventSource takes any status but 200 as final."""
    server = shared_server(kind, settings={"SSE_DJANGO": {"MAX_SYNC_STREAMS": 3}})
    with ExitStack() as stack:
        for n in range(3):
            stack.enter_context(Stream(f"{server.url}/sync-idle/?name={name}-{n}")).event()
        with Stream(f"{server.url}/sync-idle/?name={name}-refused") as refused:
            assert refused.status == 200
            assert refused.headers["content-type"] == "text/event-stream; charset=utf-8"
            fields = [line.split(b":")[0] for line in refused.rest().split(b"\n") if line]
        assert b"retry" in fields
        assert b"data" not in fields
        assert not server.trace(f"{name}-refused"), "the generator of a refused stream ran"
        # An async stream needs no thread, so it is not refused.
        with Stream(f"{server.url}/idle/?name={name}-async") as welcome:
            assert welcome.event().json() == {"n": 0}

    def admitted() -> bool:
        with Stream(f"{server.url}/sync-idle/?name={name}-later") as later:
            return later.block().data is not None

    until(admitted, 10, "a place became free when the others left")
