"""nchan, a C module of nginx, behind the same lines as the other servers: `python -m bench.channels.nchan`.

One worker on the server's core; this process, which publishes to it over HTTP, is on the clients'. From Debian it is
`apt install nginx-light libnginx-mod-nchan`; where it isn't, `missing` says so and the measurements leave it out.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.channels.publishing import obey
from bench.channels.serve import memory
from bench.channels.servers import PING
from bench.cores import pin
from bench.servers.raw_asgi import dump
from bench.servers.tick import tick_now

MODULE = Path(os.environ.get("NCHAN_MODULE", "/usr/lib/nginx/modules/ngx_nchan_module.so"))
#: Seconds for it to come up, and for an answer.
PATIENCE = 20
CONFIG = """
load_module {module};
daemon off; pid {folder}/pid; error_log stderr; worker_processes 1; {user}
events {{ worker_connections 20000; }}
http {{
    access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=4096; keepalive_requests 1000000000; keepalive_timeout 1h;
        nchan_channel_id $arg_channel;
        location /stream {{
            nchan_subscriber eventsource;
            nchan_eventsource_ping_interval {ping}; nchan_eventsource_ping_comment ping; nchan_eventsource_ping_event "";
        }}
        location /publish {{ nchan_publisher; }}
    }}
}}
"""


def missing() -> str | None:
    """Why it can't be measured here, or None."""
    if nginx() is None:
        return "nginx is not installed: apt install nginx-light libnginx-mod-nchan"
    if not MODULE.exists():
        return f"there is no {MODULE}: apt install libnginx-mod-nchan, or name it in NCHAN_MODULE"
    if not Path("/proc/self/schedstat").exists():
        return "its processor time is read from /proc, which is not here"
    return None


def nginx() -> str | None:
    return shutil.which("nginx", path=os.environ.get("PATH", os.defpath) + ":/usr/sbin")


@contextmanager
def running(port: int) -> Iterator[int]:
    """The worker's process id."""
    with tempfile.TemporaryDirectory(prefix="sse-bench-") as folder:
        config = Path(folder) / "nginx.conf"
        user = "user root;" if os.geteuid() == 0 else ""
        config.write_text(CONFIG.format(module=MODULE, folder=folder, port=port, user=user, ping=max(1, round(PING))))
        pin(0)  # which it inherits
        process = subprocess.Popen(
            [nginx() or "nginx", "-e", "stderr", "-p", folder, "-c", str(config)], stderr=subprocess.DEVNULL
        )
        pin(1)
        try:
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
            deadline = time.monotonic() + PATIENCE
            while not (workers := children.read_text().split()):
                if process.poll() is not None or time.monotonic() > deadline:
                    sys.exit("nginx has not started a worker")
                time.sleep(0.01)
            yield int(workers[0])
        finally:
            process.terminate()
            process.wait(PATIENCE)


class Publisher:
    """One connection that is kept. The requests of a burst go out together: so nchan does as little as it can for each."""

    def __init__(self, port: int) -> None:
        self._sock = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)

    def publish(self, channel: str, events: int) -> None:
        self._sock.sendall(b"".join(self._request(channel) for _ in range(events)))
        answers = b""
        while answers.count(b"HTTP/1.1 20") < events:  # what is left of the last one is read with the next
            received = self._sock.recv(65536)
            if not received:
                sys.exit(f"nginx has closed the connection: {answers!r}")
            answers += received

    def _request(self, channel: str) -> bytes:
        body = dump(tick_now())
        return (
            f"POST /publish?channel={channel} HTTP/1.1\r\nHost: localhost\r\nX-EventSource-Event: tick\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode() + body


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def main() -> None:
    port = free_port()
    with running(port) as worker:
        publisher = Publisher(port)
        print(port, flush=True)
        for line in sys.stdin:
            command, *words = line.split()
            if command == "cpu":
                print(int(Path(f"/proc/{worker}/schedstat").read_text().split()[0]) / 1e9, flush=True)
            elif command == "memory":
                print(*memory(worker), flush=True)
            else:
                print(obey(command, [float(word) for word in words], publisher.publish), flush=True)


if __name__ == "__main__":
    main()
