"""NATS with JetStream from the wheel that the tests use. What it acknowledged is with the kernel: no kill -9 loses it."""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path
from typing import Any

from faults.engines.base import ServerEngine, memory
from faults.process import Process
from tests.live.servers import free_port


class NatsEngine(ServerEngine):
    def prepare(self) -> Process:
        self.port = free_port()
        command: list[object] = [Path(sys.executable).with_name("nats-server"), "--jetstream"]
        command += ["--store_dir", self.folder / "store", "--addr", "127.0.0.1", "--port", self.port]
        return Process(command, self.folder / "nats.log", {})

    def answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as probe:
                return probe.recv(4) == b"INFO"
        except OSError:
            return False

    def config(self) -> dict[str, Any]:
        options = {"servers": f"nats://127.0.0.1:{self.port}", "timeout": 1.5}
        return memory("sse_django.backends.nats.NatsBackend", options)

    def contents(self) -> list[str]:
        return asyncio.run(self._contents())

    async def _contents(self) -> list[str]:
        import nats

        client = await nats.connect(f"nats://127.0.0.1:{self.port}")
        try:
            stream = client.jetstream()
            state = (await stream.stream_info("sse_django")).state
            places = range(state.first_seq, state.last_seq + 1)
            return [((await stream.get_msg("sse_django", seq)).data or b"").decode() for seq in places]
        finally:
            await client.close()
