"""The pipe: bounded, joined, and never a lost wake-up."""

from __future__ import annotations

import threading

from sse_django.pipe import LIMIT, Pipe


def test_the_first_chunk_fills_the_pipe_so_that_it_leaves_at_once() -> None:
    pipe: Pipe[bytes] = Pipe()
    assert not pipe.full
    pipe.put(b"x")
    assert pipe.full
    assert pipe.take_all() == [b"x"]
    assert pipe.full  # taken is not sent
    pipe.done_with(1)
    pipe.put(b"y")
    assert not pipe.full


def test_a_writer_is_never_further_ahead_than_the_limit_of_what_is_sent() -> None:
    pipe: Pipe[bytes] = Pipe()
    pipe.put(b"x")
    pipe.take_all()
    pipe.done_with(1)
    written = 0
    while not pipe.full:
        pipe.put(b"e" * 100)
        written += 100
    assert LIMIT <= written < LIMIT + 100
    taken = pipe.take_all()
    assert sum(map(len, taken)) == written
    assert pipe.full
    pipe.done_with(written)
    assert not pipe.full


def test_closing_wakes_both_sides_and_keeps_the_first_reason() -> None:
    pipe: Pipe[bytes] = Pipe()
    woken: list[str] = []
    pipe.wake_reader = lambda: woken.append("reader")
    pipe.wake_writer = lambda: woken.append("writer")
    pipe.close("shutdown")
    pipe.close("disconnected")
    assert sorted(woken) == ["reader", "writer"]
    assert pipe.closed == "shutdown"


def test_two_threads_pass_everything_in_order() -> None:
    pipe: Pipe[bytes] = Pipe(limit=64)
    total = 20_000

    def write() -> None:
        for n in range(total):
            pipe.put(b"%d " % n)
            while pipe.full:
                room = threading.Event()
                pipe.wake_writer = room.set
                if pipe.full:
                    assert room.wait(30), "lost wake-up of the writer"
        pipe.end()

    writer = threading.Thread(target=write)
    writer.start()
    received = b""
    while True:
        ended = pipe.ended
        chunk = b"".join(pipe.take_all())
        if chunk:
            received += chunk
            pipe.done_with(len(chunk))
        elif ended:
            break
        else:
            ready = threading.Event()
            pipe.wake_reader = ready.set
            if not pipe.readable:
                assert ready.wait(30), "lost wake-up of the reader"
    writer.join()
    assert received == b"".join(b"%d " % n for n in range(total))
