"""A NATS server with JetStream from a wheel, on a free port, gone when the tests are."""

import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.live.servers import free_port
from tests.live.waiting import until


class Nats:
    """A running server. `stop()` it at the end."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"nats://127.0.0.1:{self.port}"
        self._folder = Path(tempfile.mkdtemp(prefix="sse-nats-", dir="/tmp"))
        self.store = self._folder / "store"
        self.start()

    def start(self) -> None:
        """Start it, with what its folder holds."""
        self.process = subprocess.Popen(
            [
                *(Path(sys.executable).with_name("nats-server"), "--jetstream", "--store_dir", self.store),
                *("--addr", "127.0.0.1", "--port", str(self.port)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        until(self._ready, 30, "NATS answers")

    def _ready(self) -> bool:
        assert self.process.poll() is None, "NATS ended at once"
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as probe:
                return probe.recv(4) == b"INFO"
        except OSError:
            return False

    def kill(self) -> None:
        """As a crash."""
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """With what it has written down."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)

    def stop(self) -> None:
        """Kill it and remove its files."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)
