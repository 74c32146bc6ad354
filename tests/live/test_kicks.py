"""A kick from a process that serves nobody ends streams in every process that reads the log, and no others."""

import os
import subprocess
import sys

from tests.live.client import Stream
from tests.live.conftest import StartServer
from tests.live.servers import ROOT, Server


def elsewhere(database: str, code: str) -> None:
    """Run code in a process of its own on the same log."""
    done = subprocess.run(
        [sys.executable, "-c", f"import django; django.setup()\nfrom sse_django import kick, publish\n{code}"],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.project.settings", "SSE_TEST_DATABASE": database},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def open_stream(server: Server, user: int) -> Stream:
    stream = Stream(f"{server.url}/channel/read/?user={user}")
    assert stream.block().id, "a stream begins with its cursor"
    return stream


def test_a_kick_from_a_third_process_ends_that_users_streams_in_both_others(
    own_server: StartServer, sqlite_url: str
) -> None:
    servers = [own_server("uvicorn"), own_server("uvicorn")]
    kicked = [open_stream(server, 1) for server in servers]
    others = [open_stream(server, 2) for server in servers]
    try:
        elsewhere(sqlite_url, "kick(user=1); publish('live', {'text': 'still here'})")
        for stream in kicked:
            assert stream.wait_for_end(10), "the response has its proper end"
        for stream in others:
            assert stream.event().json() == {"text": "still here"}
    finally:
        for stream in [*kicked, *others]:
            stream.close()
