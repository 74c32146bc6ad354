"""What viewers of a dashboard cost: `python -m bench.dashboard [--viewers 0,1,100,1000] [--seconds 10]`.

One uvicorn process, one dashboard of eight widgets that are asked every second, viewers who are all different users. Queries of
the sources are counted apart from those for people: signing in, and asking again whether a viewer still may.
"""

from __future__ import annotations

import argparse
import json
import os
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.request import urlopen

EVENTS = "/admin/live-dashboards/office/events/"
#: Makes the tables, users and a session for each, and prints the sessions' keys.
SETUP = """
import sys
import bench.servers.dashboards
from importlib import import_module
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.core.management import call_command

call_command("migrate", verbosity=0)
User.objects.bulk_create(
    User(username=f"user{n}", password="!", is_staff=True, is_superuser=True) for n in range(int(sys.argv[1]))
)
for user in User.objects.all():
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    print(session.session_key)
"""


class Viewers:
    """Connections read by this process, which counts bytes and events' ends."""

    def __init__(self, port: int, keys: list[str]) -> None:
        self._selector = selectors.DefaultSelector()
        self._sockets: list[socket.socket] = []
        self.events = self.bytes = 0
        for key in keys:
            sock = socket.create_connection(("127.0.0.1", port), timeout=60)
            sock.sendall(f"GET {EVENTS} HTTP/1.1\r\nHost: localhost\r\nCookie: sessionid={key}\r\n\r\n".encode())
            sock.setblocking(False)
            self._selector.register(sock, selectors.EVENT_READ)
            self._sockets.append(sock)
            self.read(0)

    def read(self, timeout: float) -> None:
        for key, _ in self._selector.select(timeout):
            sock: Any = key.fileobj
            data = sock.recv(262_144)
            if not data:
                raise SystemExit("a stream ended: is somebody not let in?")
            self.bytes += len(data)
            self.events += data.count(b"}\n\n")

    def read_for(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self._sockets:
                self.read(left)
            else:
                time.sleep(left)

    def close(self) -> None:
        for sock in self._sockets:
            sock.close()


def counts(port: int) -> dict[str, float]:
    with urlopen(f"http://127.0.0.1:{port}/counts/") as response:
        found: dict[str, float] = json.load(response)
    return found


def measure(port: int, keys: list[str], seconds: float) -> str:
    before_anybody = counts(port)
    viewers = Viewers(port, keys)
    deadline = time.monotonic() + 60
    while counts(port)["watched"] < len(keys):
        viewers.read_for(0.2)
        if time.monotonic() > deadline:
            raise SystemExit(f"only {counts(port)['watched']:.0f} of {len(keys)} streams are open after 60 s")
    viewers.read_for(2)
    before, viewers.events, viewers.bytes = counts(port), 0, 0
    started = time.monotonic()
    viewers.read_for(seconds)
    lasted = time.monotonic() - started
    after = counts(port)
    viewers.close()
    memory = f"{(after['resident'] - before_anybody['resident']) / 1024 / len(keys):.0f}" if keys else ""

    def rate(name: str) -> float:
        return (after.get(name, 0) - before.get(name, 0)) / lasted

    # `counts` itself asks nothing of the database.
    return (
        f"| {len(keys)} | {rate('source queries'):.1f} | {rate('other queries'):.1f} | {viewers.events / lasted:.0f} "
        f"| {viewers.bytes / lasted / 1024:.0f} | {rate('cpu') * 100:.0f} % | {memory} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--viewers", default="0,1,100,1000")
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    sizes = [int(size) for size in options.viewers.split(",")]
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "BENCH_DATABASE": str(Path(folder) / "bench.sqlite3")}
        made = subprocess.run(
            [sys.executable, "-c", SETUP, str(max(sizes))], env=env, capture_output=True, text=True, check=False
        )
        if made.returncode:
            raise SystemExit(made.stderr)
        keys = made.stdout.split()
        # serve() prints its port and ends with its standard input.
        command = [sys.executable, "-m", "bench.serve", "bench.servers.dashboards"]
        with subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdin is not None
            assert server.stdout is not None
            try:
                port = int(server.stdout.readline())
                print("| viewers | source queries/s | other queries/s | events/s | KiB/s | CPU | KiB each |")
                print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
                for size in sizes:
                    print(measure(port, keys[:size], options.seconds), flush=True)
                    while counts(port)["watched"]:
                        time.sleep(0.1)
            finally:
                server.stdin.close()
                try:
                    server.wait(15)
                except subprocess.TimeoutExpired:
                    server.kill()


if __name__ == "__main__":
    main()
