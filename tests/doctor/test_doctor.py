"""`manage.py sse_doctor` against real servers: one that streams, and those that hold, compress, refuse or don't answer."""

import asyncio
import io
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from django.core.management import CommandError, call_command
from django.test import override_settings

from sse_django.testing import live_backend
from tests.docs.test_proxies import installed
from tests.doctor.site import application
from tests.live.client import Stream
from tests.live.servers import free_port
from tests.live.waiting import until

pytestmark = pytest.mark.live

MEMORY = {"BACKENDS": {"default": {"BACKEND": "sse_django.backends.memory.MemoryBackend"}}}


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    """The address of the site. Its log is in this process, and so is the doctor's."""
    with socket.socket() as listener, override_settings(ROOT_URLCONF="tests.doctor.site", SSE_DJANGO=MEMORY):
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        config = uvicorn.Config(
            application(), lifespan="off", ws="none", log_level="error", timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])), daemon=True)
        thread.start()
        until(lambda: server.started, 10, "uvicorn has started")
        with live_backend():
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(5)


class Told:
    """What the doctor said, and with which status it ended."""

    def __init__(self, url: str, *options: str, timeout: float = 2) -> None:
        out = io.StringIO()
        self.status = 0
        self.error = ""
        try:
            call_command("sse_doctor", url, "--timeout", str(timeout), *options, stdout=out, no_color=True)
        except CommandError as error:
            self.status, self.error = error.returncode, str(error)
        self.text = out.getvalue()

    def levels(self) -> list[str]:
        return [line.split()[0] for line in self.text.splitlines() if not line.startswith(" ")]


def test_deployment_that_streams_is_well(origin: str) -> None:
    told = Told(f"{origin}/well/channel/", "--channel", "doctor", timeout=15)

    assert told.levels() == ["ok"] * 5, told.text
    for words in ("200 text/event-stream", "the first byte came", "3 published events came", "ping", "resumed after"):
        assert words in told.text
    assert told.status == 0


def test_buffer_on_the_way_is_found(origin: str) -> None:
    told = Told(f"{origin}/held/channel/")

    assert told.status == 1
    assert "FAIL" in told.text.upper()
    assert "no byte of the body within 2 s" in told.text
    assert "docs/howto/proxies.md" in told.text


def test_compressor_that_never_flushes_is_found(origin: str) -> None:
    told = Told(f"{origin}/gzip/channel/")

    assert told.status == 1
    assert "the stream is compressed: gzip" in told.text
    assert "fail  no whole event within 2 s" in told.text


def test_compression_that_flushes_is_read(origin: str) -> None:
    told = Told(f"{origin}/well/flushed/", timeout=15)

    assert told.status == 0, told.text
    assert told.levels() == ["ok", "warn", "ok", "ok", "skip"]


def test_nginx_that_compresses_what_it_buffers_is_found(origin: str, tmp_path: Path) -> None:
    port = free_port()
    config = tmp_path / "nginx.conf"
    config.write_text(
        f"daemon off; pid {tmp_path}/pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off; {' '.join(f'{kind}_temp_path {tmp_path}/{kind};' for kind in TEMPORARY)}\n"
        f"  server {{ listen 127.0.0.1:{port}; location / {{\n"
        f"    proxy_pass {origin}; proxy_buffering on; proxy_ignore_headers X-Accel-Buffering;\n"
        "    gzip on; gzip_proxied any; gzip_types text/event-stream; proxy_hide_header Content-Encoding; } } }\n"
    )
    process = subprocess.Popen([installed("nginx"), "-c", str(config)], stderr=subprocess.DEVNULL)
    try:
        until(lambda: _listens(port), 10, "nginx listens")
        told = Told(f"http://127.0.0.1:{port}/well/channel/")
    finally:
        process.terminate()
        process.wait(10)
    assert told.status == 1, told.text
    assert "fail  no headers within 2 s" in told.text
    assert "docs/howto/proxies.md" in told.text


TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_refusal_for_now_is_called_that(origin: str) -> None:
    with (
        override_settings(SSE_DJANGO={**MEMORY, "MAX_STREAMS": 1}),
        Stream(f"{origin}/well/mute/"),
    ):
        told = Told(f"{origin}/well/channel/")

    assert told.status == 1
    assert "the stream was refused" in told.text
    assert "MAX_STREAMS" in told.text


def test_silence_without_pings_is_a_warning(origin: str) -> None:
    told = Told(f"{origin}/well/mute/")

    assert told.status == 0
    assert "warn  2 s of silence without a ping" in told.text


def test_finished_stream_resumes_with_204(origin: str) -> None:
    told = Told(f"{origin}/well/finite/", timeout=15)

    assert told.status == 0
    assert "resumed: nothing comes after the last id, so 204" in told.text


def test_view_that_takes_no_notice_of_ids_is_a_warning(origin: str) -> None:
    told = Told(f"{origin}/well/forgetful/", timeout=15)

    assert told.status == 0
    assert "warn  a resumed stream began anew" in told.text


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("private/", "302, to /accounts/login/"),
        ("page/", "Content-Type is text/html; charset=utf-8"),
        ("nothing/", "404"),
    ],
)
def test_what_is_no_stream_is_a_failure_with_advice(origin: str, where: str, words: str) -> None:
    told = Told(f"{origin}/well/{where}")

    assert told.status == 1
    assert f"fail  {words}" in told.text
    assert len(told.text.splitlines()) == 2  # what, and what to do


def test_channel_that_the_stream_does_not_read_is_a_failure(origin: str) -> None:
    told = Told(f"{origin}/well/channel/", "--channel", "another")

    assert told.status == 1
    assert "none of 3 published events came within 2 s" in told.text


def test_nobody_there_is_a_status_of_its_own() -> None:
    told = Told(f"http://127.0.0.1:{free_port()}/")

    assert told.status == 2
    assert "Connection refused" in told.error


@pytest.mark.parametrize(
    "arguments",
    [["ftp://a/"], ["/orders/"], ["http://a/", "--header", "Cookie"], ["http://a/", "--timeout", "0"]],
)
def test_arguments_that_make_no_sense_are_refused(arguments: list[str]) -> None:
    with pytest.raises(CommandError, match="expected"):
        call_command("sse_doctor", *arguments)


def test_headers_are_sent_along(origin: str) -> None:
    told = Told(f"{origin}/well/channel/", "--header", "Last-Event-ID: not-a-cursor")
    assert "resum" in told.text
