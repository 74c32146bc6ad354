"""HEAD is answered with the stream's headers, and nothing is streamed."""

from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from tests.live.conftest import StartServer
from tests.live.servers import ASGI_KINDS, WSGI_KINDS


@pytest.mark.parametrize("path", ["idle", "sync-idle"])
@pytest.mark.parametrize("kind", [*ASGI_KINDS, *WSGI_KINDS])
def test_head_has_headers_and_no_body_and_ends(kind: str, path: str, shared_server: StartServer, name: str) -> None:
    server = shared_server(kind)
    connection = HTTPConnection(urlsplit(server.url).netloc, timeout=10)
    connection.request("HEAD", f"/{path}/?name={name}")
    response = connection.getresponse()
    assert response.status == 200
    assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert response.read() == b""
    # The connection is in order: the next answer on it isn't the stream's bytes.
    connection.request("HEAD", f"/{path}/?name={name}", headers={"Connection": "close"})
    assert connection.getresponse().read() == b""
    connection.close()
    assert server.trace(name) == []  # no generator has begun
