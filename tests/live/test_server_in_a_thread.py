"""uvicorn in a thread of a program: it gets no signal, and the main thread may end before it does."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.live.client import Stream

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAM = """
import asyncio, sys, threading
from django.conf import settings
settings.configure(SECRET_KEY="x", ALLOWED_HOSTS=["*"], ROOT_URLCONF="__main__", INSTALLED_APPS=["sse_django"], MIDDLEWARE=[])
import django
django.setup()
import uvicorn
from django.core.asgi import get_asgi_application
from django.urls import path
from sse_django import event_stream


def say(word):
    sys.stdout.write(f"{word}\\n")
    sys.stdout.flush()


@event_stream
async def waiting(request):
    try:
        yield 1
        await asyncio.sleep(3600)
    finally:
        say("finally")


urlpatterns = [path("", waiting)]
config = uvicorn.Config(
    get_asgi_application(), port=0, lifespan="off", log_level="critical", timeout_graceful_shutdown=1
)
server = uvicorn.Server(config)
thread = threading.Thread(target=server.run, daemon=(stays := sys.argv[1] == "stays"))
thread.start()
while not server.started:
    thread.join(0.01)
say(server.servers[0].sockets[0].getsockname()[1])
sys.stdin.readline()
if stays:
    server.should_exit = True
    thread.join()
    say("ended")
"""


@contextmanager
def program(main: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, main], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def go_on(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def opened(process: subprocess.Popen[str]) -> Stream:
    return Stream(f"http://127.0.0.1:{line(process)}/")


def test_a_graceful_timeout_ends_the_streams_of_a_server_that_stops_without_a_signal() -> None:
    with program("stays") as process, opened(process) as stream:
        assert stream.event().data == "1"
        go_on(process)
        assert line(process) == "finally"
        assert line(process) == "ended"


def test_the_end_of_the_main_thread_ends_streams_as_django_answers_nothing_more() -> None:
    with program("ends") as process, opened(process) as stream:
        assert stream.event().data == "1"
        go_on(process)
        assert line(process) == "finally"
        assert stream.rest(timeout=30) == b""  # to its proper end
