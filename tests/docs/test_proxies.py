"""The configurations of docs/howto/proxies.md, as they stand there, in front of uvicorn on a Unix socket.

Only addresses, file names and what a test's nginx or Caddy needs to run as anybody are changed. Skipped where the proxy isn't
installed; CI_REQUIRE_PROXIES=1 makes that a failure.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.docs import proxied
from tests.docs.blocks import Block, all_blocks
from tests.live.client import Stream
from tests.live.servers import free_port
from tests.live.waiting import until

pytestmark = pytest.mark.urls("tests.docs.proxied")


@dataclass
class Proxy:
    """A running proxy."""

    plain: str
    """Its address without TLS, for a bare socket."""
    tls: str
    """Its address with TLS and HTTP/2, for a browser."""


def installed(name: str) -> str:
    """The program's path, or a skip that says how to get it."""
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if path is None:
        message = f"no {name} here; on Debian and Ubuntu: apt install {name}"
        if os.environ.get("CI_REQUIRE_PROXIES") == "1":
            pytest.fail(message)
        pytest.skip(message)
    return path


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a self-signed example.com.pem and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    # fmt: off
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-keyout", folder / "example.com.key", "-out", folder / "example.com.pem"],
        check=True, capture_output=True,
    )
    # fmt: on
    return folder


@pytest.fixture(scope="module", params=all_blocks("nginx", "caddy"), ids=str)
def proxy(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, certificate: Path, uds: Path
) -> Iterator[Proxy]:
    block: Block = request.param
    folder = tmp_path_factory.mktemp(block.language)
    plain, tls = free_port(), free_port()
    make = {"nginx": nginx, "caddy": caddy}[block.language]
    check, run, config = make(block.text, folder, certificate, uds, plain, tls)
    (folder / "config").write_text(config)
    env = {**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    checked = subprocess.run(check, env=env, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, f"{block}: {checked.stderr}\n{config}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(run, env=env, stdout=log, stderr=log, start_new_session=True)
    try:
        until(lambda: _answers(process, plain), 10, f"{block.language} answers")
        yield Proxy(f"http://127.0.0.1:{plain}", f"https://localhost:{tls}")
    except BaseException as error:
        error.add_note((folder / "log").read_text())
        raise
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


Made = tuple[list[str], list[str], str]


def nginx(text: str, folder: Path, certificate: Path, uds: Path, plain: int, tls: int) -> Made:
    """nginx in the foreground, with its files in `folder`."""
    text = text.replace("/run/mysite/socket", str(uds)).replace("/etc/ssl/", f"{certificate}/")
    assert "listen 443 ssl http2;" in text
    text = text.replace("listen 443 ssl http2;", f"listen 127.0.0.1:{plain}; listen 127.0.0.1:{tls} ssl http2;")
    temporary = " ".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    # The page claims that streams survive a gzip of everything.
    text = text.replace("http {", f"http {{ {temporary} access_log off; gzip on; gzip_types *; gzip_min_length 0;", 1)
    user = "user root;" if os.geteuid() == 0 else ""
    command = [installed("nginx"), "-e", "stderr", "-p", str(folder), "-c", str(folder / "config")]
    command += ["-g", f"daemon off; pid {folder}/pid; error_log stderr; {user}"]
    return [*command, "-t"], command, text


def caddy(text: str, folder: Path, certificate: Path, uds: Path, plain: int, tls: int) -> Made:
    """Caddy with no admin port, and a certificate of ours in place of a public one."""
    text = text.replace("/run/mysite/socket", str(uds))
    assert "example.com {" in text
    pem, key = certificate / "example.com.pem", certificate / "example.com.key"
    site = text.replace("example.com {", f"http://127.0.0.1:{plain} {{", 1)
    secure = text.replace("example.com {", f"https://localhost:{tls} {{\n\ttls {pem} {key}", 1)
    config = "{\n\tadmin off\n\tauto_https disable_redirects\n\tskip_install_trust\n}\n" + site + "\n" + secure
    options = ["--config", str(folder / "config"), "--adapter", "caddyfile"]
    return [installed("caddy"), "validate", *options], [installed("caddy"), "run", *options], config


def _answers(process: "subprocess.Popen[bytes]", port: int) -> bool:
    assert process.poll() is None, f"it ended with {process.returncode}"
    try:
        with Stream(f"http://127.0.0.1:{port}/"):
            return True
    except ConnectionRefusedError:
        return False


def test_first_event_and_pings_come_through_at_once(proxy: Proxy) -> None:
    with Stream(f"{proxy.plain}/held/", headers={"Accept-Encoding": "gzip"}) as stream:
        assert stream.event().raw == b'data: {"n":0}'
        assert stream.block().raw == b": ping"
        assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert stream.headers["cache-control"] == "no-cache, no-transform"
        assert stream.headers["content-encoding"] == "identity"


def test_headers_come_before_the_first_event(proxy: Proxy) -> None:
    with Stream(f"{proxy.plain}/silent/") as stream:
        assert stream.status == 200
        assert stream.block().raw == b":"


def test_client_that_left_is_noticed_through_the_proxy(proxy: Proxy) -> None:
    with Stream(f"{proxy.plain}/held/?name={proxy.plain}") as stream:
        stream.event()

    until(lambda: proxy.plain in proxied.ended, 10, "the generator's finally")


def test_resumed_client_gets_the_rest_and_then_204(proxy: Proxy) -> None:
    with Stream(f"{proxy.plain}/counted/", headers={"Last-Event-ID": "1"}) as stream:
        assert stream.rest(2) == b"data: 2\nid: 2\n\n"
    with Stream(f"{proxy.plain}/counted/", headers={"Last-Event-ID": "2"}) as stream:
        assert stream.status == 204


COUNT_OPEN = """async (url) => {
    const all = Array.from({ length: 10 }, (_, n) => new EventSource(`${url}/held/?n=${n}`));
    const seen = () => all.filter((source) => source.seen).length;
    for (const source of all) source.onmessage = () => { source.seen = true; };
    for (let last = -1, quiet = 0; quiet < 10 && seen() < 10; last = seen()) {
        quiet = seen() === last ? quiet + 1 : 0;
        await new Promise((done) => setTimeout(done, 50));
    }
    const count = seen();
    for (const source of all) source.close();
    return count;
}"""


def test_http2_lifts_the_limit_of_six_streams(proxy: Proxy, browser: Browser, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
    context = browser.new_context(ignore_https_errors=True)
    try:
        tab = context.new_page()
        for address, streams in ((proxy.plain, 6), (proxy.tls, 10)):
            tab.goto(f"{address}/counted/", wait_until="commit")
            assert tab.evaluate(COUNT_OPEN, address) == streams, address
    finally:
        context.close()
