"""An HTTP server that sends what it is told, in the pieces it is told: for streams that no framework would write."""

import contextlib
import socket
import threading
import time
from collections.abc import Sequence
from typing import Self

from tests.live.servers import ROOT

MODULE = (ROOT / "sse_django/static/sse_django/sse.js").read_bytes()


class RawServer:
    """Serves `/` (a blank page), `/sse.js`, and the streams that are put into `streams`, by path.

    A stream is a list of pieces; each is sent in a segment of its own. It ends after the last one; a client that comes back
    gets a 204, so that EventSource stays away.
    """

    def __init__(self) -> None:
        self.streams: dict[str, Sequence[bytes]] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            request = b""
            while b"\r\n\r\n" not in request:
                if not (part := client.recv(65536)):
                    return
                request += part
            line, *fields = request.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
            path = line.split(" ")[1]
            headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
            if path == "/":
                client.sendall(_whole(b'<!doctype html><title>raw</title><link rel="icon" href="data:,">', "text/html"))
            elif path == "/sse.js":
                client.sendall(_whole(MODULE, "text/javascript"))
            else:
                self._stream(client, path, headers)

    def _stream(self, client: socket.socket, path: str, headers: dict[str, str]) -> None:
        again = any(path == earlier for earlier, _ in self.requests)
        self.requests.append((path, headers))
        if again:
            client.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
            return
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        for piece in self.streams[path]:
            client.sendall(piece)
            time.sleep(0.002)  # so that the pieces stay pieces; a test that gets them together still has to pass


def _whole(body: bytes, kind: str) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Connection: close\r\n\r\n" + body
