"""Readers that don't read, where streams call uvicorn's `send` themselves: as with Django's own application, none misses
anything, none holds up others or the server's end, and each can be cut.
"""

import contextlib
import json
import signal
from typing import Any

import pytest

from tests.live.client import Stream, fetch
from tests.live.conftest import StartServer
from tests.live.servers import Server
from tests.live.test_channels import MEMORY
from tests.live.waiting import on_this_machine, until

KINDS = ["uvicorn", "uvicorn-direct", "uvicorn-direct-h11"]
COUNT, SIZE = 2_000, 4_000
"""Events and bytes of each: more than the kernel's buffers and uvicorn's hold, and less than what the log in memory keeps."""
GROWTH = 40_000_000
"""Bytes by which the process may grow meanwhile: the log's, the ring's, and what is joined for the reader that was late."""


def flood(server: Server, count: int, size: int, first: int = 0) -> None:
    fetch(f"{server.url}/channel/flood/?count={count}&size={size}&first={first}")


def numbers(stream: Stream, count: int) -> list[int]:
    return [stream.event().json()["n"] for _ in range(count)]


def settings(**more: Any) -> dict[str, Any]:
    return {"SSE_DJANGO": {**MEMORY["SSE_DJANGO"], **more}}


@pytest.mark.parametrize("kind", KINDS)
def test_a_reader_that_does_not_read_holds_nobody_up_and_misses_nothing(kind: str, own_server: StartServer) -> None:
    server = own_server(kind, settings=settings())
    worker = server.facts()["pid"]
    with (
        Stream(f"{server.url}/channel/read/", receive_buffer=1) as slow,
        Stream(f"{server.url}/channel/read/") as quick,
    ):
        assert slow.block().id
        assert quick.block().id
        before = server.resident(worker)
        flood(server, COUNT, SIZE)
        assert numbers(quick, COUNT) == list(range(COUNT))
        assert server.resident(worker) - before < GROWTH
        flood(server, 10, SIZE, first=COUNT)
        assert numbers(quick, 10) == list(range(COUNT, COUNT + 10))
        assert numbers(slow, COUNT + 10) == list(range(COUNT + 10))
        flood(server, 1, SIZE, first=-1)
        assert numbers(slow, 1) == numbers(quick, 1) == [-1]


@pytest.mark.parametrize("kind", KINDS)
def test_events_of_any_length_arrive_whole(kind: str, shared_server: StartServer) -> None:
    server = shared_server(kind, settings=MEMORY)
    with Stream(f"{server.url}/channel/read/") as stream:
        assert stream.block().id
        for size in (1, 65_000, 66_000, 900_000, 1):
            flood(server, 2, size)
            for _ in range(2):
                assert len(stream.event().json()["text"]) == size


@pytest.mark.parametrize("kind", KINDS)
def test_a_reader_that_does_not_read_is_cut(kind: str, shared_server: StartServer, name: str) -> None:
    server = shared_server(
        kind, settings=settings(WRITE_TIMEOUT=1), middleware=("tests.project.middleware.outcomes_middleware",)
    )
    with Stream(f"{server.url}/channel/read/?name={name}", receive_buffer=1) as stream:
        assert stream.block().id
        flood(server, COUNT, SIZE)
        assert server.traced(name, "closed", timeout=15)["outcome"] == "slow"


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_ends_in_time_with_readers_that_do_not_read(kind: str, own_server: StartServer) -> None:
    server = own_server(kind, settings=settings())
    with contextlib.ExitStack() as stack:
        url = f"{server.url}/channel/read/"
        streams = [stack.enter_context(Stream(url, receive_buffer=1)) for _ in range(3)]
        for stream in streams:
            assert stream.block().id
        flood(server, COUNT, SIZE)
        until(lambda: json.loads(fetch(f"{server.url}/channel/readers/"))["readers"] == 3, 30, "all are still there")
        server.send_signal(signal.SIGTERM)
        server.wait(on_this_machine(3))
